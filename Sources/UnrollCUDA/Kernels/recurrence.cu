// One step through time of a recurrent layer, and its gradient: a matrix product whose result the cell's formula takes
// at once. The formula is printed by `CellSource` above this file, which says how many gates, states, learned vectors and
// saved values there are, how many UNITS a block has, and defines:
//
//     cell_forward(gates, gate_inputs, states, vectors, input, shares, &new_states, &saved)
//     cell_backward(
//         saved, states, vectors, input, shares, new_states, state_gradients, &gates, &gate_inputs, &previous,
//         &vector_gradients, &input_gradient)

// Rows of a block, which has all gates of its UNITS units.
#define ROWS 32
#define GATE_COLUMNS ((GATES * UNITS + 15) / 16 * 16)

typedef Tile<ROWS, GATE_COLUMNS, (GATE_COLUMNS <= 64 ? 64 : 32)> ForwardTile;
typedef Tile<ROWS, 16, 64> BackwardTile;

// Reads one step's inputs: from the states at `states` to those `batch * hidden` numbers further on.
//
// - `weights`, `hidden_bias`: Of the layer, [G H, H] and [G H].
// - `inputs`: What the step's inputs give to the gates, [rows, G H]; row `input_rows[row]`, or `row` if that is null.
// - `input_bias`: [G H]; null if it is in `inputs`.
// - `states`: States before the step, each [B, H] and `state_stride` numbers apart.
// - `vectors`: The layer's learned vectors, each [H] and `vector_stride` numbers apart.
// - `layer_inputs`: What the layer reads, [B, H], if the formula does; otherwise null.
// - `state_masks`: Of each state's change.
// - `saved`: What the backward pass needs, [SAVED, B, H].
// - `outputs`: The first state with `output_mask`, [B, H]; null if nothing is dropped.
KERNEL(128, step_forward, (
    int batch, int hidden, const float* __restrict__ weights, const float* __restrict__ hidden_bias,
    const float* __restrict__ inputs, const int* __restrict__ input_rows, const float* __restrict__ input_bias,
    float* states, int state_stride, const float* __restrict__ vectors, int vector_stride,
    const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks, int time, float* __restrict__ saved,
    float* __restrict__ outputs, const Mask* __restrict__ output_mask, int output_time)) {
    take_turn();
    SHARED ForwardTile::Shared shared;
    const int first_row = blockIdx.y * ROWS, first_unit = blockIdx.x * UNITS;
    const int size = batch * hidden;
    const float* previous = states;
    ForwardTile::compute(
        shared, 0, hidden,
        [=](int row, int k) {
            row += first_row;
            return row < batch && k < hidden ? previous[(size_t)row * hidden + k] : 0.0f;
        },
        [=](int column, int k) {
            const int gate = column / UNITS, unit = first_unit + column % UNITS;
            return gate < GATES && unit < hidden && k < hidden
                ? weights[((size_t)gate * hidden + unit) * hidden + k] : 0.0f;
        });
    for (int index = threadIdx.x; index < ROWS * UNITS; index += TILE_THREADS) {
        const int row = first_row + index / UNITS, unit = first_unit + index % UNITS;
        if (row >= batch || unit >= hidden) continue;
        const float* row_inputs = inputs + (size_t)(input_rows ? input_rows[row] : row) * GATES * hidden;
        float gates[GATES], gate_inputs[GATES];
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
            const int place = gate * hidden + unit;
            gate_inputs[gate] = row_inputs[place] + (input_bias ? input_bias[place] : 0.0f);
            gates[gate] = shared.sums[index / UNITS][gate * UNITS + index % UNITS] + hidden_bias[place];
        }
        const int place = row * hidden + unit;
        float old_states[STATES], shares[STATES], new_states[STATES], kept[SAVED + 1], of_unit[VECTORS + 1];
#pragma unroll
        for (int i = 0; i < VECTORS; i++) of_unit[i] = vectors[(size_t)i * vector_stride + unit];
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            old_states[state] = states[(size_t)state * state_stride + place];
            shares[state] = IS_MASKED(state) ? share(state_masks[state], time, row, unit) : 1.0f;
        }
        const float input = READS_INPUT ? layer_inputs[place] : 0.0f;
        cell_forward(gates, gate_inputs, old_states, of_unit, input, shares, new_states, kept);
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            states[(size_t)state * state_stride + size + place] = new_states[state];
        }
