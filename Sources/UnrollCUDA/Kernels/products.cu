// Matrix products and sums over rows, for everything outside of the recurrence.

typedef Tile<64, 64, 16> ProductTile;

// c[m][n] = Σ a(m, k) b(k, n) + bias[n], where an element is found by strides: one of a matrix's two strides is 1.
//
// Blocks of the same place in x and y share the sum: each adds `depth` of the k, a multiple of 16, and writes to a
// matrix of its own, m * n numbers after that of the one before; `add_parts` adds them in their order.
KERNEL(128, product, (
    int m, int n, int k, const float* __restrict__ a, int a_row, int a_column, const float* __restrict__ b, int b_row,
    int b_column, const float* __restrict__ bias, float* __restrict__ c, int depth)) {
    take_turn();
    SHARED ProductTile::Shared shared;
    const int first_row = blockIdx.y * 64, first_column = blockIdx.x * 64;
    const int begin = blockIdx.z * depth, end = min(k, begin + depth);
    ProductTile::compute(
        shared, begin, end,
        [=](int row, int i) {
            row += first_row;
            return row < m && i < end ? a[(size_t)row * a_row + (size_t)i * a_column] : 0.0f;
        },
        [=](int column, int i) {
            column += first_column;
            return column < n && i < end ? b[(size_t)i * b_row + (size_t)column * b_column] : 0.0f;
        });
    for (int index = threadIdx.x; index < 64 * 64; index += TILE_THREADS) {
        const int row = first_row + index / 64, column = first_column + index % 64;
        if (row >= m || column >= n) continue;
        const float sum = shared.sums[index / 64][index % 64];
        c[((size_t)blockIdx.z * m + row) * n + column] = bias ? sum + bias[column] : sum;
    }
}

// sums[i] = Σ parts[part][i], in the order of parts.
KERNEL(256, add_parts, (int count, int part_count, const float* __restrict__ parts, float* __restrict__ sums)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x;
    if (index >= count) return;
    float sum = 0.0f;
    for (int part = 0; part < part_count; part++) sum += parts[(size_t)part * count + index];
    sums[index] = sum;
}

// sums[column] = Σ values[row][column]; `copy` gets the same, unless it is null.
//
// A block has 32 columns. Each of its 8 warps adds every eighth row, and the first adds what the others found.
KERNEL(256, sum_rows, (
    int rows, int columns, const float* __restrict__ values, float* __restrict__ sums, float* __restrict__ copy)) {
    take_turn();
    SHARED float found[8][32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, column = blockIdx.x * 32 + lane;
    float sum = 0.0f;
    if (column < columns) {
        for (int row = warp; row < rows; row += 8) sum += values[(size_t)row * columns + column];
    }
    found[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || column >= columns) return;
    for (int other = 1; other < 8; other++) sum += found[other][lane];
    sums[column] = sum;
    if (copy) copy[column] = sum;
}
