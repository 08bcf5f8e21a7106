// One time step of a recurrent layer, forward, for one thread's share of panels and rows.

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
        layer->recurrent + gate_panel * weight_panel_of(layer->panels);
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
    const ptrdiff_t weight_panel = weight_panel_of(layer->panels);
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
