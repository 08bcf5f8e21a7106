// What kernels share that run all steps of a recurrent layer in one launch: how units, rows and weights are spread over
// blocks, and the product of a block's weights, which stay on the chip for all steps.
//
// A team of blocks has all units of a layer and some rows of the minibatch: a cluster, whose blocks send to each other's
// shared memory, or a part of a cooperative grid, whose blocks exchange data by way of global memory.
//
// `PersistentLayout` defines, above this text, BLOCKS of a team, GROUPS of 16 units of a block, SLICES of each forward
// product, and how many chunks of weights lie in registers: FORWARD_KEPT and BACKWARD_KEPT. Units past the last are
// computed with weights of zero.

#define BLOCK_UNITS (16 * GROUPS)
#define TEAM_UNITS (BLOCKS * BLOCK_UNITS)
// Rows of a product, and the most that a team has at once.
#define TEAM_ROWS 8
// In the forward product a warp has one group and one slice of k.
#define WARPS (GROUPS * SLICES)
#define THREADS (32 * WARPS)
// Pairs of a unit and a row: 128 of each group, and how many of them a thread has.
#define GROUP_ELEMENTS 128
#define ELEMENTS ((GROUPS * GROUP_ELEMENTS + THREADS - 1) / THREADS)

// Factors of k that a product takes at once, and the words that a thread keeps of a tile's weights for them.
#if BFLOAT16
#define CHUNK 32
typedef u32 Weight;
#else
#define CHUNK 16
typedef float Weight;
#endif
#define FACTOR_SIZE (BFLOAT16 ? 2 : 4)
// Bytes of a row's factors of a chunk: 16 for each of four lanes.
#define CHUNK_BYTES 64

// Chunks of a slice of the forward product: a warp has those of all gates of a group.
#define FORWARD_CHUNKS ((TEAM_UNITS + CHUNK * SLICES - 1) / (CHUNK * SLICES))

// A pair of a unit and a row, of which one thread takes care through all steps. They have the order in which the lanes
// of a warp hold a product of tensor cores, so that those of a warp read partial sums from different banks, and
// neighbors have neighboring units.
struct Element {
    // The number in the block, and the row and the unit among those of the block.
    int number, own_row, own_unit;
    // The row and the unit of all.
    int row, unit;
    // Whether the row is one of the minibatch's, and whether the unit is one of the layer's, too.
    bool has_row, is_live;

    // That of a thread, by its index; of a block's units and rows, the first unit, the first row, and how many rows.
    METHOD Element(int index, int first_unit, int first_row, int rows) {
        number = threadIdx.x + index * THREADS;
        const int place = number % GROUP_ELEMENTS;
        own_row = place / 4 % 4 * 2 + place % 2;
        own_unit = number / GROUP_ELEMENTS * 16 + place / 16 * 2 + place / 2 % 2;
        row = first_row + own_row;
        unit = first_unit + own_unit;
        has_row = exists() && own_row < rows;
        is_live = has_row && unit < HIDDEN;
    }
    // Whether there is one: the same for all threads of a warp.
    METHOD bool exists() const { return number < GROUPS * GROUP_ELEMENTS; }
};

// Where a product finds its factors in shared memory: rows that are `row_bytes` apart.
//
// `prepare` and `place` are what a product asks of factors: the first before it uses a chunk, by all threads of a warp
// together, and the second for where the lane's quarter of a row's chunk is.
struct SharedFactors {
    u32 first;
    int row_bytes;

    // Those of a block of rows; `address` is the place of the first row's first factor.
    METHOD SharedFactors(u32 address, int row_bytes) : first(address + threadIdx.x % 4 * 16), row_bytes(row_bytes) {}
    METHOD void prepare(int chunk) {}
    METHOD u32 place(int row, int chunk) const { return first + row * row_bytes + chunk * CHUNK_BYTES; }
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

    // d = weights times factors. A lane gets the units 2r and 2r + 1 in d[0], d[1] and d[2], d[3], each for the rows
    // 2q and 2q + 1.
    //
    // In float32 a lane adds in the order of k what its quarter of each chunk gives; then come the sums of lane q ^ 2,
    // and those of lane q ^ 1. Where there are up to 4 `rows`, the sums of others are zero.
    template <typename Factors>
    METHOD void multiply(float (&d)[TILES][4], Factors factors, int rows) const {
#if BFLOAT16
        multiply_tiles(d, factors);
#else
        if (rows <= 4) multiply_rows<4>(d, factors);
        else multiply_rows<8>(d, factors);
#endif
    }

private:
#if BFLOAT16
    template <typename Factors>
    METHOD void multiply_tiles(float (&d)[TILES][4], Factors& factors) const {
        const int r = threadIdx.x % 32 / 4;
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) d[tile][0] = d[tile][1] = d[tile][2] = d[tile][3] = 0.0f;
#pragma unroll
        for (int chunk = 0; chunk < KEPT; chunk++) {
            factors.prepare(chunk);
            const Word4 word = load_shared(factors.place(r, chunk));
            const u32 b[2][2] = {{word.x, word.y}, {word.z, word.w}};
#pragma unroll
            for (int half = 0; half < 2; half++)
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) multiply_add(d[tile], kept[tile][chunk][half], b[half]);
        }
