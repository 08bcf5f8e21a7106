// Large matrix products outside of the recurrence, in bfloat16: as `product`, with factors that are rounded once in memory.

// Rounds a matrix to factors. What rows have beyond its columns is zero.
KERNEL(256, round_factors, (int rows, int columns, int pitch, const float* __restrict__ numbers, u32* __restrict__ pairs)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x, row = index / (pitch / 2), column = index % (pitch / 2) * 2;
    if (row >= rows) return;
    const float* const at = numbers + (size_t)row * columns + column;
    pairs[index] = bfloat16_pair(column < columns ? at[0] : 0.0f, column + 1 < columns ? at[1] : 0.0f);
}

#define PRODUCT_SIZE 128
#define PRODUCT_STAGES 3

template <bool A_IS_TRANSPOSED, bool B_IS_TRANSPOSED>
DEVICE void multiply_factors(
    unsigned char* memory, int m, int n, int k, const u16* a, int a_pitch, const u16* b, int b_pitch, const float* bias,
    float* c, int depth) {
    typedef PipelinedTile<PRODUCT_SIZE, PRODUCT_SIZE, PRODUCT_STAGES, A_IS_TRANSPOSED, B_IS_TRANSPOSED> ProductTile;
    const int first_row = blockIdx.y * PRODUCT_SIZE, first_column = blockIdx.x * PRODUCT_SIZE;
    const int begin = blockIdx.z * depth, count = min(k - begin, depth);
    const FactorMatrix left = {a, A_IS_TRANSPOSED ? k : m, A_IS_TRANSPOSED ? m : k, a_pitch};
    const FactorMatrix right = {b, B_IS_TRANSPOSED ? k : n, B_IS_TRANSPOSED ? n : k, b_pitch};
    const auto of_a = [=](int row, int column) {
        return A_IS_TRANSPOSED ? left.at(begin + row, first_row + column) : left.at(first_row + row, begin + column);
    };
    const auto of_b = [=](int row, int column) {
        return B_IS_TRANSPOSED ? right.at(begin + row, first_column + column)
                               : right.at(first_column + row, begin + column);
    };
    ProductTile tile(memory);
    tile.begin(count, of_a, of_b);
    tile.compute(count, of_a, of_b);
#pragma unroll 4
    for (int index = threadIdx.x; index < PRODUCT_SIZE * PRODUCT_SIZE; index += PIPELINE_THREADS) {
        const int own_row = index / PRODUCT_SIZE, own_column = index % PRODUCT_SIZE;
        const int row = first_row + own_row, column = first_column + own_column;
        if (row >= m || column >= n) continue;
        const float sum = tile.sum(own_row, own_column);
        c[((size_t)blockIdx.z * m + row) * n + column] = bias ? sum + bias[column] : sum;
    }
}

// c[m][n] = Σ a(m, k) b(k, n) + bias[n]. A matrix of factors lies as the kernel's name says, in rows of k or in one row for
// each k.
//
// - `a_pitch`, `b_pitch`: Factors from one row to the next.
// - `depth`: As of `product`, a multiple of 64.
KERNEL(PIPELINE_THREADS, product_mk_nk, (
    int m, int n, int k, const u16* __restrict__ a, int a_pitch, const u16* __restrict__ b, int b_pitch,
    const float* __restrict__ bias, float* __restrict__ c, int depth)) {
    take_turn();
    DYNAMIC_SHARED(memory);
    multiply_factors<false, false>(memory, m, n, k, a, a_pitch, b, b_pitch, bias, c, depth);
}

KERNEL(PIPELINE_THREADS, product_mk_kn, (
    int m, int n, int k, const u16* __restrict__ a, int a_pitch, const u16* __restrict__ b, int b_pitch,
    const float* __restrict__ bias, float* __restrict__ c, int depth)) {
    take_turn();
    DYNAMIC_SHARED(memory);
    multiply_factors<false, true>(memory, m, n, k, a, a_pitch, b, b_pitch, bias, c, depth);
}

KERNEL(PIPELINE_THREADS, product_km_kn, (
    int m, int n, int k, const u16* __restrict__ a, int a_pitch, const u16* __restrict__ b, int b_pitch,
    const float* __restrict__ bias, float* __restrict__ c, int depth)) {
    take_turn();
    DYNAMIC_SHARED(memory);
    multiply_factors<true, true>(memory, m, n, k, a, a_pitch, b, b_pitch, bias, c, depth);
}
