// How the blocks of a cooperative grid exchange factors: each stores its own into global memory, and all load those of
// the team again and again until they are there.
//
// Every step has memory of its own, which is zero when the launch begins. A word of factors is stored as its complement,
// which is never zero, so that each word shows by itself whether it is there: nothing depends on the order in which
// stores are seen, and no memory is written twice.

// Chunks of a warp's factors that are loaded at once, and the bytes of one of all rows.
#define PIECE 4
#define PIECE_CHUNK (TEAM_ROWS * CHUNK_BYTES)

// The complement of a word of factors. A word with all bits set is no number, and becomes another one that is none.
DEVICE u32 sealed(u32 word) { return word == 0xffffffffu ? 0x80000000u : ~word; }

// Stores the factors of four elements with units in a row, from k on. All threads of a warp call it together.
//
// - `rows`: The factors of a step, [B, K].
DEVICE void publish(float factor, const Element& element, u32* rows, int K, int k) {
    const FourFactors four = collect_four(factor);
    if (!element.has_row || lane_of_four() != 0) return;
    u32* const place = rows + ((size_t)element.row * K + k) * FACTOR_SIZE / 4;
#if BFLOAT16
    store_relaxed((u64*)place, (u64)sealed((u32)(four >> 32)) << 32 | sealed((u32)four));
#else
    store_relaxed((Word4*)place, Word4{
        sealed(__float_as_uint(four.x)), sealed(__float_as_uint(four.y)), sealed(__float_as_uint(four.z)),
        sealed(__float_as_uint(four.w))});
#endif
}

// The shared memory of a block for products of TILES tiles: two areas, of which each warp has a part. It takes factors
// there and then leaves its partial sums. As rows take turns with the areas, warps may be up to one barrier apart.
template <int TILES>
struct Areas {
    static constexpr int OF_WARP = TILES > PIECE ? TILES * PIECE_CHUNK : PIECE * PIECE_CHUNK;
    static constexpr int BYTES = 2 * WARPS * OF_WARP;
    typedef PartialSums<TILES, OF_WARP / 4> Sums;

    unsigned char* memory;
    // Where the warps' parts begin, of the rows that have this turn, 0 or 1.
    METHOD unsigned char* area(int turn) const { return memory + turn * WARPS * OF_WARP; }
    METHOD unsigned char* of_warp(int turn) const { return area(turn) + threadIdx.x / 32 * OF_WARP; }
    METHOD Sums sums(int turn) const { return {(float*)area(turn)}; }
};

// The factors that a warp takes from other blocks: CHUNKS of k for up to TEAM_ROWS rows, a piece at a time, by way of
// shared memory. A piece is on its way while the one before it is multiplied.
template <int CHUNKS>
struct GridFactors {
    // The lane's quarter of the first chunk of a row, and of how many chunks there is one.
    const Word4* from;
    int count;
    // The warp's memory, and the lane's quarter in it.
    unsigned char* memory;
    u32 first;
    Word4 words[PIECE];

    // Asks for the first piece.
    //
    // - `rows`: The factors of a step, [B, K], from the first row on.
    // - `k`: The first one of the warp.
    // - `live_rows`: How many rows there are; the factors of others are zero.
    // - `memory`: Of the warp.
    METHOD GridFactors(const u32* rows, int K, int k, int live_rows, unsigned char* memory) : memory(memory) {
        const int lane = threadIdx.x % 32, row = lane / 4, quarter = CHUNK / 4;
        k += lane % 4 * quarter;
        from = (const Word4*)(rows + ((size_t)row * K + k) * FACTOR_SIZE / 4);
        count = row < live_rows ? max(0, min(CHUNKS, (K - k + CHUNK - 1) / CHUNK)) : 0;
        first = shared_address(memory) + lane % 4 * 16;
        request(0);
    }
    METHOD void prepare(int chunk) {
        if (chunk % PIECE != 0) return;
        wait(chunk);
        // Lanes read what others have stored.
        warp_barrier();
#pragma unroll
        for (int i = 0; i < PIECE; i++) {
            const Word4 w = words[i];
            ((Word4*)(memory + i * PIECE_CHUNK))[threadIdx.x % 32] = {~w.x, ~w.y, ~w.z, ~w.w};
        }
        warp_barrier();
        request(chunk + PIECE);
    }
    METHOD u32 place(int row, int chunk) const {
        return first + chunk % PIECE * PIECE_CHUNK + row * CHUNK_BYTES;
    }

private:
    METHOD void request(int chunk) {
#pragma unroll
        for (int i = 0; i < PIECE; i++) {
            words[i] = chunk + i < count ? load_relaxed(from + (chunk + i) * 4) : Word4{~0u, ~0u, ~0u, ~0u};
        }
    }
    // Loads what is not there yet until all is.
    METHOD void wait(int chunk) {
        Watchdog watchdog;
        for (;;) {
            bool is_complete = true;
#pragma unroll
            for (int i = 0; i < PIECE; i++) {
                const Word4 w = words[i];
                if (w.x != 0 && w.y != 0 && w.z != 0 && w.w != 0) continue;
                is_complete = false;
                words[i] = load_relaxed(from + (chunk + i) * 4);
            }
            if (is_complete) return;
            watchdog.turn();
        }
    }
};
