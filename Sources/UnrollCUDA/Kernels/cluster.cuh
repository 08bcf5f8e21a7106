// What `cluster_forward` and `cluster_backward` share: how units, rows and weights are spread over a cluster, and the
// product of a block's weights, which stay on the chip for all steps.
//
// `ClusterLayout` defines, above this text, CLUSTER blocks of a cluster, GROUPS of 16 units of a block, SLICES of each
// forward product, and how many chunks of weights lie in registers: FORWARD_KEPT and BACKWARD_KEPT. A cluster has all
// units of a layer and up to 8 rows of the minibatch. Units past the last are computed with weights of zero.

#define BLOCK_UNITS (16 * GROUPS)
#define CLUSTER_UNITS (CLUSTER * BLOCK_UNITS)
#define CLUSTER_ROWS 8
// In the forward product a warp has one group and one slice of k.
#define WARPS (GROUPS * SLICES)
#define CLUSTER_THREADS (32 * WARPS)
// Pairs of a unit and a row: 128 of each group, and how many of them a thread has.
#define GROUP_ELEMENTS 128
#define ELEMENTS ((GROUPS * GROUP_ELEMENTS + CLUSTER_THREADS - 1) / CLUSTER_THREADS)

// Factors of k that a product takes at once, and the words that a thread keeps of a tile's weights for them.
#if BFLOAT16
#define CHUNK 32
typedef u32 Weight;
#else
#define CHUNK 16
typedef float Weight;
#endif
#define FACTOR_SIZE (BFLOAT16 ? 2 : 4)

// Chunks of a warp's share of k, and of tiles of 16 units: forward those of its slice for all gates of a group,
// backward all gates of the block's units for the warp's share of the cluster's units.
#define FORWARD_CHUNKS ((CLUSTER_UNITS + CHUNK * SLICES - 1) / (CHUNK * SLICES))
#define BACKWARD_CHUNKS ((GATES * BLOCK_UNITS + CHUNK - 1) / CHUNK)
#define BACKWARD_TILES ((CLUSTER * GROUPS + WARPS - 1) / WARPS)

// Bytes from one row of factors to the next. With bfloat16 a warp reads from eight rows at once: they begin in
// different banks.
#define ROW_BYTES(k) (BFLOAT16 ? (2 * (k) + 127) / 128 * 128 + 64 : 4 * (k))
#define FORWARD_ROW ROW_BYTES(FORWARD_CHUNKS * SLICES * CHUNK)
#define BACKWARD_ROW ROW_BYTES(BACKWARD_CHUNKS * CHUNK)

// Two transaction barriers lie at the beginning of shared memory, which is aligned to this.
#define BARRIER_BYTES 128

// A pair of a unit and a row, of which one thread takes care through all steps. They have the order in which the lanes
// of a warp hold a product of tensor cores, so that those of a warp read partial sums from different banks, and
// neighbors have neighboring units.
struct Element {
    // The number in the block, the row in the cluster, and the unit in the block.
    int number, row, unit;

    METHOD explicit Element(int index) {
        number = threadIdx.x + index * CLUSTER_THREADS;
        const int place = number % GROUP_ELEMENTS;
        row = place / 4 % 4 * 2 + place % 2;
        unit = number / GROUP_ELEMENTS * 16 + place / 16 * 2 + place / 2 % 2;
    }
    // Whether there is one: the same for all threads of a warp.
    METHOD bool exists() const { return number < GROUPS * GROUP_ELEMENTS; }
};

// The weights of a warp: TILES of 16 units, and CHUNKS of k, the first KEPT of which lie in the registers of its lanes
// and the others in shared memory.
//
// With r = lane / 4 and q = lane % 4, a lane has the units 2r and 2r + 1 of a tile, and of a chunk the quarter q of k.
template <int TILES, int CHUNKS, int KEPT>
struct Weights {
    static_assert(KEPT >= 0 && KEPT <= CHUNKS, "of all chunks some are in registers");
    // Of both units, four words each for float32. For bfloat16, of both halves of the quarter, the operand of a product
    // of tensor cores.
    Weight kept[TILES][KEPT + 1][2][4];
    // Where the lane's part of the others begins.
    u32 others;

