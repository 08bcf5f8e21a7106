// One time step of a recurrent layer, forward and backward, for one thread's share of panels and rows.

INLINE Vector apply(const UnrollFunction function, Vector x) {
    switch (function) {
    case UNROLL_FUNCTION_TANH: return vector_tanh(x);
    case UNROLL_FUNCTION_SIGMOID: return vector_sigmoid(x);
    case UNROLL_FUNCTION_RELU: return vector_relu(x);
    case UNROLL_FUNCTION_IDENTITY: return x;
    }
}

INLINE void store_applied(const UnrollFunction function, const int rows, Accumulators sums, float *to) {
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++)
            STORE(to + r * WIDTH + v * LANES, apply(function, sums[r][v]));
    }
}

// What the input gives to one panel of a gate: to[r] = input_bias + input[token[r]].
INLINE void gate_input_tile(
    const UnrollRecurrence *layer, int32_t gate_panel, const int32_t *tokens, int32_t rows, float *to) {
    const float *input = layer->input + (ptrdiff_t)gate_panel * layer->vocabulary * WIDTH;
    const float *bias = layer->input_bias + (ptrdiff_t)gate_panel * WIDTH;
    for (int32_t r = 0; r < rows; r++, to += WIDTH) {
        const float *embedded = input + (ptrdiff_t)tokens[r] * WIDTH;
        UNROLLED for (int v = 0; v < WIDTH; v += LANES) STORE(to + v, LOAD(bias + v) + LOAD(embedded + v));
    }
}

// One gate of one panel: to[r] = function(bias + input[token[r]] + h[r] W), without the input if tokens is NULL.
INLINE void gate_tile(
    const int rows, const UnrollRecurrence *layer, int32_t gate_panel, const float *hidden, const int32_t *tokens,
    UnrollFunction function, float *to) {
    const ptrdiff_t panel_stride = layer->output.panel;
    const float *input = layer->input + (ptrdiff_t)gate_panel * layer->vocabulary * WIDTH;
    const float *weights = layer->recurrent + (ptrdiff_t)gate_panel * layer->panels * WIDTH * WIDTH;
    const float *bias = layer->bias + (ptrdiff_t)gate_panel * WIDTH;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = LOAD(bias + column + v * LANES);
            if (!tokens) continue;
            const float *embedded = input + (ptrdiff_t)tokens[r] * WIDTH + column;
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] += LOAD(embedded + v * LANES);
        }
        accumulate_panels(rows, hidden, panel_stride, layer->hidden, weights + column, sums);
        switch (function) {
        case UNROLL_FUNCTION_TANH: store_applied(UNROLL_FUNCTION_TANH, rows, sums, to + column); break;
        case UNROLL_FUNCTION_SIGMOID: store_applied(UNROLL_FUNCTION_SIGMOID, rows, sums, to + column); break;
        case UNROLL_FUNCTION_RELU: store_applied(UNROLL_FUNCTION_RELU, rows, sums, to + column); break;
        case UNROLL_FUNCTION_IDENTITY: store_applied(UNROLL_FUNCTION_IDENTITY, rows, sums, to + column); break;
        }
    }
}

NOINLINE void gate_tile_of(
    int rows, const UnrollRecurrence *layer, int32_t gate_panel, const float *hidden, const int32_t *tokens,
    UnrollFunction function, float *to) {
#define CALL(ROWS) gate_tile(ROWS, layer, gate_panel, hidden, tokens, function, to)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

static void forward_step(
    const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, const int32_t *tokens, UnrollRange panels,
    UnrollRange rows) {
    float *tiles[UNROLL_MAX_SLOTS];
    for (int32_t panel = panels.begin; panel < panels.end; panel++) {
        for (int32_t row = rows.begin; row < rows.end; row += UNROLL_TILE_ROWS) {
            const int32_t count = smaller(UNROLL_TILE_ROWS, rows.end - row);
            locate_slots(program, t, panel, row, tiles);
            for (int32_t gate = 0; gate < layer->gates; gate++) {
                float *to = tiles[layer->gate_slots[gate]];
                const int32_t input_slot = layer->gate_input_slots[gate];
                const int32_t gate_panel = gate * layer->panels + panel;
                if (input_slot >= 0) gate_input_tile(layer, gate_panel, tokens + row, count, tiles[input_slot]);
                for (int32_t r = 0; r < count; r += TILE_ROWS)
                    gate_tile_of(
                        smaller(TILE_ROWS, count - r), layer, gate_panel, tile_of(layer->output, t, 0, row + r),
                        input_slot >= 0 ? NULL : tokens + row + r,
                        (UnrollFunction)layer->gate_functions[gate], to + (ptrdiff_t)r * WIDTH);
            }
            run_program(program, tiles, count);
        }
    }
}

INLINE void store_derivative(
    const UnrollFunction function, const int rows, Accumulators sums, const float *value, float *to) {
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
            const int i = r * WIDTH + v * LANES;
            Vector y = LOAD(value + i), gradient = sums[r][v];
            switch (function) {
            case UNROLL_FUNCTION_TANH: gradient = tanh_derivative(y, gradient); break;
            case UNROLL_FUNCTION_SIGMOID: gradient = sigmoid_derivative(y, gradient); break;
            case UNROLL_FUNCTION_RELU: gradient = relu_derivative(y, gradient); break;
            case UNROLL_FUNCTION_IDENTITY: break;
            }
            STORE(to + i, gradient);
        }
    }
}

