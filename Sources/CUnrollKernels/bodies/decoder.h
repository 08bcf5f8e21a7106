// The decoder: logits of a few rows, then softmax and cross-entropy while they are still in the cache.

// rows rows of one panel of logits, the result.
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

// The sum, or the greatest, of the lanes of each of TILE_ROWS vectors, in order: in every round, half as many vectors
// hold the halves of twice as many rows.
// rows: given, and results: both [TILE_ROWS].
#define REDUCE_ROWS(NAME, COMBINE)                                                                                    \
    INLINE void NAME(const Vector *rows, float *results) {                                                            \
        Vector halves[TILE_ROWS];                                                                                     \
        UNROLLED for (int r = 0; r < TILE_ROWS; r++) halves[r] = rows[r];                                             \
        UNROLLED for (int count = TILE_ROWS / 2; count > 0; count /= 2) {                                             \
            UNROLLED for (int r = 0; r < count; r++) {                                                                \
                const Vector low = ZIP_LOW(halves[r], halves[r + count]);                                             \
                halves[r] = COMBINE(low, ZIP_HIGH(halves[r], halves[r + count]));                                     \
            }                                                                                                         \
        }                                                                                                             \
        /* Each row is in LANES / TILE_ROWS parts now, TILE_ROWS lanes apart. */                                      \
        float lanes[LANES] __attribute__((aligned(UNROLL_ALIGNMENT)));                                                \
        const Vector doubled = COMBINE(ZIP_LOW(halves[0], halves[0]), ZIP_HIGH(halves[0], halves[0]));                \
        STORE(lanes, LANES == TILE_ROWS ? halves[0] : doubled);                                                       \
        UNROLLED for (int r = 0; r < TILE_ROWS; r++) results[r] = lanes[r * (LANES / TILE_ROWS)];                     \
    }

#define SUM(a, b) ((a) + (b))
REDUCE_ROWS(sums_of_rows, SUM)
REDUCE_ROWS(maxima_of_rows, MAX)
#undef SUM

#if WORD_UNITS == 4
// The sum of a row in one order whatever the number of lanes. row: given, [panels][32].
INLINE float sum_of_row(const float *row, ptrdiff_t panel_stride, int32_t panels) {
    enum { SUMS = 16, VECTORS = SUMS / LANES };
    float lanes[SUMS] __attribute__((aligned(UNROLL_ALIGNMENT)));
    Vector totals[VECTORS];
    UNROLLED for (int v = 0; v < VECTORS; v++) totals[v] = BROADCAST(0.f);
    for (int32_t panel = 0; panel < panels; panel++, row += panel_stride) {
        UNROLLED for (int v = 0; v < WIDTH / LANES; v++) totals[v % VECTORS] += LOAD(row + v * LANES);
    }
    UNROLLED for (int v = 0; v < VECTORS; v++) STORE(lanes + v * LANES, totals[v]);
    float sum = 0;
    for (int i = 0; i < SUMS; i++) sum += lanes[i];
    return sum;
}
#endif

