// One step through time of a recurrent layer, and its gradient, for many rows: what recurrence.cu does, by larger tiles
// whose factors are bfloat16 in memory. Weights are rounded once for all steps; the states that a step multiplies, and
// the gates' gradients that a step back does, are rounded by the step before it.

DEVICE u16 rounded(float value) { return (u16)bfloat16_pair(value, 0.0f); }

// The gates' sums of an element in a tile of `product_forward`.
struct GateSums {
    const ForwardTile& tile;
    METHOD float sum(const Element& element, int gate) const {
        return tile.sum(element.own_row, gate * FORWARD_UNITS + element.own_unit);
    }
};

// Takes a step.
//
// - `t`: The step.
// - `weights`: Of the layer, rounded, [G H, H].
// - `before`, `after`: The first state before the step and after it, rounded, [B, H].
// - The others: As of `ForwardLayer`.
KERNEL(PIPELINE_THREADS, product_forward, (
    int t, const u16* __restrict__ weights, const u16* __restrict__ before, u16* __restrict__ after, int batch,
    const float* __restrict__ hidden_bias, const float* __restrict__ inputs, const int* __restrict__ input_rows,
    const float* __restrict__ input_bias, float* states, int state_stride, const float* __restrict__ vectors,
    int vector_stride, const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks,
    float* __restrict__ saved, float* __restrict__ outputs, const Mask* __restrict__ output_mask, int output_pace)) {
    take_turn();
    DYNAMIC_SHARED(memory);
    const ForwardLayer layer = {
        batch, hidden_bias, inputs, input_rows, input_bias, states, state_stride, vectors, vector_stride, layer_inputs,
        state_masks, saved, outputs, output_mask, output_pace};
    const int first_row = blockIdx.y * ROWS, first_unit = blockIdx.x * FORWARD_UNITS;
    const FactorMatrix of_states = {before, batch, HIDDEN, HIDDEN_PITCH};
    const FactorMatrix of_gates = {weights, GATE_COUNT, HIDDEN, HIDDEN_PITCH};
    const auto a = [=](int row, int k) { return of_states.at(first_row + row, k); };
    const auto b = [=](int column, int k) {
        const int gate = column / FORWARD_UNITS, unit = first_unit + column % FORWARD_UNITS;
        return of_gates.at(gate < GATES && unit < HIDDEN ? gate * HIDDEN + unit : -1, k);
    };
    constexpr int COUNT = ELEMENTS(FORWARD_UNITS);
    constexpr int SIZE = AT_ONCE(COUNT, 2 * GATES + 2 * STATES + VECTORS + mask_registers());
    ForwardPoint points[SIZE];
    float now[SIZE][STATES], of_unit[SIZE][VECTORS + 1];
    const auto read = [&](int first) {
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            const Element element(first + i, FORWARD_UNITS, batch);
            if (!element.is_live) continue;
            points[i].read(layer, t, element);
            layer.read_vectors(element, of_unit[i]);
#pragma unroll
            for (int state = 0; state < STATES; state++) now[i][state] = layer.state(state, t, element);
        }
    };
    ForwardTile tile(memory);
    tile.begin(HIDDEN, a, b);
    read(0);
    tile.compute(HIDDEN, a, b);
#pragma unroll 1
    for (int first = 0; first < COUNT; first += SIZE) {
        if (first > 0) read(first);
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            const Element element(first + i, FORWARD_UNITS, batch);
            if (!element.is_live) continue;
            points[i].compute(GateSums{tile}, element, of_unit[i], now[i]);
            points[i].write(layer, t, element, now[i]);
            after[(size_t)element.row * HIDDEN_PITCH + element.unit] = rounded(now[i][0]);
        }
    }
}

// Goes back through a step.
//
// - `t`, `weights`: As of `product_forward`.
// - `later`: The gradients of the hidden halves of the gates of the step after, rounded, [B, G H]; null at the last step.
// - `gate_gradients`: Those of this step, likewise.
// - `state_gradients`: What came from the step after past its gates, and then what goes to the one before, [STATES, B, H].
// - The others: As of `BackwardLayer`.
KERNEL(PIPELINE_THREADS, product_backward, (
    int t, const u16* __restrict__ weights, const u16* __restrict__ later, u16* __restrict__ gate_gradients,
    float* __restrict__ state_gradients, int batch, const float* __restrict__ output_gradients,
    const Mask* __restrict__ output_mask, int output_pace, const float* __restrict__ states, int state_stride,
    const float* __restrict__ vectors, int vector_stride, const float* __restrict__ layer_inputs,
    const Mask* __restrict__ state_masks, const float* __restrict__ saved, float* hidden_gradients,
    float* input_gradients, float* __restrict__ vector_gradients, int vector_gradient_stride,
    float* __restrict__ layer_input_gradients)) {
    take_turn();
    DYNAMIC_SHARED(memory);
    const BackwardLayer layer = {
        batch, output_gradients, output_mask, output_pace, states, state_stride, vectors, vector_stride, layer_inputs,
        state_masks, saved, hidden_gradients, input_gradients, vector_gradients, vector_gradient_stride,
        layer_input_gradients};
    const int first_row = blockIdx.y * ROWS, first_unit = blockIdx.x * BACKWARD_UNITS;
    const FactorMatrix of_gates = {later, batch, GATE_COUNT, GATE_PITCH};
    const FactorMatrix of_units = {weights, GATE_COUNT, HIDDEN, HIDDEN_PITCH};
    const auto a = [=](int row, int k) { return of_gates.at(first_row + row, k); };
    const auto b = [=](int k, int column) { return of_units.at(k, first_unit + column); };
    constexpr int COUNT = ELEMENTS(BACKWARD_UNITS), SIZE = AT_ONCE(COUNT, SAVED + 4 * STATES);
    BackwardPoint points[SIZE];
    float next[SIZE][STATES], gradients[SIZE][STATES];
    const auto read = [&](int first) {
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            const Element element(first + i, BACKWARD_UNITS, batch);
            if (!element.is_live) continue;
            points[i].read(layer, t, element);
#pragma unroll
            for (int state = 0; state < STATES; state++) {
                next[i][state] = layer.state(state, t + 1, element);
                gradients[i][state] = later
                    ? state_gradients[((size_t)state * batch + element.row) * HIDDEN + element.unit] : 0.0f;
            }
        }
    };
    BackwardTile tile(memory);
    // The same for all threads.
    if (later) tile.begin(GATE_COUNT, a, b);
    read(0);
    if (later) tile.compute(GATE_COUNT, a, b);
#pragma unroll 1
    for (int first = 0; first < COUNT; first += SIZE) {
        if (first > 0) read(first);
#pragma unroll
        for (int i = 0; i < SIZE; i++) {
            const Element element(first + i, BACKWARD_UNITS, batch);
            if (!element.is_live) continue;
            if (later) gradients[i][0] += tile.sum(element.own_row, element.own_unit);
            points[i].compute(layer, element, next[i], gradients[i]);
            points[i].write(layer, t, element);
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                gate_gradients[(size_t)element.row * GATE_PITCH + gate * HIDDEN + element.unit] =
                    rounded(points[i].gates[gate]);
            }
#pragma unroll
            for (int state = 0; state < STATES; state++) {
                state_gradients[((size_t)state * batch + element.row) * HIDDEN + element.unit] = gradients[i][state];
            }
        }
    }
}