#pragma unroll 1
        for (int chunk = KEPT; chunk < CHUNKS; chunk++) {
            factors.prepare(chunk);
            const Word4 word = load_shared(factors.place(r, chunk));
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
    template <int LIVE, typename Factors>
    METHOD void multiply_rows(float (&d)[TILES][4], Factors& factors) const {
        const int q = threadIdx.x % 4;
        float sums[TILES][2][TEAM_ROWS];
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
#pragma unroll
            for (int row = 0; row < TEAM_ROWS; row++) sums[tile][0][row] = sums[tile][1][row] = 0.0f;
#pragma unroll
        for (int chunk = 0; chunk < KEPT; chunk++) {
            factors.prepare(chunk);
#pragma unroll
            for (int row = 0; row < LIVE; row++) {
                float x[4];
                words_at(x, factors.place(row, chunk));
#pragma unroll
                for (int tile = 0; tile < TILES; tile++)
#pragma unroll
                    for (int i = 0; i < 2; i++)
#pragma unroll
                        for (int j = 0; j < 4; j++) sums[tile][i][row] += kept[tile][chunk][i][j] * x[j];
            }
        }
        // One unit after the other, as registers are scarce where there are others.
#pragma unroll 1
        for (int chunk = KEPT; chunk < CHUNKS; chunk++) {
            factors.prepare(chunk);
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float a[TILES][4];
#pragma unroll
                for (int tile = 0; tile < TILES; tile++) fetch(a[tile], tile, chunk, i);
#pragma unroll
                for (int row = 0; row < LIVE; row++) {
                    float x[4];
                    words_at(x, factors.place(row, chunk));
#pragma unroll
                    for (int tile = 0; tile < TILES; tile++)
#pragma unroll
                        for (int j = 0; j < 4; j++) sums[tile][i][row] += a[tile][j] * x[j];
                }
            }
        }
        // Lanes exchange halves of the rows, and then quarters, so that each has all of k for its two.
        const bool upper = q & 2, odd = q & 1;
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const float(&sum)[TEAM_ROWS] = sums[tile][i];
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

typedef Weights<GATES, FORWARD_CHUNKS, FORWARD_KEPT> ForwardWeights;

// Reads the weights of a warp in a forward product: all gates of its group, and its slice of k.
//
// - `weights`: Of a layer, [G units, H].
// - `memory`: Shared memory for those that are not in registers.
// - `first_unit`: Of the block.
// - `units`: Units of the layer.
template <int TILES, int KEPT>
DEVICE void load_forward(
    Weights<TILES, FORWARD_CHUNKS, KEPT>& kept, unsigned char* memory, const float* weights, int first_unit, int units) {
    const int warp = threadIdx.x / 32, slice = warp % SLICES;
    kept.load(memory, [=](int gate, int unit, int k) {
        unit += first_unit + warp / SLICES * 16;
        k += slice * FORWARD_CHUNKS * CHUNK;
        const float* const row = weights + ((size_t)gate * units + unit) * HIDDEN;
        Float4 w = {0.0f, 0.0f, 0.0f, 0.0f};
        if (unit >= units) return w;
        // Where rows are aligned, four are there or none, and they come at once.
        if (HIDDEN % 4 == 0) return k < HIDDEN ? *(const Float4*)(row + k) : w;
        if (k < HIDDEN) w.x = row[k];
        if (k + 1 < HIDDEN) w.y = row[k + 1];
        if (k + 2 < HIDDEN) w.z = row[k + 2];
        if (k + 3 < HIDDEN) w.w = row[k + 3];
        return w;
    });
}

// Four numbers of a column of weights, of which so many are there.
DEVICE Float4 four_rows(const float* column, int count) {
    Float4 w = {0.0f, 0.0f, 0.0f, 0.0f};
    if (count > 0) w.x = column[0];
    if (count > 1) w.y = column[HIDDEN];
    if (count > 2) w.z = column[2 * HIDDEN];
    if (count > 3) w.w = column[3 * HIDDEN];
    return w;
}

// Partial sums of a block's products in shared memory, where warps have slices of k: of each warp TILES tiles, and from
// one warp to the next STRIDE numbers.
template <int TILES, int STRIDE = TILES * GROUP_ELEMENTS>
struct PartialSums {
    float* parts;

    // Stores those of a warp.
    METHOD void store(const float (&d)[TILES][4]) const {
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) {
            *(Float4*)(parts + threadIdx.x / 32 * STRIDE + tile * GROUP_ELEMENTS + threadIdx.x % 32 * 4) =
                {d[tile][0], d[tile][1], d[tile][2], d[tile][3]};
        }
    }
    // The sum of an element, in the order of the slices.
    METHOD float sum(const Element& element, int tile) const {
        const int group = element.number / GROUP_ELEMENTS;
        const float* const part = parts + group * SLICES * STRIDE + tile * GROUP_ELEMENTS + element.number % GROUP_ELEMENTS;
        float sum = part[0];
#pragma unroll
        for (int i = 1; i < SLICES; i++) sum += part[i * STRIDE];
        return sum;
    }
};

// Factors of four units in a row, which four lanes have.
#if BFLOAT16
typedef u64 FourFactors;
#else
typedef Float4 FourFactors;
#endif

// Collects the factors of four lanes whose elements are of units in a row: each of the lanes gets all. All threads of a
// warp call it together.
DEVICE FourFactors collect_four(float factor) {
    const bool is_second = threadIdx.x & 2, is_later = threadIdx.x & 16;
    const float neighbor = warp_xor(factor, 2);
    const float low = is_second ? neighbor : factor, high = is_second ? factor : neighbor;
#if BFLOAT16
    const u32 pair = bfloat16_pair(low, high);
    const u32 other = __float_as_uint(warp_xor(__uint_as_float(pair), 16));
    return (u64)(is_later ? pair : other) << 32 | (is_later ? other : pair);
#else
    const float other_low = warp_xor(low, 16), other_high = warp_xor(high, 16);
    return {is_later ? other_low : low, is_later ? other_high : high, is_later ? low : other_low,
            is_later ? high : other_high};
#endif
}
// Which of the four lanes a thread is.
DEVICE u32 lane_of_four() { return threadIdx.x / 2 % 2 + threadIdx.x / 16 % 2 * 2; }
