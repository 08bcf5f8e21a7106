// Gradients of weights and biases, once the gradients of all gates and logits are there.

// Caches and what is to stay in them: the L3 cache holds both operands of so many rows, the L2 cache the left operand
// of a few of those rows and the result's part for a few panels of the right one, together so many words.
enum { FAR_ROWS = 1024, NEAR_WORDS = 128 * 1024, NEAR_ROWS = 128, NEAR_PANELS = 8 };

// rows units of a, from unit on, against one panel of b, for the steps from begin to end: [rows][32] of c, which is
// read first unless begin is zero.
INLINE void weight_gradient_tile(
    const int rows, const UnrollProduct *product, int32_t unit, int32_t b_panel, int32_t begin, int32_t end) {
    float *to = product->c + b_panel * product->c_panel + (ptrdiff_t)unit * WIDTH;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++)
                sums[r][v] = begin == 0 ? BROADCAST(0.f) : LOAD(to + r * WIDTH + column + v * LANES);
        }
        for (int32_t t = begin; t < end; t++) {
            const float *a = tile_of(product->a, t, unit / WIDTH, 0) + unit % WIDTH;
            const float *b = tile_of(product->b, t, b_panel, 0) + column;
            _Pragma("clang loop unroll_count(2)")
            for (int32_t row = 0; row < WORDS(product->batch); row++, a += WIDTH, b += WIDTH)
                accumulate_one(rows, a, 1, b, sums);
        }
        store_applied(UNROLL_FUNCTION_IDENTITY, rows, sums, to + column);
    }
}

NOINLINE void weight_gradient_tile_of(
    int rows, const UnrollProduct *product, int32_t unit, int32_t b_panel, int32_t begin, int32_t end) {
#define CALL(ROWS) weight_gradient_tile(ROWS, product, unit, b_panel, begin, end)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

// All units of a share against a few panels of b, for some steps.
INLINE void weight_gradient_block(
    const UnrollProduct *product, UnrollRange units, UnrollRange panels, UnrollRange steps) {
    for (int32_t panel = panels.begin; panel < panels.end; panel++) {
        for (int32_t unit = units.begin; unit < units.end; unit += TILE_ROWS)
            weight_gradient_tile_of(
                smaller(TILE_ROWS, units.end - unit), product, unit, panel, steps.begin, steps.end);
    }
}

static void weight_gradient(const UnrollProduct *product, UnrollRange units) {
    const int32_t rows_per_step = WORDS(product->batch);
    const int32_t width = units.end - units.begin > 0 ? units.end - units.begin : 1;
    const int32_t near_rows = smaller(NEAR_ROWS, NEAR_WORDS / 2 / width);
    const int32_t near_panels = smaller(NEAR_PANELS, NEAR_WORDS / 2 / WIDTH / width);
    const int32_t group = near_panels > 1 ? near_panels : 1;
    const int32_t near_steps = near_rows > rows_per_step ? near_rows / rows_per_step : 1;
    const int32_t far_steps = FAR_ROWS > rows_per_step ? FAR_ROWS / rows_per_step : 1;
    for (int32_t far = 0; far < product->steps; far += far_steps) {
        const UnrollRange block = piece(far, far_steps, product->steps);
        for (int32_t panel = 0; panel < product->b_panels; panel += group) {
            for (int32_t step = block.begin; step < block.end; step += near_steps)
                weight_gradient_block(
                    product, units, piece(panel, group, product->b_panels), piece(step, near_steps, block.end));
        }
    }
}

// to: the result, and row: given, both [32].
INLINE void add_row(float *to, const float *row) {
    UNROLLED for (int v = 0; v < WIDTH; v += LANES) STORE(to + v, LOAD(to + v) + LOAD(row + v));
}

static void column_sums(UnrollPanels rows, int32_t panel, int32_t steps, int32_t batch, float *sums) {
    Vector totals[WIDTH / LANES];
    UNROLLED for (int v = 0; v < WIDTH / LANES; v++) totals[v] = BROADCAST(0.f);
    for (int32_t t = 0; t < steps; t++) {
        const float *row = tile_of(rows, t, panel, 0);
        for (int32_t b = 0; b < batch; b++, row += WIDTH) {
            UNROLLED for (int v = 0; v < WIDTH / LANES; v++) totals[v] += LOAD(row + v * LANES);
        }
    }
    UNROLLED for (int v = 0; v < WIDTH / LANES; v++) STORE(sums + v * LANES, totals[v]);
}

static void input_gradient(
    UnrollPanels rows, int32_t panel, int32_t steps, int32_t batch, const int32_t *tokens, ptrdiff_t token_stride,
    int32_t vocabulary, float *gradient) {
    __builtin_memset(gradient, 0, (size_t)vocabulary * WIDTH * sizeof(float));
    for (int32_t t = 0; t < steps; t++) {
        const float *row = tile_of(rows, t, panel, 0);
        for (int32_t b = 0; b < batch; b++, row += WIDTH)
            add_row(gradient + (ptrdiff_t)tokens[t * token_stride + b] * WIDTH, row);
    }
}
