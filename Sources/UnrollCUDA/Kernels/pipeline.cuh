// A tile of a matrix product by tensor cores, computed by a block of 256 threads: sums[m][n] = Σ a(m, k) b(k, n).
//
// Factors are bfloat16 in global memory. They come into shared memory in stages of DEPTH of the k, which are on their way
// while earlier ones are multiplied. Sums are float32. Each warp has half of the rows and a part of the columns; where
// columns are too few for all warps, a stage's k are divided among SLICES of them, and sums are added in the order of the
// slices.
//
// `a` lies in rows of neighboring k, a row of the tile in each; or, if A_IS_TRANSPOSED, a k in each with neighboring rows
// of the tile. `b` lies in rows of neighboring k, a column of the tile in each; or, if B_IS_TRANSPOSED, a k in each with
// neighboring columns.
//
// In shared memory, rows have 128 bytes or a multiple. The 16 bytes at place c of row r stand at place c ^ r % 8, so that
// eight rows' 16 bytes of the same k lie in different banks, as do neighbors in a row.

#define PIPELINE_THREADS 256

// Eight factors in a row, which are zero if there are none.
struct Eight {
    const u16* address;
    bool exists;
};

// A matrix of factors. Its rows are `pitch` factors apart, a multiple of 8, and zero from the last column on.
struct FactorMatrix {
    const u16* factors;
    int rows, columns, pitch;

    // Eight factors of a row from a column on, a multiple of 8.
    METHOD Eight at(int row, int column) const {
        return {factors + ((u32)row * pitch + column), (u32)row < (u32)rows && column < columns};
    }
};

template <int M, int N, int STAGES, bool A_IS_TRANSPOSED, bool B_IS_TRANSPOSED>
struct PipelinedTile {
    static constexpr int COLUMN_WARPS = N >= 96 ? 4 : N >= 64 ? 2 : 1, SLICES = 4 / COLUMN_WARPS;
    // A slice multiplies 32 of the k at a time.
    static constexpr int DEPTH = SLICES == 4 ? 128 : 64;
    static constexpr int WARP_ROWS = M / 2, WARP_COLUMNS = N / COLUMN_WARPS;
    static constexpr int A_BYTES = 2 * M * DEPTH, STAGE_BYTES = A_BYTES + 2 * N * DEPTH;
    // Rows of sums are apart by 8 words modulo 32, so that the threads of a warp write to different banks.
    static constexpr int SUM_ROW = N + 8;
    static_assert(M % 32 == 0 && N % 32 == 0, "warps have whole tiles of tensor cores");
    static_assert(!A_IS_TRANSPOSED || M % 64 == 0, "rows have 128 bytes or a multiple");
    static_assert(!B_IS_TRANSPOSED || N % 64 == 0, "rows have 128 bytes or a multiple");
    static_assert(4 * SLICES * M * SUM_ROW <= STAGES * STAGE_BYTES, "sums take the place of the stages");

    // Stages, and later sums.
    unsigned char* memory;
    float d[WARP_ROWS / 16][WARP_COLUMNS / 8][4];

    METHOD PipelinedTile(unsigned char* memory) : memory(memory) {
#pragma unroll
        for (int i = 0; i < WARP_ROWS / 16; i++)
#pragma unroll
            for (int j = 0; j < WARP_COLUMNS / 8; j++) d[i][j][0] = d[i][j][1] = d[i][j][2] = d[i][j][3] = 0.0f;
    }

    // Sends for the first stages.
    //
    // `a` and `b` say where eight factors are: `Eight` from the tile's row or column and a k on, or, of what is
    // transposed, from a k and the tile's row or column on.
    template <typename A, typename B>
    METHOD void begin(int depth, A a, B b) {
#pragma unroll
        for (int stage = 0; stage < STAGES - 1; stage++) bring(stage, depth, a, b);
    }

    // Computes the sums of k up to `depth`, after `begin` with the same factors, for all threads of the block to read.
    template <typename A, typename B>
    METHOD void compute(int depth, A a, B b) {
        const int count = (depth + DEPTH - 1) / DEPTH;
        for (int stage = 0; stage < count; stage++) {
            // What this thread has sent for must be there, and then what all have, before it is read. All have read the
            // stage before this one then, whose place becomes free.
            wait_for_copies<STAGES - 2>();
            __syncthreads();
            bring(stage + STAGES - 1, depth, a, b);
            multiply(shared_address(memory) + stage % STAGES * STAGE_BYTES);
        }
        __syncthreads();
        write();
        __syncthreads();
    }