// Losses in nats and, with a gradient_scale, gradients in place of the logits, for rows rows at logits:
// [panels][rows][32], panels panel_stride apart, overwritten in any case. targets: given, and losses: the result, both
// [rows].
INLINE void softmax_tile(
    const int rows, float *logits, ptrdiff_t panel_stride, int32_t panels, const int32_t *targets, double *losses,
    float gradient_scale) {
    // One loop over panels for all rows: a panel's tile is contiguous, and the rows' sums do not wait for each other.
    Vector greatest[TILE_ROWS], totals[TILE_ROWS];
    float *target_logits[TILE_ROWS];
    float target_values[TILE_ROWS], shifts[TILE_ROWS], sums[TILE_ROWS];
    UNROLLED for (int r = 0; r < TILE_ROWS; r++) {
        greatest[r] = totals[r] = BROADCAST(0.f);
        if (r >= rows) continue;
        target_logits[r] = logits + targets[r] / WIDTH * panel_stride + r * WIDTH + targets[r] % WIDTH;
        target_values[r] = *target_logits[r];
        greatest[r] = LOAD(logits + r * WIDTH);
    }
    for (int32_t panel = 0; panel < panels; panel++) {
        const float *tile = logits + panel * panel_stride;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < WIDTH; v += LANES)
                greatest[r] = MAX(greatest[r], LOAD(tile + r * WIDTH + v));
        }
    }
    maxima_of_rows(greatest, shifts);
    for (int32_t panel = 0; panel < panels; panel++) {
        float *tile = logits + panel * panel_stride;
        UNROLLED for (int r = 0; r < rows; r++) {
            const Vector shift = BROADCAST(shifts[r]);
            UNROLLED for (int v = 0; v < WIDTH; v += LANES) {
                const Vector power = vector_exp(LOAD(tile + r * WIDTH + v) - shift);
                totals[r] += power;
                STORE(tile + r * WIDTH + v, power);
            }
        }
    }
    sums_of_rows(totals, sums);
#if WORD_UNITS == 4
    UNROLLED for (int r = 0; r < rows; r++) sums[r] = sum_of_row(logits + r * WIDTH, panel_stride, panels);
#endif
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
        UNROLLED for (int r = 0; r < rows; r++) *target_logits[r] -= gradient_scale;
    }
    float logarithms[LANES] __attribute__((aligned(UNROLL_ALIGNMENT)));
    for (int r = 0; r < LANES; r++) logarithms[r] = r < rows ? sums[r] : 1;
    STORE(logarithms, vector_log(LOAD(logarithms)));
    for (int r = 0; r < rows; r++)
        losses[r] = (double)logarithms[r] + ((double)shifts[r] - (double)target_values[r]);
}

NOINLINE void softmax_tile_of(
    int rows, float *logits, ptrdiff_t panel_stride, int32_t panels, const int32_t *targets, double *losses,
    float gradient_scale) {
#define CALL(ROWS) softmax_tile(ROWS, logits, panel_stride, panels, targets, losses, gradient_scale)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

// Lifts the target of the gradients of rows rows of logits, [panels][rows][32], from one token to all.
static void smooth_labels(const UnrollDecoder *decoder, int rows, float *gradients, const int32_t *targets) {
    const ptrdiff_t panel_stride = decoder->logits.values.panel;
    const float amount = decoder->gradient_scale * decoder->label_smoothing;
    const float share = amount / (float)decoder->vocabulary;
    for (int r = 0; r < rows; r++) {
        float *row = gradients + r * WIDTH;
        for (int32_t token = 0; token < decoder->vocabulary; token += WIDTH) {
            const int32_t count = smaller(WIDTH, decoder->vocabulary - token);
            float *tile = row + token / WIDTH * panel_stride;
            for (int32_t i = 0; i < count; i++) tile[i] -= share;
        }
        row[targets[r] / WIDTH * panel_stride + targets[r] % WIDTH] += amount;
    }
}

static void cross_entropy(const UnrollDecoder *decoder, int32_t t, UnrollRange rows) {
    const int32_t panels = panels_of(decoder->vocabulary);
    for (int32_t row = rows.begin; row < rows.end; row += TILE_ROWS) {
        const int32_t count = smaller(TILE_ROWS, rows.end - row);
        const ptrdiff_t index = (ptrdiff_t)t * decoder->batch + row;
        softmax_tile_of(
            count, tile_of(decoder->logits.values, t, 0, row), decoder->logits.values.panel, panels,
            decoder->targets + index, decoder->losses + index, decoder->gradient_scale);
        if (decoder->label_smoothing != 0 && decoder->gradient_scale != 0)
            smooth_labels(decoder, count, tile_of(decoder->logits.values, t, 0, row), decoder->targets + index);
        if (WORD_UNITS > 1 && decoder->gradient_scale != 0) {
            for (int32_t panel = 0; panel < panels; panel++) pack_tile(&decoder->logits, t, panel, row, count);
        }
    }
}
