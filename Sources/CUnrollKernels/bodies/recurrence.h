// One time step of a recurrent layer, forward and backward, for one thread's share of panels and rows.

INLINE Vector apply(const UnrollFunction function, Vector x) {
    switch (function) {
    case UNROLL_FUNCTION_TANH: return vector_tanh(x);
    case UNROLL_FUNCTION_SIGMOID: return vector_sigmoid(x);
    case UNROLL_FUNCTION_RELU: return vector_relu(x);
    case UNROLL_FUNCTION_IDENTITY: return x;
    }
}

// to: a tile's columns of one pass, [rows][32], the result.
INLINE void store_applied(const UnrollFunction function, const int rows, Accumulators sums, float *to) {
    UNROLLED for (int r = 0; r < rows; r++) {
        UNROLLED for (int v = 0; v < TILE_VECTORS; v++)
            STORE(to + r * WIDTH + v * LANES, apply(function, sums[r][v]));
    }
}

// What the input gives to one panel of a split gate: to[r] = input_bias + input[token[r]]. tokens: given, [rows]. to:
// the slot's tile, [rows][32], scratch or saved.
INLINE void gate_input_tile(
    const UnrollRecurrence *layer, int32_t gate_panel, const int32_t *tokens, int32_t rows, float *to) {
    const float *input = layer->input + (ptrdiff_t)gate_panel * layer->input_rows * WIDTH;
    const float *bias = layer->input_bias + (ptrdiff_t)gate_panel * WIDTH;
    for (int32_t r = 0; r < rows; r++, to += WIDTH) {
        const float *embedded = input + (ptrdiff_t)tokens[r] * WIDTH;
        UNROLLED for (int v = 0; v < WIDTH; v += LANES) STORE(to + v, LOAD(bias + v) + LOAD(embedded + v));
    }
}

// What a gate's product with the previous state is added to: the rows at start, row_stride apart (0: one for all), and
// the rows of input that belong to tokens unless that is NULL.
typedef struct {
    const float *start;        // derived, [32]: the bias; or given, [rows][32]: what the input gives
    ptrdiff_t row_stride;
    const float *input;        // the layer's input of this panel, [input_rows][32], or NULL
    const int32_t *tokens;     // given, [rows], or NULL
} GateStart;