    static constexpr int OTHERS = CHUNKS - KEPT;
    // Bytes of shared memory, of all warps.
    static constexpr int BYTES = WARPS * TILES * OTHERS * 1024;

    // Reads all weights: four(tile, unit, k) returns those of k and the three after it, with the unit's number in the
    // tile.
    template <typename Four>
    METHOD void load(unsigned char* memory, Four four) {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        unsigned char* const place = memory + warp * TILES * OTHERS * 1024 + lane * 16;
        others = shared_address(memory) + (u32)(place - memory);
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
#pragma unroll
            for (int chunk = 0; chunk < KEPT; chunk++) read(kept[tile][chunk], tile, chunk, four);
        for (int tile = 0; tile < TILES; tile++)
            for (int chunk = 0; chunk < OTHERS; chunk++) {
                Weight words[2][4];
                read(words, tile, KEPT + chunk, four);
                Weight* const to = (Weight*)(place + (tile * OTHERS + chunk) * 1024);
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    to[i] = words[0][i];
                    to[128 + i] = words[1][i];
                }
            }
    }

    // d = weights times the factors in shared memory: `factors` is the place of the first row's first factor, and rows
    // are `row_bytes` apart. A lane gets the units 2r and 2r + 1 in d[0], d[1] and d[2], d[3], each for the rows 2q
    // and 2q + 1.
    //
    // In float32 a lane adds in the order of k what its quarter of each chunk gives; then come the sums of lane q ^ 2,
    // and those of lane q ^ 1. Where there are up to 4 `rows`, the sums of others are zero.
    METHOD void multiply(float (&d)[TILES][4], u32 factors, int row_bytes, int rows) const {
#if BFLOAT16
        multiply_tiles(d, factors, row_bytes);
#else
        if (rows <= 4) multiply_rows<4>(d, factors, row_bytes);
        else multiply_rows<8>(d, factors, row_bytes);
#endif
    }

private:
#if BFLOAT16
    METHOD void multiply_tiles(float (&d)[TILES][4], u32 factors, int row_bytes) const {
        const int q = threadIdx.x % 4;
        const int r = threadIdx.x % 32 / 4;
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) d[tile][0] = d[tile][1] = d[tile][2] = d[tile][3] = 0.0f;
#pragma unroll
        for (int chunk = 0; chunk < KEPT; chunk++) {
            const Word4 word = load_shared(factors + r * row_bytes + (chunk * CHUNK + 8 * q) * FACTOR_SIZE);
            const u32 b[2][2] = {{word.x, word.y}, {word.z, word.w}};
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) multiply_add(d[tile], kept[tile][chunk][half], b[half]);
        }
#pragma unroll 1
        for (int chunk = KEPT; chunk < CHUNKS; chunk++) {
            const Word4 word = load_shared(factors + r * row_bytes + (chunk * CHUNK + 8 * q) * FACTOR_SIZE);
            const u32 b[2][2] = {{word.x, word.y}, {word.z, word.w}};
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) {
                    u32 a[4];
                    fetch(a, tile, chunk, half);
                    multiply_add(d[tile], a, b[half]);
                }
        }
    }
