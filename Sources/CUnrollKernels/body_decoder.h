// The decoder: logits of a few rows, then softmax and cross-entropy while they are still in the cache.

INLINE void logit_tile(
    const int rows, const UnrollDecoder *decoder, int32_t t, int32_t row, int32_t panel) {
    const float *weights = decoder->weight + panel * decoder->weight_panel;
    const float *bias = decoder->bias + (ptrdiff_t)panel * WIDTH;
    float *to = tile_of(decoder->logits.values, t, panel, row);
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

static void decode(const UnrollDecoder *decoder, int32_t t, UnrollRange rows, UnrollRange panels) {
    for (int32_t row = rows.begin; row < rows.end; row += TILE_ROWS) {
        for (int32_t panel = panels.begin; panel < panels.end; panel++)
            logit_tile_of(smaller(TILE_ROWS, rows.end - row), decoder, t, row, panel);
    }
}

// Losses in nats and, with a gradient_scale, gradients in place of the logits, for rows rows at logits.
INLINE void softmax_tile(
    const int rows, float *logits, ptrdiff_t panel_stride, int32_t panels, const int32_t *targets, double *losses,
    float gradient_scale) {
    // One loop over panels for all rows: a panel's tile is contiguous, and the rows' sums do not wait for each other.
    Vector greatest[TILE_ROWS], totals[TILE_ROWS];
    float target_values[TILE_ROWS], shifts[TILE_ROWS], sums[TILE_ROWS];
    UNROLLED for (int r = 0; r < rows; r++) {
        target_values[r] = logits[targets[r] / WIDTH * panel_stride + r * WIDTH + targets[r] % WIDTH];
        greatest[r] = LOAD(logits + r * WIDTH);
        totals[r] = BROADCAST(0.f);
    }
    for (int32_t panel = 0; panel < panels; panel++) {
        const float *tile = logits + panel * panel_stride;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < WIDTH; v += LANES)
                greatest[r] = MAX(greatest[r], LOAD(tile + r * WIDTH + v));
        }
    }
    UNROLLED for (int r = 0; r < rows; r++) shifts[r] = REDUCE_MAX(greatest[r]);
    for (int32_t panel = 0; panel < panels; panel++) {
        float *tile = logits + panel * panel_stride;
        UNROLLED for (int r = 0; r < rows; r++) {
            const Vector shift = BROADCAST(shifts[r]);
            UNROLLED for (int v = 0; v < WIDTH; v += LANES) {
                const Vector power = vector_exp(LOAD(tile + r * WIDTH + v) - shift);
                totals[r] += power;
                if (gradient_scale != 0) STORE(tile + r * WIDTH + v, power);
            }
        }
    }
    UNROLLED for (int r = 0; r < rows; r++) sums[r] = REDUCE_ADD(totals[r]);
    if (gradient_scale != 0) {
        for (int32_t panel = 0; panel < panels; panel++) {
            float *tile = logits + panel * panel_stride;
            UNROLLED for (int r = 0; r < rows; r++) {
                const Vector scale = BROADCAST(gradient_scale / sums[r]);
                UNROLLED for (int v = 0; v < WIDTH; v += LANES) {
                    float *logit = tile + r * WIDTH + v;
                    STORE(logit, LOAD(logit) * scale);
                }
            }
        }
        UNROLLED for (int r = 0; r < rows; r++)
            logits[targets[r] / WIDTH * panel_stride + r * WIDTH + targets[r] % WIDTH] -= gradient_scale;
    }
    for (int r = 0; r < rows; r++) losses[r] = log((double)sums[r]) + ((double)shifts[r] - (double)target_values[r]);
}

NOINLINE void softmax_tile_of(
    int rows, float *logits, ptrdiff_t panel_stride, int32_t panels, const int32_t *targets, double *losses,
    float gradient_scale) {
#define CALL(ROWS) softmax_tile(ROWS, logits, panel_stride, panels, targets, losses, gradient_scale)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

static void cross_entropy(const UnrollDecoder *decoder, int32_t t, UnrollRange rows) {
    const int32_t panels = panels_of(decoder->vocabulary);
    for (int32_t row = rows.begin; row < rows.end; row += TILE_ROWS) {
        const int32_t count = smaller(TILE_ROWS, rows.end - row);
        const ptrdiff_t index = (ptrdiff_t)t * decoder->batch + row;
        softmax_tile_of(
            count, tile_of(decoder->logits.values, t, 0, row), decoder->logits.values.panel, panels,
            decoder->targets + index, decoder->losses + index, decoder->gradient_scale);
        if (WORD_UNITS > 1 && decoder->gradient_scale != 0) {
            for (int32_t panel = 0; panel < panels; panel++) pack_tile(&decoder->logits, t, panel, row, count);
        }
    }
}