#pragma unroll
        for (int i = 0; i < SAVED; i++) saved[(size_t)i * size + place] = kept[i];
        if (outputs) outputs[place] = masked(new_states[0], *output_mask, output_time, row, unit);
    }
}

// Goes back through one step.
//
// - `weights`: Of the layer, [G H, H].
// - `later`: The gradients of the hidden halves of the gates of the step after, [B, G H]; null at the last step.
// - `output_gradients`: The gradient of the layer's output, after `output_mask`, [B, H].
// - `states`, `state_stride`, `vectors`, `vector_stride`, `layer_inputs`, `state_masks`, `saved`: As in
//   `step_forward`.
// - `state_gradients`: What came from the step after past its gates, and then what goes to the one before, [STATES, B, H].
// - `hidden_gradients`, `input_gradients`: The gradients of the halves of gates, [B, G H]; one and the same memory if no
//   gate is split.
// - `vector_gradients`: What each row adds to the gradients of the learned vectors, each [B, H] and
//   `vector_gradient_stride` numbers apart.
// - `layer_input_gradients`: The gradient of `layer_inputs` without what flows through the gates.
KERNEL(128, step_backward, (
    int batch, int hidden, const float* __restrict__ weights, const float* __restrict__ later,
    const float* __restrict__ output_gradients, const Mask* __restrict__ output_mask, int output_time,
    const float* __restrict__ states, int state_stride, const float* __restrict__ vectors, int vector_stride,
    const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks, int time,
    const float* __restrict__ saved,
    float* __restrict__ state_gradients, float* hidden_gradients, float* input_gradients,
    float* __restrict__ vector_gradients, int vector_gradient_stride, float* __restrict__ layer_input_gradients)) {
    take_turn();
    SHARED BackwardTile::Shared shared;
    const int first_row = blockIdx.y * ROWS, first_unit = blockIdx.x * 16;
    const int size = batch * hidden, gate_count = GATES * hidden;
    if (later) {
        BackwardTile::compute(
            shared, 0, gate_count,
            [=](int row, int k) {
                row += first_row;
                return row < batch && k < gate_count ? later[(size_t)row * gate_count + k] : 0.0f;
            },
            [=](int column, int k) {
                column += first_unit;
                return column < hidden && k < gate_count ? weights[(size_t)k * hidden + column] : 0.0f;
            });
    }
    for (int index = threadIdx.x; index < ROWS * 16; index += TILE_THREADS) {
        const int row = first_row + index / 16, unit = first_unit + index % 16;
        if (row >= batch || unit >= hidden) continue;
        const int place = row * hidden + unit;
        float old_states[STATES], new_states[STATES], shares[STATES], gradients[STATES], kept[SAVED + 1];
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            old_states[state] = states[(size_t)state * state_stride + place];
            new_states[state] = states[(size_t)state * state_stride + size + place];
            shares[state] = IS_MASKED(state) ? share(state_masks[state], time, row, unit) : 1.0f;
            gradients[state] = later ? state_gradients[(size_t)state * size + place] : 0.0f;
        }
        if (later) gradients[0] += shared.sums[index / 16][index % 16];
        gradients[0] += masked(output_gradients[place], *output_mask, output_time, row, unit);
#pragma unroll
        for (int i = 0; i < SAVED; i++) kept[i] = saved[(size_t)i * size + place];
        float of_unit[VECTORS + 1];
#pragma unroll
        for (int i = 0; i < VECTORS; i++) of_unit[i] = vectors[(size_t)i * vector_stride + unit];
        float gates[GATES], gate_inputs[GATES], previous[STATES], of_vectors[VECTORS + 1];
        const float input = READS_INPUT ? layer_inputs[place] : 0.0f;
        float of_input;
        cell_backward(
            kept, old_states, of_unit, input, shares, new_states, gradients, gates, gate_inputs, previous, of_vectors,
            of_input);
        if (READS_INPUT) layer_input_gradients[place] = of_input;
#pragma unroll
        for (int i = 0; i < VECTORS; i++) vector_gradients[(size_t)i * vector_gradient_stride + place] = of_vectors[i];
#pragma unroll
        for (int state = 0; state < STATES; state++) state_gradients[(size_t)state * size + place] = previous[state];
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
            const size_t gate_place = (size_t)row * gate_count + gate * hidden + unit;
            hidden_gradients[gate_place] = gates[gate];
            if (HAS_SPLIT_GATES) input_gradients[gate_place] = gate_inputs[gate];
        }
    }
}
