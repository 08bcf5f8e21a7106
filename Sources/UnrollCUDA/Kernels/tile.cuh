// A tile of a matrix product, computed by a block of 128 threads: sums[m][n] = Σ a(m, k) b(n, k) over all k.
//
// Factors pass through shared memory, K columns at a time; while one part is multiplied, the next is on its way. With
// BFLOAT16 factors are rounded and multiplied by tensor cores, otherwise by float32 multiply-adds, one after the other
// in the order of k. Sums are float32 in both.

#define TILE_THREADS 128

template <int M, int N, int K>
struct Tile {
    static_assert(M % 16 == 0 && M <= 64 && N % 16 == 0 && K % 16 == 0, "tiles consist of those of tensor cores");
    // What a thread brings of each factor at a time.
    static constexpr int A_COUNT = M * K / TILE_THREADS, B_COUNT = N * K / TILE_THREADS;

    struct Shared {
#if BFLOAT16
        // Pairs of numbers that are neighbors in k. Rows are apart by 4 words modulo 8, so that the threads of a warp
        // read from different banks.
        u32 a[M][K / 2 + 4], b[N][K / 2 + 4];
#else
        alignas(16) float a[K][M + 4];
        alignas(16) float b[K][N + 4];
#endif
        float sums[M][N + 1];
    };

    // Computes the tile and leaves it in `shared.sums` for all threads of the block.
    //
    // `a` and `b` return a factor for (row, k), zero outside of the matrix.
    template <typename A, typename B>
    DEVICE void compute(Shared& shared, int begin, int end, A a, B b) {
        float next_a[A_COUNT], next_b[B_COUNT];
        Sums sums;
        bring<M>(next_a, begin, a);
        bring<N>(next_b, begin, b);
        for (int k = begin; k < end; k += K) {
            put<M>(shared.a, next_a);
            put<N>(shared.b, next_b);
            __syncthreads();
            if (k + K < end) {
                bring<M>(next_a, k + K, a);
                bring<N>(next_b, k + K, b);
            }
            sums.add(shared);
            __syncthreads();
        }
        sums.write(shared);
        __syncthreads();
    }

private:
    // Which factor the thread brings as its number `index`.
    //
    // A warp brings 8 rows of 4 pairs at a time: whichever of the two lies together in memory, that is whole sectors of 32
    // bytes. In shared memory, the rows' padding puts all of them into different banks.
    DEVICE void place(int index, int& row, int& k) {
        const int lane = threadIdx.x % 32, group = index / 2 * (TILE_THREADS / 32) + (int)threadIdx.x / 32;
        row = group / (K / 8) * 8 + lane % 8;
        k = (group % (K / 8) * 4 + lane / 8) * 2 + index % 2;
    }

    template <int ROWS, int COUNT, typename Factor>
    DEVICE void bring(float (&values)[COUNT], int begin, Factor factor) {
        static_assert(COUNT == ROWS * K / TILE_THREADS, "a block brings all rows");
#pragma unroll
        for (int index = 0; index < COUNT; index++) {
            int row, k;
            place(index, row, k);
            values[index] = factor(row, begin + k);
        }
    }

#if BFLOAT16
    template <int ROWS, int COUNT>
    DEVICE void put(u32 (&words)[ROWS][K / 2 + 4], const float (&values)[COUNT]) {
#pragma unroll
        for (int index = 0; index < COUNT; index += 2) {
            int row, k;
            place(index, row, k);
            words[row][k / 2] = bfloat16_pair(values[index], values[index + 1]);
        }
    }

    // A warp's share of the tile: one row of tensor-core tiles, and every second or so of its columns.
    struct Sums {
        static constexpr int ROWS = M / 16, STRIDE = 4 / ROWS, COUNT = (N / 8 + STRIDE - 1) / STRIDE;
        float d[COUNT][4];

        METHOD Sums() {
#pragma unroll
            for (int i = 0; i < COUNT; i++) d[i][0] = d[i][1] = d[i][2] = d[i][3] = 0.0f;
        }

        METHOD void add(const Shared& shared) {
            const int lane = threadIdx.x % 32, r = lane / 4, q = lane % 4;
            const int row = threadIdx.x / 32 % ROWS * 16 + r;
#pragma unroll
            for (int k = 0; k < K / 2; k += 8) {
                const u32 a[4] = {
                    shared.a[row][k + q], shared.a[row + 8][k + q], shared.a[row][k + q + 4],
                    shared.a[row + 8][k + q + 4]};
#pragma unroll
                for (int i = 0; i < COUNT; i++) {
                    const int column = this->column(i);
                    // The same for all threads of a warp.
                    if (column >= N) continue;
                    const u32 b[2] = {shared.b[column + r][k + q], shared.b[column + r][k + q + 4]};
                    multiply_add(d[i], a, b);
                }
            }
        }

        METHOD void write(Shared& shared) {
            const int lane = threadIdx.x % 32, r = lane / 4, q = lane % 4;
            const int row = threadIdx.x / 32 % ROWS * 16 + r;
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                const int column = this->column(i);
                if (column >= N) continue;
                shared.sums[row][column + 2 * q] = d[i][0];
                shared.sums[row][column + 2 * q + 1] = d[i][1];
                shared.sums[row + 8][column + 2 * q] = d[i][2];
                shared.sums[row + 8][column + 2 * q + 1] = d[i][3];
            }
        }

    private:
        METHOD int column(int i) { return (threadIdx.x / 32 / ROWS + i * STRIDE) * 8; }
    };
#else
    template <int ROWS, int COUNT>
    DEVICE void put(float (&words)[K][ROWS + 4], const float (&values)[COUNT]) {
#pragma unroll
        for (int index = 0; index < COUNT; index++) {
            int row, k;
            place(index, row, k);
            words[k][row] = values[index];
        }
    }

    // A thread's share of the tile: neighboring rows and columns.
    struct Sums {
        static constexpr int ROWS = M / 8, COLUMNS = N / 16;
        float d[ROWS][COLUMNS];

        METHOD Sums() {
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) d[i][j] = 0.0f;
        }

        METHOD void add(const Shared& shared) {
            const int row = threadIdx.x / 16 * ROWS, column = threadIdx.x % 16 * COLUMNS;
#pragma unroll 8
            for (int k = 0; k < K; k++) {
                float a[ROWS], b[COLUMNS];
                read(&shared.a[k][row], a);
                read(&shared.b[k][column], b);
#pragma unroll
                for (int i = 0; i < ROWS; i++)
#pragma unroll
                    for (int j = 0; j < COLUMNS; j++) d[i][j] += a[i] * b[j];
            }
        }

        METHOD void write(Shared& shared) {
            const int row = threadIdx.x / 16 * ROWS, column = threadIdx.x % 16 * COLUMNS;
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++) shared.sums[row + i][column + j] = d[i][j];
        }

    private:
        template <int COUNT>
        DEVICE void read(const float* source, float (&values)[COUNT]) {
            if constexpr (COUNT % 4 == 0) {
#pragma unroll
                for (int i = 0; i < COUNT; i += 4) {
                    const Float4 four = *(const Float4*)(source + i);
                    values[i] = four.x;
                    values[i + 1] = four.y;
                    values[i + 2] = four.z;
                    values[i + 3] = four.w;
                }
            } else {
#pragma unroll
                for (int i = 0; i < COUNT; i++) values[i] = source[i];
            }
        }
    };
#endif
};
