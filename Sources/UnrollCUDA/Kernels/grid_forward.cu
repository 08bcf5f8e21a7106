// All steps of a recurrent layer in one cooperative launch. Teams of blocks have some rows of the minibatch each, and each
// block of a team some of the units with their weights. In each step every block computes the states of its units from
// those of all units, for TEAM_ROWS rows at a time, so that the states of some rows are on their way while others are
// multiplied.

// Shared memory: areas, and weights that are not in registers.
typedef Areas<GATES> ForwardAreas;

// Reads the inputs of all steps: from the states at `states` to those `steps * batch * hidden` numbers further on.
//
// - `rows`: Of a team.
// - `weights`: Of the layer, [G H, H].
// - `exchanged`: Zeros; becomes the states before each step as factors, [steps, B, TEAM_UNITS].
// - The others: As of `ForwardLayer`.
KERNEL(THREADS, grid_forward, (
    int steps, int batch, int rows, const float* __restrict__ weights,
    const float* __restrict__ hidden_bias, const float* __restrict__ inputs, const int* __restrict__ input_rows,
    const float* __restrict__ input_bias, float* states, int state_stride, const float* __restrict__ vectors,
    int vector_stride, const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks,
    float* __restrict__ saved, float* __restrict__ outputs, const Mask* __restrict__ output_mask, int output_pace,
    u32* exchanged)) {
    DYNAMIC_SHARED(memory);
    const ForwardLayer layer = {
        batch, hidden_bias, inputs, input_rows, input_bias, states, state_stride, vectors, vector_stride, layer_inputs,
        state_masks, saved, outputs, output_mask, output_pace};
    const int slice = threadIdx.x / 32 % SLICES, first_unit = blockIdx.x % BLOCKS * BLOCK_UNITS;
    const int team_row = blockIdx.x / BLOCKS * rows, last_row = min(team_row + rows, batch);
    // Words of the factors of a row, and of a step.
    const size_t row_size = TEAM_UNITS * FACTOR_SIZE / 4, step_size = batch * row_size;
    const ForwardAreas areas = {memory};

    ForwardWeights kept;
    load_forward(kept, memory + ForwardAreas::BYTES, weights, first_unit, HIDDEN);
    float of_unit[ELEMENTS][VECTORS + 1];
#pragma unroll
    for (int index = 0; index < ELEMENTS; index++) {
        const Element element(index, first_unit, team_row, 1);
        if (element.unit < HIDDEN) layer.read_vectors(element, of_unit[index]);
    }
    for (int first_row = team_row; first_row < last_row; first_row += TEAM_ROWS) {
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index, first_unit, first_row, last_row - first_row);
            if (!element.exists()) continue;
            publish(element.is_live ? layer.state(0, 0, element) : 0.0f, element, exchanged, TEAM_UNITS, element.unit);
        }
    }
    for (int t = 0, turn = 0; t < steps; t++) {
        for (int first_row = team_row; first_row < last_row; first_row += TEAM_ROWS, turn ^= 1) {
            const int live_rows = min(TEAM_ROWS, last_row - first_row);
            const GridFactors<FORWARD_CHUNKS> factors(
                exchanged + t * step_size + first_row * row_size, TEAM_UNITS, slice * FORWARD_CHUNKS * CHUNK, live_rows,
                areas.of_warp(turn));
            ForwardPoint points[ELEMENTS];
            float now[ELEMENTS][STATES];
#pragma unroll
            for (int index = 0; index < ELEMENTS; index++) {
                const Element element(index, first_unit, first_row, live_rows);
                if (!element.is_live) continue;
                points[index].read(layer, t, element);
#pragma unroll
                for (int state = 0; state < STATES; state++) now[index][state] = layer.state(state, t, element);
            }
            float d[GATES][4];
            kept.multiply(d, factors, live_rows);
            // What the warp has multiplied makes room for its sums.
            warp_barrier();
            const ForwardAreas::Sums sums = areas.sums(turn);
            sums.store(d);
            __syncthreads();
#pragma unroll
            for (int index = 0; index < ELEMENTS; index++) {
                const Element element(index, first_unit, first_row, live_rows);
                if (!element.exists()) continue;
                if (element.is_live) points[index].compute(sums, element, of_unit[index], now[index]);
                if (t + 1 < steps) {
                    publish(
                        element.is_live ? now[index][0] : 0.0f, element, exchanged + (t + 1) * step_size, TEAM_UNITS,
                        element.unit);
                }
                if (element.is_live) points[index].write(layer, t, element, now[index]);
            }
        }
    }
}
