// One time step of a recurrent layer, backward, for one thread's share of panels and rows.

// value, to: a tile's columns of one pass, [rows][32]: a function's value, saved, and the gradient of its argument, the
// result.
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

// Units of the gates whose transposed weights of one panel, 64 KB, stay near while all rows pass by: more would also be more
// pages than the first translation buffer of addresses holds.
enum { GATE_UNITS_PER_BLOCK = 512 * WORD_UNITS };

// What makes up the gradient of the output of one panel, for the rows of one tile. Any pointer may be NULL.
typedef struct {
    const float *from, *more;   // what it starts from, given: [rows][32]
    const float *later;         // unit words of all gates' gradients at the step after, to be multiplied with W^T
    const float *above;         // unit words of the gradient of what the output goes into, given
} OutputGradient;

// The part of it that the gates' units from begin to end give, and the end of the sum: above, and the fused derivative
// at the output's value. A part that is not the first starts from what is at to. value: the output's tile, saved, and
// to: the result, both [rows][32].
INLINE void output_gradient_tile(
    const int rows, const UnrollRecurrence *layer, int32_t panel, const OutputGradient *parts, int32_t begin,
    int32_t end, const float *value, float *to) {
    const int32_t gate_units = layer->gates * layer->panels * WIDTH;
    const float *weights = layer->transposed + (ptrdiff_t)panel * WORDS(gate_units) * WIDTH;
    const ptrdiff_t gate_stride = layer->gate_gradient.unit_words.panel;
    const float *from = begin > 0 ? to : parts->from;
    const float *more = begin > 0 ? NULL : parts->more;
    const bool is_end = end == gate_units;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
                const int i = r * WIDTH + column + v * LANES;
                sums[r][v] = from ? LOAD(from + i) : BROADCAST(0.f);
                if (more) sums[r][v] += LOAD(more + i);
            }
        }
        if (parts->later)
            accumulate_panels(
                rows, parts->later + begin / WIDTH * gate_stride, gate_stride, end - begin,
                weights + (ptrdiff_t)WORDS(begin) * WIDTH + column, sums);
        if (is_end && parts->above)
            accumulate_panels(
                rows, parts->above, layer->above.panel, layer->above_units,
                layer->above_weights
                    + (ptrdiff_t)panel * panels_of(layer->above_units) * PANEL_WORDS * WIDTH + column,
                sums);
        switch (is_end ? layer->fused_derivative : UNROLL_FUNCTION_IDENTITY) {
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
    int rows, const UnrollRecurrence *layer, int32_t panel, const OutputGradient *parts, int32_t begin, int32_t end,
    const float *value, float *to) {
#define CALL(ROWS) output_gradient_tile(ROWS, layer, panel, parts, begin, end, value, to)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

// The gradient of the output of one panel, for count rows of step t. tiles: the slots' tiles, [slot_count].
INLINE void output_gradient_rows(
    const UnrollRecurrence *layer, int32_t t, bool is_last, int32_t panel, int32_t row, int32_t count,
    float *const *tiles) {
    const bool is_fused = layer->fused_derivative != UNROLL_FUNCTION_IDENTITY;
    float *to =
        is_fused ? tile_of(layer->gate_gradient.values, t, panel, row) : tiles[layer->output_gradient_slot];
    const float *direct = layer->direct_gradient_slot < 0 ? NULL : tiles[layer->direct_gradient_slot];
    const float *given = layer->output_gradient.base ? tile_of(layer->output_gradient, t, panel, row) : NULL;
    const float *from = direct ? direct : given;
    const float *more = direct ? given : NULL;
    const float *value = tile_of(layer->output.values, t + 1, panel, row);
    const int32_t gate_units = layer->gates * layer->panels * WIDTH;
    // Without later gates, one block is the end of the sum.
    for (int32_t begin = is_last ? gate_units - WIDTH : 0; begin < gate_units; begin += GATE_UNITS_PER_BLOCK) {
        const int32_t end = smaller(begin + GATE_UNITS_PER_BLOCK, gate_units);
        for (int32_t r = 0; r < count; r += TILE_ROWS) {
            const ptrdiff_t offset = (ptrdiff_t)r * WIDTH;
            const OutputGradient parts = {
                from ? from + offset : NULL, more ? more + offset : NULL,
                is_last ? NULL : tile_of(layer->gate_gradient.unit_words, t + 1, 0, row + r),
                layer->above_units ? tile_of(layer->above, t, 0, row + r) : NULL};
            output_gradient_tile_of(
                smaller(TILE_ROWS, count - r), layer, panel, &parts, is_last ? 0 : begin, end, value + offset,
                to + offset);
        }
    }
}

// What products read of all gates' gradients of one panel, and of the input's halves of split gates: no padding that
// is not zero, and words.
INLINE void finish_gate_gradients(const UnrollRecurrence *layer, int32_t t, int32_t panel, int32_t row, int32_t count) {
    const UnrollOperand *gradient = &layer->gate_gradient;
    for (int32_t gate = 0; gate < layer->gates; gate++) {
        const int32_t panels[] = {gate * layer->panels, layer->gate_input_panels[gate]};
        const int halves = layer->gate_input_slots[gate] >= 0 ? 2 : 1;
        for (int half = 0; half < halves; half++) {
            clear_padding(layer, &gradient->values, t, panels[half], panel, row, count);
            pack_tile(gradient, t, panels[half] + panel, row, count);
        }
    }
}

static void backward_step(
    const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, bool is_last, UnrollRange panels,
    UnrollRange rows) {
    float *tiles[UNROLL_MAX_SLOTS];
    for (int32_t panel = panels.begin; panel < panels.end; panel++) {
        for (int32_t row = rows.begin; row < rows.end; row += UNROLL_TILE_ROWS) {
            const int32_t count = smaller(UNROLL_TILE_ROWS, rows.end - row);
            locate_slots(program, t, panel, row, tiles);
            output_gradient_rows(layer, t, is_last, panel, row, count, tiles);
            run_program(program, tiles, count);
            finish_gate_gradients(layer, t, panel, row, count);
        }
    }
}
