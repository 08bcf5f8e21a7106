// The matrix product of one tile: up to TILE_ROWS rows x 32 columns, accumulated in registers.

// Vectors of a panel that one pass accumulates, and passes that make up a panel.
#define PASS_WIDTH (TILE_VECTORS * LANES)
#define PASSES (WIDTH / PASS_WIDTH)

typedef Vector Accumulators[TILE_ROWS][TILE_VECTORS];

INLINE int32_t panels_of(int32_t units) { return (units + WIDTH - 1) / WIDTH; }

INLINE int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }

// A range of steps, or of panels, of so many at most.
INLINE UnrollRange piece(int32_t begin, int32_t size, int32_t end) {
    return (UnrollRange){begin, smaller(begin + size, end)};
}

// Words are what products read: see unroll_kernels.h. WORD_UNITS numbers make one.
#ifndef WORD_UNITS
#define WORD_UNITS 1
#define ADD_PRODUCT(sum, a, b) MULTIPLY_ADD(a, b, sum)
#endif

// Whether there are kernels of training.
#define TRAINS (WORD_UNITS < 4)

// Words of a row of a panel, and words that hold a count of numbers.
#define PANEL_WORDS (WIDTH / WORD_UNITS)
#define WORDS(count) (((count) + WORD_UNITS - 1) / WORD_UNITS)

#if WORD_UNITS == 4

// The sums of products are whole numbers. After the words of a panel of weights come the scales of its outputs, [32],
// and what 128 more in every activation has added to their sums, [32] whole numbers.
enum { SCALE_WORDS = 2 * WIDTH };

#define ADD_SUMS(a, b) ((Vector)((Integers)(a) + (Integers)(b)))

// value + sum as a number. scales: those of the sum's outputs, given.
INLINE Vector add_scaled(Vector value, Vector sum, const float *scales, float row_scale) {
    const Integers exact = (Integers)sum - (Integers)LOAD(scales + WIDTH);
    return value + __builtin_convertvector(exact, Vector) * (LOAD(scales) * BROADCAST(row_scale));
}

#else

enum { SCALE_WORDS = 0 };

#define ADD_SUMS(a, b) ((a) + (b))

#endif

// Words from one panel of weights over so many panels of inputs to the next.
INLINE ptrdiff_t weight_panel_of(int32_t input_panels) {
    return (ptrdiff_t)input_panels * PANEL_WORDS * WIDTH + SCALE_WORDS;
}

// sums[r] += row[r * row_stride] * weights, for one word of the inner index. row: that word of the first row, given.
// weights: [PASS_WIDTH] of [32], given.
INLINE void accumulate_one(
    const int rows, const float *row, const ptrdiff_t row_stride, const float *weights, Accumulators sums) {
    Vector w[TILE_VECTORS];
    UNROLLED for (int v = 0; v < TILE_VECTORS; v++) w[v] = LOAD(weights + v * LANES);
    UNROLLED for (int r = 0; r < rows; r++) {
        Vector x = BROADCAST(row[r * row_stride]);
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = ADD_PRODUCT(sums[r][v], x, w[v]);
    }
}

// What accumulate_words does, for a single row: every few values of the inner index have sums of their own, since one
// sum would wait for the multiply-add before.
INLINE void accumulate_row(
    const float *a, ptrdiff_t panel_stride, int32_t inner, const float *weights, Accumulators sums) {
    Accumulators parts;
    UNROLLED for (int p = 0; p < TILE_ROWS; p++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) parts[p][v] = BROADCAST(0.f);
    }
    for (; inner >= WIDTH; inner -= WIDTH, a += panel_stride) {
        for (int k = 0; k < PANEL_WORDS; k += TILE_ROWS, weights += TILE_ROWS * WIDTH) {
            UNROLLED for (int p = 0; p < TILE_ROWS; p++)
                accumulate_one(1, a + k + p, 0, weights + p * WIDTH, parts + p);
        }
    }
    for (int k = 0; k < WORDS(inner); k++, weights += WIDTH) accumulate_one(1, a + k, 0, weights, parts);
    UNROLLED for (int p = 0; p < TILE_ROWS; p++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[0][v] = ADD_SUMS(sums[0][v], parts[p][v]);
    }
}

// What accumulate_panels does, in the products' own sums.
INLINE void accumulate_words(
    const int rows, const float *a, ptrdiff_t panel_stride, int32_t inner, const float *weights, Accumulators sums) {
    if (rows == 1) {
        accumulate_row(a, panel_stride, inner, weights, sums);
        return;
    }
    for (; inner >= WIDTH; inner -= WIDTH, a += panel_stride) {
        _Pragma("clang loop unroll_count(2)") for (int k = 0; k < PANEL_WORDS; k++, weights += WIDTH)
            accumulate_one(rows, a + k, PANEL_WORDS, weights, sums);
    }
    for (int k = 0; k < WORDS(inner); k++, weights += WIDTH) accumulate_one(rows, a + k, PANEL_WORDS, weights, sums);
}