// One gate of one panel: to[r] = function(start[r] + input[token[r]] + h[r] W). hidden: unit words of the output before
// the step, from its first panel on, saved. to: the slot's tile, [rows][32], which may be where start is.
INLINE void gate_tile(
    const int rows, const UnrollRecurrence *layer, int32_t gate_panel, const float *hidden, const GateStart *from,
    UnrollFunction function, float *to) {
    const ptrdiff_t panel_stride = layer->output.unit_words.panel;
    const float *weights =
        layer->recurrent + (ptrdiff_t)gate_panel * layer->panels * PANEL_WORDS * WIDTH;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        Accumulators sums;
        UNROLLED for (int r = 0; r < rows; r++) {
            const float *start = from->start + r * from->row_stride + column;
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = LOAD(start + v * LANES);
            if (!from->tokens) continue;
            const float *embedded = from->input + (ptrdiff_t)from->tokens[r] * WIDTH + column;
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
    int rows, const UnrollRecurrence *layer, int32_t gate_panel, const float *hidden, const GateStart *from,
    UnrollFunction function, float *to) {
#define CALL(ROWS) gate_tile(ROWS, layer, gate_panel, hidden, from, function, to)
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

// One gate of one panel, for count rows of step t. tokens: [B]. tiles: the slots' tiles, [slot_count].
INLINE void gate_rows(
    const UnrollRecurrence *layer, int32_t gate, int32_t t, const int32_t *tokens, int32_t panel, int32_t row,
    int32_t count, float *const *tiles) {
    float *to = tiles[layer->gate_slots[gate]];
    const int32_t gate_panel = gate * layer->panels + panel;
    const int32_t input_slot = layer->gate_input_slots[gate];
    const bool is_split = input_slot >= 0;
    // What the input gives is there already, or is gathered by token.
    const float *given = layer->input
        ? NULL
        : tile_of(layer->gate_gradient.values, t, layer->gate_input_panels[gate] + panel, row);
    if (is_split && !given) gate_input_tile(layer, gate_panel, tokens + row, count, tiles[input_slot]);
    if (is_split && given && given != tiles[input_slot])
        __builtin_memcpy(tiles[input_slot], given, (size_t)count * WIDTH * sizeof(float));
    for (int32_t r = 0; r < count; r += TILE_ROWS) {
        GateStart from = {layer->bias + (ptrdiff_t)gate_panel * WIDTH, 0, NULL, NULL};
        if (!is_split && given) {
            from.start = given + (ptrdiff_t)r * WIDTH;
            from.row_stride = WIDTH;
        } else if (!is_split) {
            from.input = layer->input + (ptrdiff_t)gate_panel * layer->input_rows * WIDTH;
            from.tokens = tokens + row + r;
        }
        gate_tile_of(
            smaller(TILE_ROWS, count - r), layer, gate_panel, tile_of(layer->output.unit_words, t, 0, row + r), &from,
            (UnrollFunction)layer->gate_functions[gate], to + (ptrdiff_t)r * WIDTH);
    }
}

// One gate of a few panels for a single row of step t. tokens: [B]. tiles: of each panel, its slots' tiles,
// [panels][slot_count].
INLINE void gate_row(
    const int panels, const UnrollRecurrence *layer, int32_t gate, int32_t t, const int32_t *tokens, int32_t panel,
    int32_t row, float *const (*tiles)[UNROLL_MAX_SLOTS]) {
    const int32_t gate_panel = gate * layer->panels + panel;
    const int32_t input_slot = layer->gate_input_slots[gate];
    const int32_t slot = layer->gate_slots[gate];
    const ptrdiff_t weight_panel = (ptrdiff_t)layer->panels * PANEL_WORDS * WIDTH;
    for (int pass = 0; pass < PASSES; pass++) {
        const int column = pass * PASS_WIDTH;
        RowSums sums;
        UNROLLED for (int p = 0; p < panels; p++) {
            const float *bias = layer->bias + (ptrdiff_t)(gate_panel + p) * WIDTH + column;
            const float *input = layer->input
                ? layer->input + ((ptrdiff_t)(gate_panel + p) * layer->input_rows + tokens[row]) * WIDTH + column
                : tile_of(layer->gate_gradient.values, t, layer->gate_input_panels[gate] + panel + p, row) + column;
            const float *input_bias = layer->input_bias + (ptrdiff_t)(gate_panel + p) * WIDTH + column;
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
                Vector given = LOAD(input + v * LANES), start = LOAD(bias + v * LANES);
                // What comes from the layer below has its biases.
                if (input_slot >= 0) {
                    if (layer->input) given += LOAD(input_bias + v * LANES);
                    STORE(tiles[p][input_slot] + column + v * LANES, given);
                    sums[p][v] = start;
                } else {
                    sums[p][v] = layer->input ? start + given : given;
                }
            }
        }
        accumulate_row_panels(
            panels, tile_of(layer->output.unit_words, t, 0, row), layer->output.unit_words.panel, layer->hidden,
            layer->recurrent + gate_panel * weight_panel + column, weight_panel, sums);
        UNROLLED for (int p = 0; p < panels; p++) {
            float *to = tiles[p][slot] + column;
            UNROLLED for (int v = 0; v < TILE_VECTORS; v++)
                STORE(to + v * LANES, apply((UnrollFunction)layer->gate_functions[gate], sums[p][v]));
        }
    }
}

// Makes the units that pad the last panel zero in count rows of step t: a formula may turn a zero into what is not
// finite, and products read them.
INLINE void clear_padding(
    const UnrollRecurrence *layer, const UnrollPanels *values, int32_t t, int32_t first_panel, int32_t panel,
    int32_t row, int32_t count) {
    const int32_t used = layer->hidden - panel * WIDTH;
    if (used >= WIDTH) return;
    float *to = tile_of(*values, t, first_panel + panel, row);
    for (int32_t r = 0; r < count; r++, to += WIDTH)
        for (int32_t i = used; i < WIDTH; i++) to[i] = 0;
}

// Forward step t for a single row, a few panels at a time. tokens: [B].
NOINLINE void forward_row(
    const int panels, const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, const int32_t *tokens,
    int32_t panel, int32_t row) {
    float *tiles[ROW_PANELS][UNROLL_MAX_SLOTS];
    for (int p = 0; p < panels; p++) {
        locate_slots(program, t, panel + p, row, tiles[p]);
        // All panels are under way at once, so each has a row of the scratch tiles to itself.
        for (int32_t slot = 0; slot < program->slot_count; slot++)
            if (program->slots[slot].panel == 0) tiles[p][slot] += p * WIDTH;
    }
    for (int32_t gate = 0; gate < layer->gates; gate++) {
        if (panels == ROW_PANELS) {
            gate_row(ROW_PANELS, layer, gate, t, tokens, panel, row, tiles);
        } else {
            for (int p = 0; p < panels; p++) gate_row(1, layer, gate, t, tokens, panel + p, row, tiles + p);
        }
    }
    for (int p = 0; p < panels; p++) {
        run_program(program, tiles[p], 1);
        clear_padding(layer, &layer->output.values, t + 1, 0, panel + p, row, 1);
        pack_tile(&layer->output, t + 1, panel + p, row, 1);
    }
}

static void forward_step(
    const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, const int32_t *tokens, UnrollRange panels,
    UnrollRange rows) {
    if (rows.end - rows.begin == 1) {
        for (int32_t panel = panels.begin; panel < panels.end; panel += ROW_PANELS)
            forward_row(smaller(ROW_PANELS, panels.end - panel), layer, program, t, tokens, panel, rows.begin);
        return;
    }
    float *tiles[UNROLL_MAX_SLOTS];
    for (int32_t panel = panels.begin; panel < panels.end; panel++) {
        for (int32_t row = rows.begin; row < rows.end; row += UNROLL_TILE_ROWS) {
            const int32_t count = smaller(UNROLL_TILE_ROWS, rows.end - row);
            locate_slots(program, t, panel, row, tiles);
            for (int32_t gate = 0; gate < layer->gates; gate++)
                gate_rows(layer, gate, t, tokens, panel, row, count, tiles);
            run_program(program, tiles, count);
            clear_padding(layer, &layer->output.values, t + 1, 0, panel, row, count);
            pack_tile(&layer->output, t + 1, panel, row, count);
        }
    }
}

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
