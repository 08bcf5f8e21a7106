// The decoder: logits of a few rows, then softmax and cross-entropy while they are still in the cache.

INLINE void logit_tile(
    const int rows, const UnrollDecoder *decoder, int32_t t, int32_t row, int32_t panel) {
    const float *weights = decoder->weight + panel * decoder->weight_panel;
    const float *bias = decoder->bias + (ptrdiff_t)panel * WIDTH;
    float *to = tile_of(decoder->logits, t, panel, row);
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = LOAD(bias + column + v * LANES);
        }
        accumulate_panels(
            rows, tile_of(decoder->input, t, 0, row), decoder->input.panel, decoder->hidden, weights + column, sums);
        store_applied(UNROLL_FUNCTION_IDENTITY, rows, sums, to + column);
    }
}

NOINLINE void logit_tile_of(int rows, const UnrollDecoder *decoder, int32_t t, int32_t row, int32_t panel) {
#define CALL(ROWS) logit_tile(ROWS, decoder, t, row, panel)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

static void decode(const UnrollDecoder *decoder, int32_t t, UnrollRange rows) {
    const int32_t panels = panels_of(decoder->vocabulary);
    for (int32_t row = rows.begin; row < rows.end; row += TILE_ROWS) {
        for (int32_t panel = 0; panel < panels; panel++)
            logit_tile_of(smaller(TILE_ROWS, rows.end - row), decoder, t, row, panel);
    }
}

// Turns the logits of one row into their gradient, if that is wanted, and returns the loss in nats.
// logits: the row's 32 columns in each panel, panel_stride apart.
INLINE double softmax_row(
    float *logits, ptrdiff_t panel_stride, int32_t panels, int32_t target, float gradient_scale) {
    float *const target_logit = logits + target / WIDTH * panel_stride + target % WIDTH;
    const float target_value = *target_logit;
    Vector greatest = LOAD(logits);
    for (int32_t panel = 0; panel < panels; panel++) {
        UNROLLED for (int v = 0; v < WIDTH; v += LANES)
            greatest = MAX(greatest, LOAD(logits + panel * panel_stride + v));
    }
    const float shift = REDUCE_MAX(greatest);
    const Vector shifts = BROADCAST(shift);
    Vector total = BROADCAST(0.f);
    for (int32_t panel = 0; panel < panels; panel++) {
        UNROLLED for (int v = 0; v < WIDTH; v += LANES) {
            float *logit = logits + panel * panel_stride + v;
            Vector power = vector_exp(LOAD(logit) - shifts);
            total += power;
            STORE(logit, power);
        }
    }
    const float sum = REDUCE_ADD(total);
    if (gradient_scale != 0) {
        const Vector scale = BROADCAST(gradient_scale / sum);
        for (int32_t panel = 0; panel < panels; panel++) {
            UNROLLED for (int v = 0; v < WIDTH; v += LANES) {
                float *logit = logits + panel * panel_stride + v;
                STORE(logit, LOAD(logit) * scale);
            }
        }
        *target_logit -= gradient_scale;
    }
    return log((double)sum) + ((double)shift - (double)target_value);
}

static void cross_entropy(const UnrollDecoder *decoder, int32_t t, UnrollRange rows) {
    const int32_t panels = panels_of(decoder->vocabulary);
    for (int32_t row = rows.begin; row < rows.end; row += TILE_ROWS) {
        const int32_t count = smaller(TILE_ROWS, rows.end - row);
        for (int32_t panel = 0; panel < panels; panel++) logit_tile_of(count, decoder, t, row, panel);
        for (int32_t r = row; r < row + count; r++) {
            const ptrdiff_t index = (ptrdiff_t)t * decoder->batch + r;
            decoder->losses[index] = softmax_row(
                tile_of(decoder->logits, t, 0, r), decoder->logits.panel, panels, decoder->targets[index],
                decoder->gradient_scale);
        }
    }
}