// sums += A W with A[rows][inner] in panels of words, panel_stride apart, and W[inner][32], of which a pass reads
// PASS_WIDTH columns; both are given.
INLINE void accumulate_panels(
    const int rows, const float *a, ptrdiff_t panel_stride, int32_t inner, const float *weights, Accumulators sums) {
#if WORD_UNITS == 4
    Accumulators exact;
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) exact[r][v] = BROADCAST(0.f);
    }
    accumulate_words(rows, a, panel_stride, inner, weights, exact);
    const float *row_scales = a + panels_of(inner) * panel_stride;
    const float *scales = weights + weight_panel_of(panels_of(inner)) - SCALE_WORDS;
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++)
            sums[r][v] = add_scaled(sums[r][v], exact[r][v], scales + v * LANES, row_scales[r * PANEL_WORDS]);
    }
#else
    accumulate_words(rows, a, panel_stride, inner, weights, sums);
#endif
}

// A single row, as when text is generated, waits for weights alone: several panels are read side by side, and their
// ends, where nothing is read, come together.
enum { ROW_PANELS = 4, ROW_PARTS = TILE_ROWS / 4 };

typedef Vector RowSums[ROW_PANELS][TILE_VECTORS];

// sums[p] += a W[p] for panels panels of weights, weight_panel apart, with a[inner] in panels of words, panel_stride
// apart, and W[p][inner][32], of which a pass reads PASS_WIDTH columns; both are given.
INLINE void accumulate_row_panels(
    const int panels, const float *a, ptrdiff_t panel_stride, int32_t inner, const float *weights,
    ptrdiff_t weight_panel, RowSums sums) {
    RowSums parts[ROW_PARTS];
    UNROLLED for (int part = 0; part < ROW_PARTS; part++) {
        UNROLLED for (int p = 0; p < panels; p++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) parts[part][p][v] = BROADCAST(0.f);
        }
    }
#if WORD_UNITS == 4
    const float row_scale = a[panels_of(inner) * panel_stride];
    const float *scales = weights + weight_panel_of(panels_of(inner)) - SCALE_WORDS;
#endif
    for (int32_t words = WORDS(inner); words > 0; words -= PANEL_WORDS, a += panel_stride) {
        const int32_t count = smaller(words, PANEL_WORDS);
        int32_t k = 0;
        for (; k + ROW_PARTS <= count; k += ROW_PARTS) {
            UNROLLED for (int part = 0; part < ROW_PARTS; part++, weights += WIDTH) {
                const Vector x = BROADCAST(a[k + part]);
                UNROLLED for (int p = 0; p < panels; p++) {
                    UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
                        const Vector w = LOAD(weights + p * weight_panel + v * LANES);
                        parts[part][p][v] = ADD_PRODUCT(parts[part][p][v], x, w);
                    }
                }
            }
        }
        for (; k < count; k++, weights += WIDTH) {
            const Vector x = BROADCAST(a[k]);
            UNROLLED for (int p = 0; p < panels; p++) {
                UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
                    const Vector w = LOAD(weights + p * weight_panel + v * LANES);
                    parts[0][p][v] = ADD_PRODUCT(parts[0][p][v], x, w);
                }
            }
        }
    }
#if WORD_UNITS == 4
    UNROLLED for (int p = 0; p < panels; p++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
            Vector exact = parts[0][p][v];
            UNROLLED for (int part = 1; part < ROW_PARTS; part++) exact = ADD_SUMS(exact, parts[part][p][v]);
            sums[p][v] = add_scaled(sums[p][v], exact, scales + p * weight_panel + v * LANES, row_scale);
        }
    }
#else
    UNROLLED for (int part = 0; part < ROW_PARTS; part++) {
        UNROLLED for (int p = 0; p < panels; p++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[p][v] += parts[part][p][v];
        }
    }
#endif
}

// Calls with the number of rows as a constant, so that each count has code, and registers, of its own.
#if TILE_ROWS == 8
#define FOR_CONSTANT_ROWS(rows, CALL)                                                                                 \
    switch (rows) {                                                                                                   \
    case 1: CALL(1); break;                                                                                           \
    case 2: CALL(2); break;                                                                                           \
    case 3: CALL(3); break;                                                                                           \
    case 4: CALL(4); break;                                                                                           \
    case 5: CALL(5); break;                                                                                           \
    case 6: CALL(6); break;                                                                                           \
    case 7: CALL(7); break;                                                                                           \
    default: CALL(8); break;                                                                                          \
    }
#else
#define FOR_CONSTANT_ROWS(rows, CALL)                                                                                 \
    switch (rows) {                                                                                                   \
    case 1: CALL(1); break;                                                                                           \
    case 2: CALL(2); break;                                                                                           \
    case 3: CALL(3); break;                                                                                           \
    default: CALL(4); break;                                                                                          \
    }
#endif