#else
    template <int LIVE>
    METHOD void multiply_rows(float (&d)[TILES][4], u32 factors, int row_bytes) const {
        const int q = threadIdx.x % 4;
        float sums[TILES][2][CLUSTER_ROWS];
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
#pragma unroll
            for (int row = 0; row < CLUSTER_ROWS; row++) sums[tile][0][row] = sums[tile][1][row] = 0.0f;
#pragma unroll
        for (int chunk = 0; chunk < KEPT; chunk++)
#pragma unroll
            for (int row = 0; row < LIVE; row++) {
                float x[4];
                words_at(x, factors + row * row_bytes + (chunk * CHUNK + 4 * q) * FACTOR_SIZE);
#pragma unroll
                for (int tile = 0; tile < TILES; tile++)
#pragma unroll
                    for (int i = 0; i < 2; i++)
#pragma unroll
                        for (int j = 0; j < 4; j++) sums[tile][i][row] += kept[tile][chunk][i][j] * x[j];
            }
        // One unit after the other, as registers are scarce where there are others.
#pragma unroll 1
        for (int chunk = KEPT; chunk < CHUNKS; chunk++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float a[TILES][4];
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) fetch(a[tile], tile, chunk, i);
#pragma unroll
                for (int row = 0; row < LIVE; row++) {
                    float x[4];
                    words_at(x, factors + row * row_bytes + (chunk * CHUNK + 4 * q) * FACTOR_SIZE);
#pragma unroll
                    for (int tile = 0; tile < TILES; tile++)
#pragma unroll
                        for (int j = 0; j < 4; j++) sums[tile][i][row] += a[tile][j] * x[j];
                }
            }
        // Lanes exchange halves of the rows, and then quarters, so that each has all of k for its two.
        const bool upper = q & 2, odd = q & 1;
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const float(&sum)[CLUSTER_ROWS] = sums[tile][i];
                float half[4];
#pragma unroll
                for (int row = 0; row < 4; row++) {
                    const float sent = upper ? sum[row] : sum[row + 4];
                    half[row] = (upper ? sum[row + 4] : sum[row]) + warp_xor(sent, 2);
                }
#pragma unroll
                for (int row = 0; row < 2; row++) {
                    const float sent = odd ? half[row] : half[row + 2];
                    d[tile][2 * i + row] = (odd ? half[row + 2] : half[row]) + warp_xor(sent, 1);
                }
            }
    }
#endif

    template <typename Four>
    METHOD void read(Weight (&words)[2][4], int tile, int chunk, Four four) {
        const int lane = threadIdx.x % 32, r = lane / 4, q = lane % 4;
#pragma unroll
        for (int i = 0; i < 2; i++) {
#if BFLOAT16
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const Float4 w = four(tile, 2 * r + i, chunk * CHUNK + 8 * q + 4 * half);
                words[half][i] = bfloat16_pair(w.x, w.y);
                words[half][i + 2] = bfloat16_pair(w.z, w.w);
            }
#else
            const Float4 w = four(tile, 2 * r + i, chunk * CHUNK + 4 * q);
            words[i][0] = w.x, words[i][1] = w.y, words[i][2] = w.z, words[i][3] = w.w;
#endif
        }
    }

    // Four words of the weights in shared memory.
    METHOD void fetch(Weight (&words)[4], int tile, int chunk, int part) const {
        words_at(words, others + (tile * OTHERS + chunk - KEPT) * 1024 + part * 512);
    }

    DEVICE void words_at(u32 (&words)[4], u32 address) {
        const Word4 word = load_shared(address);
        words[0] = word.x, words[1] = word.y, words[2] = word.z, words[3] = word.w;
    }
    DEVICE void words_at(float (&words)[4], u32 address) {
        u32 bits[4];
        words_at(bits, address);
#pragma unroll
        for (int i = 0; i < 4; i++) words[i] = __uint_as_float(bits[i]);
    }
};

// Sets the barriers of a block up, and clears memory that is read before it is written.
DEVICE void begin_exchange(unsigned char* memory, unsigned char* cleared, int bytes) {
    if (threadIdx.x == 0) {
        barrier_init(shared_address(memory), 1);
        barrier_init(shared_address(memory) + 8, 1);
        barrier_publish();
    }
    for (int i = threadIdx.x; i < bytes / 4; i += CLUSTER_THREADS) ((u32*)cleared)[i] = 0;
    __syncthreads();
}
