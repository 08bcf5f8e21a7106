// Random masks: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011), many blocks side by side.

// Units that one block decides about, blocks of a row of a panel, and rows whose blocks are computed together.
enum { BLOCK_UNITS = 8, ROW_BLOCKS = WIDTH / BLOCK_UNITS, MASK_ROWS = 8, MASK_BLOCKS = MASK_ROWS * ROW_BLOCKS };

// counters and, in their place, results: [4][MASK_BLOCKS].
INLINE void philox(uint32_t (*words)[MASK_BLOCKS], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < MASK_BLOCKS; i++) {
            const uint64_t a = (uint64_t)words[0][i] * 0xD2511F53u;
            const uint64_t b = (uint64_t)words[2][i] * 0xCD9E8D57u;
            words[0][i] = (uint32_t)(b >> 32) ^ words[1][i] ^ key0;
            words[2][i] = (uint32_t)(a >> 32) ^ words[3][i] ^ key1;
            words[1][i] = (uint32_t)b;
            words[3][i] = (uint32_t)a;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

static void mask(
    const UnrollMask *mask, int32_t t, int32_t panel, int32_t row, int32_t count, const float *from, float *to) {
    for (int32_t begin = 0; begin < count; begin += MASK_ROWS) {
        uint32_t words[4][MASK_BLOCKS];
        for (int i = 0; i < MASK_BLOCKS; i++) {
            words[0][i] = (uint32_t)(panel * ROW_BLOCKS + i % ROW_BLOCKS);
            words[1][i] = (uint32_t)(row + begin + i / ROW_BLOCKS);
            words[2][i] = (uint32_t)t;
            words[3][i] = 0;
        }
        philox(words, mask->key[0], mask->key[1]);
        float factors[MASK_BLOCKS * BLOCK_UNITS];
        for (int i = 0; i < MASK_BLOCKS; i++) {
            for (int u = 0; u < BLOCK_UNITS; u++) {
                const uint32_t bits = words[u / 2][i] >> (u % 2 * 16) & 0xFFFF;
                factors[i * BLOCK_UNITS + u] = bits >= mask->threshold ? mask->scale : 0;
            }
        }
        const int32_t rows = smaller(MASK_ROWS, count - begin);
        const ptrdiff_t offset = (ptrdiff_t)begin * WIDTH;
        for (int32_t i = 0; i < rows * WIDTH; i++)
            // Not a product where a number is left out: infinity would leave a NaN.
            to[offset + i] = !from ? factors[i] : factors[i] != 0 ? from[offset + i] * factors[i] : 0;
    }
}
