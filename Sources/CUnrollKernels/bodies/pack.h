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

#elif WORD_UNITS == 4

// A row has one scale, which is known when all of its panels are: rows are packed by pack alone.
INLINE void pack_tile(const UnrollOperand *operand, int32_t t, int32_t panel, int32_t row, int32_t count) {
    (void)operand, (void)t, (void)panel, (void)row, (void)count;
}

typedef uint8_t ByteLanes __attribute__((vector_size(LANES)));

INLINE Integers greater_of(Integers a, Integers b) {
    const Integers is_greater = a > b;
    return (a & is_greater) | (b & ~is_greater);
}

// The greatest magnitude in a row of panels, panel_stride apart, by its bits: those of what is not a number are greater
// than those of infinity. row: given, [panels][32].
INLINE float greatest_magnitude(const float *row, ptrdiff_t panel_stride, int32_t panels) {
    Integers greatest = {0};
    for (int32_t panel = 0; panel < panels; panel++, row += panel_stride) {
        UNROLLED for (int v = 0; v < WIDTH; v += LANES)
            greatest = greater_of(greatest, (Integers)LOAD(row + v) & 0x7fffffff);
    }
    int32_t bits = 0;
    for (int lane = 0; lane < LANES; lane++) bits = greatest[lane] > bits ? greatest[lane] : bits;
    float magnitude;
    __builtin_memcpy(&magnitude, &bits, sizeof magnitude);
    return magnitude;
}

// The words of a row and, in a panel more, its scale: a 127th of its greatest magnitude; zero where that is no normal
// number, and not a number where the row is not finite. from: given, [panels][32]; to: the result, [panels + 1][8].
NOINLINE void pack_row(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride, int32_t panels) {
    const float greatest = greatest_magnitude(from, from_stride, panels);
    const float scale = greatest / 127;
    // Without a scale, zero times anything that is finite.
    const bool is_finite = greatest <= __FLT_MAX__;
    const bool has_scale = is_finite && scale >= __FLT_MIN__;
    to[panels * to_stride] = !is_finite ? __builtin_nanf("") : has_scale ? scale : 0;
    const Vector inverse = BROADCAST(has_scale ? 127 / greatest : 0);
    for (int32_t panel = 0; panel < panels; panel++, from += from_stride, to += to_stride) {
        UNROLLED for (int v = 0; v < WIDTH; v += LANES) {
            // What is not finite has no whole number.
            const Vector number = is_finite ? ROUND(LOAD(from + v) * inverse) : BROADCAST(0.f);
            const ByteLanes bytes = __builtin_convertvector(__builtin_convertvector(number, Integers) + 128, ByteLanes);
            __builtin_memcpy(to + v / WORD_UNITS, &bytes, sizeof bytes);
        }
    }
}

static void pack(const UnrollOperand *operand, int32_t t, UnrollRange panels, UnrollRange rows) {
    for (int32_t row = rows.begin; row < rows.end; row++)
        pack_row(
            tile_of(operand->values, t, 0, row), operand->values.panel, tile_of(operand->unit_words, t, 0, row),
            operand->unit_words.panel, panels.end);
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