    METHOD float sum(int row, int column) const {
        const float* const part = (const float*)memory + row * SUM_ROW + column;
        float sum = part[0];
#pragma unroll
        for (int slice = 1; slice < SLICES; slice++) sum += part[slice * M * SUM_ROW];
        return sum;
    }

private:
    // Sends for a stage if there is one; in any case, there is one more group of copies to wait for.
    template <typename A, typename B>
    METHOD void bring(int stage, int depth, A a, B b) {
        const int first = stage * DEPTH;
        if (first < depth) {
            const u32 place = shared_address(memory) + stage % STAGES * STAGE_BYTES;
            if constexpr (A_IS_TRANSPOSED)
                copy<DEPTH, M>(place, [=](int k, int row) { return a(first + k, row); });
            else
                copy<M, DEPTH>(place, [=](int row, int k) { return a(row, first + k); });
            if constexpr (B_IS_TRANSPOSED)
                copy<DEPTH, N>(place + A_BYTES, [=](int k, int column) { return b(first + k, column); });
            else
                copy<N, DEPTH>(place + A_BYTES, [=](int column, int k) { return b(column, first + k); });
        }
        end_copies();
    }

    template <int COUNT, int WIDTH, typename Factors>
    DEVICE void copy(u32 place, Factors factors) {
#pragma unroll
        for (int index = 0; index < COUNT * WIDTH / 8; index += PIPELINE_THREADS) {
            const int i = index + threadIdx.x, row = i / (WIDTH / 8), eight = i % (WIDTH / 8);
            const Eight from = factors(row, 8 * eight);
            copy_to_shared(place_of<WIDTH>(place, row, eight), from.address, from.exists);
        }
    }

    // Where 16 bytes of a row are.
    template <int WIDTH>
    DEVICE u32 place_of(u32 place, int row, int eight) {
        return place + 2 * WIDTH * row + 16 * (eight ^ row % 8);
    }

    METHOD void multiply(u32 place) {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        const int first_row = warp % 2 * WARP_ROWS, first_column = warp / 2 % COLUMN_WARPS * WARP_COLUMNS;
#pragma unroll
        for (int turn = 0; turn < DEPTH / 32 / SLICES; turn++) {
            // Eights of the k.
            const int k = 4 * (turn * SLICES + warp / 2 / COLUMN_WARPS);
            u32 left[WARP_ROWS / 16][2][4], right[WARP_COLUMNS / 8][2][2];
#pragma unroll
            for (int i = 0; i < WARP_ROWS / 16; i++)
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    const int row = first_row + 16 * i, eight = k + 2 * half + lane / 16;
                    if constexpr (A_IS_TRANSPOSED)
                        load_transposed(
                            left[i][half], place_of<M>(place, 8 * eight + lane % 8, row / 8 + lane / 8 % 2));
                    else
                        load_matrices(left[i][half], place_of<DEPTH>(place, row + lane % 16, eight));
                }
#pragma unroll
            for (int j = 0; j < WARP_COLUMNS / 8; j++) {
                u32 words[4];
                const int column = first_column + 8 * j;
                if constexpr (B_IS_TRANSPOSED)
                    load_transposed(words, place_of<N>(place + A_BYTES, 8 * k + lane, column / 8));
                else
                    load_matrices(words, place_of<DEPTH>(place + A_BYTES, column + lane % 8, k + lane / 8));
#pragma unroll
                for (int word = 0; word < 4; word++) right[j][word / 2][word % 2] = words[word];
            }
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int j = 0; j < WARP_COLUMNS / 8; j++)
#pragma unroll
                    for (int i = 0; i < WARP_ROWS / 16; i++) multiply_add(d[i][j], left[i][half], right[j][half]);
        }
    }

    METHOD void write() {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, r = lane / 4, q = lane % 4;
        const int row = warp % 2 * WARP_ROWS + r, column = warp / 2 % COLUMN_WARPS * WARP_COLUMNS + 2 * q;
        float* const part = (float*)memory + warp / 2 / COLUMN_WARPS * M * SUM_ROW + row * SUM_ROW + column;
#pragma unroll
        for (int i = 0; i < WARP_ROWS / 16; i++)
#pragma unroll
            for (int j = 0; j < WARP_COLUMNS / 8; j++) {
                float* const at = part + 16 * i * SUM_ROW + 8 * j;
                at[0] = d[i][j][0];
                at[1] = d[i][j][1];
                at[8 * SUM_ROW] = d[i][j][2];
                at[8 * SUM_ROW + 1] = d[i][j][3];
            }
    }
};
