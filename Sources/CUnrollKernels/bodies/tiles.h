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

// Words of a row of a panel, and words that hold a count of numbers.
#define PANEL_WORDS (WIDTH / WORD_UNITS)
#define WORDS(count) (((count) + WORD_UNITS - 1) / WORD_UNITS)

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

// What accumulate_panels does, for a single row: every few values of the inner index have sums of their own, since one
// sum would wait for the multiply-add before.
INLINE const float *accumulate_row(
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
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[0][v] += parts[p][v];
    }
    return weights;
}

// sums += A W with A[rows][inner] in panels of words, panel_stride apart, and W[inner][32], of which a pass reads
// PASS_WIDTH columns; both are given. Returns the end of W.
INLINE const float *accumulate_panels(
    const int rows, const float *a, ptrdiff_t panel_stride, int32_t inner, const float *weights, Accumulators sums) {
    if (rows == 1) return accumulate_row(a, panel_stride, inner, weights, sums);
    for (; inner >= WIDTH; inner -= WIDTH, a += panel_stride) {
        _Pragma("clang loop unroll_count(2)") for (int k = 0; k < PANEL_WORDS; k++, weights += WIDTH)
            accumulate_one(rows, a + k, PANEL_WORDS, weights, sums);
    }
    for (int k = 0; k < WORDS(inner); k++, weights += WIDTH) accumulate_one(rows, a + k, PANEL_WORDS, weights, sums);
    return weights;
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
    UNROLLED for (int part = 0; part < ROW_PARTS; part++) {
        UNROLLED for (int p = 0; p < panels; p++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[p][v] += parts[part][p][v];
        }
    }
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
