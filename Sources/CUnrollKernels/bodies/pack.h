// From numbers to the words of matrix products; in float32 they are the same, and there is nothing to do.

#if WORD_UNITS == 1

INLINE void pack_tile(const UnrollOperand *operand, int32_t t, int32_t panel, int32_t row, int32_t count) {
    (void)operand, (void)t, (void)panel, (void)row, (void)count;
}

static void pack(const UnrollOperand *operand, int32_t t, UnrollRange panels, UnrollRange rows) {
    (void)operand, (void)t, (void)panels, (void)rows;
}

static void pack_weights(const float *block, float *forward, float *transposed) {
    (void)forward;
    transpose(block, WIDTH, transposed, WIDTH, WIDTH, WIDTH);
}

#else

// count rows of one panel, from an even row on: reads the operand's values, and both its words are the result.
INLINE void pack_tile(const UnrollOperand *operand, int32_t t, int32_t panel, int32_t row, int32_t count) {
    const float *from = tile_of(operand->values, t, panel, row);
    float *unit_words = tile_of(operand->unit_words, t, panel, row);
    float *row_words = tile_of(operand->row_words, t, panel, row / 2);
    for (int32_t r = 0; r < count; r += 2, from += 2 * WIDTH, row_words += WIDTH) {
        const bool is_pair = r + 1 < count;
        PACK_UNITS(unit_words + r * PANEL_WORDS, from);
        if (is_pair) PACK_UNITS(unit_words + (r + 1) * PANEL_WORDS, from + WIDTH);
        UNROLLED for (int v = 0; v < WIDTH; v += LANES)
            STORE(row_words + v, PAIR(LOAD(from + v), is_pair ? LOAD(from + WIDTH + v) : BROADCAST(0.f)));
    }
}

static void pack(const UnrollOperand *operand, int32_t t, UnrollRange panels, UnrollRange rows) {
    for (int32_t panel = panels.begin; panel < panels.end; panel++)
        pack_tile(operand, t, panel, rows.begin, rows.end - rows.begin);
}

static void pack_weights(const float *block, float *forward, float *transposed) {
    float units[WIDTH * PANEL_WORDS] __attribute__((aligned(UNROLL_ALIGNMENT)));
    for (int k = 0; k < WIDTH; k++) PACK_UNITS(units + k * PANEL_WORDS, block + k * WIDTH);
    transpose(units, PANEL_WORDS, transposed, WIDTH, WIDTH, PANEL_WORDS);
    for (int k = 0; k < WIDTH; k += 2, block += 2 * WIDTH, forward += WIDTH) {
        UNROLLED for (int v = 0; v < WIDTH; v += LANES) STORE(forward + v, PAIR(LOAD(block + v), LOAD(block + WIDTH + v)));
    }
}

#endif