// The gradient of the output of one panel: direct + later gates' gradients x W^T + logits' gradients x decoder^T.
// later and direct may be NULL. value: the output itself, for a fused derivative.
INLINE void output_gradient_tile(
    const int rows, const UnrollRecurrence *layer, int32_t panel, const float *later, const float *logits,
    const float *direct, const float *value, float *to) {
    const int32_t gate_units = layer->gates * layer->panels * WIDTH;
    const int32_t inner = gate_units + panels_of(layer->vocabulary) * WIDTH;
    const float *weights = layer->transposed + (ptrdiff_t)panel * inner * WIDTH;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++)
                sums[r][v] = direct ? LOAD(direct + r * WIDTH + column + v * LANES) : BROADCAST(0.f);
        }
        if (later)
            accumulate_panels(rows, later, layer->gate_gradient.panel, gate_units, weights + column, sums);
        accumulate_panels(
            rows, logits, layer->logit_gradient.panel, layer->vocabulary,
            weights + (ptrdiff_t)gate_units * WIDTH + column, sums);
        switch (layer->fused_derivative) {
        case UNROLL_FUNCTION_TANH:
            store_derivative(UNROLL_FUNCTION_TANH, rows, sums, value + column, to + column);
            break;
        case UNROLL_FUNCTION_SIGMOID:
            store_derivative(UNROLL_FUNCTION_SIGMOID, rows, sums, value + column, to + column);
            break;
        case UNROLL_FUNCTION_RELU:
            store_derivative(UNROLL_FUNCTION_RELU, rows, sums, value + column, to + column);
            break;
        default: store_applied(UNROLL_FUNCTION_IDENTITY, rows, sums, to + column); break;
        }
    }
}

NOINLINE void output_gradient_tile_of(
    int rows, const UnrollRecurrence *layer, int32_t panel, const float *later, const float *logits,
    const float *direct, const float *value, float *to) {
#define CALL(ROWS) output_gradient_tile(ROWS, layer, panel, later, logits, direct, value, to)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

static void backward_step(
    const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, bool is_last, UnrollRange panels,
    UnrollRange rows) {
    float *tiles[UNROLL_MAX_SLOTS];
    const bool is_fused = layer->fused_derivative != UNROLL_FUNCTION_IDENTITY;
    for (int32_t panel = panels.begin; panel < panels.end; panel++) {
        for (int32_t row = rows.begin; row < rows.end; row += UNROLL_TILE_ROWS) {
            const int32_t count = smaller(UNROLL_TILE_ROWS, rows.end - row);
            locate_slots(program, t, panel, row, tiles);
            float *to = is_fused ? tile_of(layer->gate_gradient, t, panel, row) : tiles[layer->output_gradient_slot];
            const float *direct = layer->direct_gradient_slot < 0 ? NULL : tiles[layer->direct_gradient_slot];
            const float *value = tile_of(layer->output, t + 1, panel, row);
            for (int32_t r = 0; r < count; r += TILE_ROWS)
                output_gradient_tile_of(
                    smaller(TILE_ROWS, count - r), layer, panel,
                    is_last ? NULL : tile_of(layer->gate_gradient, t + 1, 0, row + r),
                    tile_of(layer->logit_gradient, t, 0, row + r), direct ? direct + (ptrdiff_t)r * WIDTH : NULL,
                    value + (ptrdiff_t)r * WIDTH, to + (ptrdiff_t)r * WIDTH);
            run_program(program, tiles, count);
        }
    }
}
