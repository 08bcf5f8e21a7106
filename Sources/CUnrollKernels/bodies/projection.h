// Products for all time steps at once: the input of upper layers, its gradient, large decoders, embeddings.

// What is to stay in the L2 cache: the weights of so many inner units of one panel, or of several panels together, and
// so many units of a few rows. Weights of more units than an L3 cache holds are read once, for all rows. In int8, all
// inner units are one sum.
enum {
    PROJECTION_BLOCK = WORD_UNITS < 4 ? 1024 : INT32_MAX / 2,
    PROJECTION_GROUP = WORD_UNITS < 4 ? 2048 : 8192,
    PROJECTION_ROW_UNITS = 64 * 1024,
    PROJECTION_FAR_UNITS = 64 * 1024,
};

// rows rows of one panel, for the inner units from begin to end.
INLINE void projection_tile(
    const int rows, const UnrollProjection *projection, int32_t t, int32_t row, int32_t panel, int32_t begin,
    int32_t end) {
    const float *a = tile_of(projection->a, t, begin / WIDTH, row);
    const float *weights =
        projection->weights + panel * projection->weight_panel + (ptrdiff_t)WORDS(begin) * WIDTH;
    float *to = tile_of(projection->c, t, panel, row);
    const bool continues = projection->accumulates || begin > 0;
    const float *bias = projection->bias ? projection->bias + (ptrdiff_t)panel * WIDTH : NULL;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
                const int i = column + v * LANES;
                sums[r][v] = continues ? LOAD(to + r * WIDTH + i) : bias ? LOAD(bias + i) : BROADCAST(0.f);
            }
        }
        accumulate_panels(rows, a, projection->a.panel, end - begin, weights + column, sums);
        store_applied(UNROLL_FUNCTION_IDENTITY, rows, sums, to + column);
    }
}

NOINLINE void projection_tile_of(
    int rows, const UnrollProjection *projection, int32_t t, int32_t row, int32_t panel, int32_t begin, int32_t end) {
#define CALL(ROWS) projection_tile(ROWS, projection, t, row, panel, begin, end)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

// All rows of some steps, for a few panels and the inner units from begin to end.
INLINE void project_block(
    const UnrollProjection *projection, UnrollRange steps, UnrollRange panels, int32_t begin, int32_t end) {
    for (int32_t t = steps.begin; t < steps.end; t++) {
        for (int32_t row = 0; row < projection->batch; row += TILE_ROWS) {
            for (int32_t panel = panels.begin; panel < panels.end; panel++)
                projection_tile_of(
                    smaller(TILE_ROWS, projection->batch - row), projection, t, row, panel, begin, end);
        }
    }
}

static void project(const UnrollProjection *projection, UnrollRange panels) {
    for (int32_t begin = 0; begin < projection->inner; begin += PROJECTION_BLOCK) {
        const int32_t end = smaller(begin + PROJECTION_BLOCK, projection->inner);
        const int32_t units = panels_of(end - begin) * WIDTH;
        const int32_t group = units < PROJECTION_GROUP ? PROJECTION_GROUP / units : 1;
        const bool is_far = (int64_t)units * (panels.end - panels.begin) > PROJECTION_FAR_UNITS;
        const int32_t few = PROJECTION_ROW_UNITS / units / projection->batch;
        const int32_t steps = is_far ? projection->steps : few > 1 ? few : 1;
        for (int32_t t = 0; t < projection->steps; t += steps) {
            for (int32_t panel = panels.begin; panel < panels.end; panel += group)
                project_block(
                    projection, piece(t, steps, projection->steps), piece(panel, group, panels.end), begin, end);
        }
    }
}
