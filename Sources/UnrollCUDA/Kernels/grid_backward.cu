// Goes back through all steps of a recurrent layer in one cooperative launch, with the same teams as `grid_forward`. In
// each step every block computes what the gradients of all gates give to the states of its own units before the step, and
// from that the gradients of their gates.

// Gradients of gates that a row has in all, and chunks of a slice: a warp has those of the units of its group.
#define TEAM_GATES (GATES * TEAM_UNITS)
#define BACKWARD_CHUNKS ((TEAM_GATES + CHUNK * SLICES - 1) / (CHUNK * SLICES))

typedef Weights<1, BACKWARD_CHUNKS, BACKWARD_KEPT> BackwardWeights;

// Shared memory as of `grid_forward`.
typedef Areas<1> BackwardAreas;

// Goes back from the last step to the first.
//
// - `rows`, `weights`: As of `grid_forward`.
// - `state_gradients`: Room for what goes to the step before past the gates, [STATES, B, H].
// - `exchanged`: Zeros; becomes the gates' gradients of each step as factors, [steps, B, G, TEAM_UNITS].
// - The others: As of `BackwardLayer`.
KERNEL(THREADS, grid_backward, (
    int steps, int batch, int rows, const float* __restrict__ weights,
    const float* __restrict__ output_gradients, const Mask* __restrict__ output_mask, int output_pace,
    const float* __restrict__ states, int state_stride, const float* __restrict__ vectors, int vector_stride,
    const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks, const float* __restrict__ saved,
    float* hidden_gradients, float* input_gradients, float* __restrict__ vector_gradients, int vector_gradient_stride,
    float* __restrict__ layer_input_gradients, float* state_gradients, u32* exchanged)) {
    DYNAMIC_SHARED(memory);
    const BackwardLayer layer = {
        batch, output_gradients, output_mask, output_pace, states, state_stride, vectors, vector_stride, layer_inputs,
        state_masks, saved, hidden_gradients, input_gradients, vector_gradients, vector_gradient_stride,
        layer_input_gradients};
    const int warp = threadIdx.x / 32, first_k = warp % SLICES * BACKWARD_CHUNKS * CHUNK;
    const int first_unit = blockIdx.x % BLOCKS * BLOCK_UNITS;
    const int team_row = blockIdx.x / BLOCKS * rows, last_row = min(team_row + rows, batch);
    const size_t row_size = TEAM_GATES * FACTOR_SIZE / 4, step_size = batch * row_size;
    const BackwardAreas areas = {memory};

    BackwardWeights kept;
    kept.load(memory + BackwardAreas::BYTES, [=](int, int unit, int k) {
        unit += first_unit + warp / SLICES * 16;
        k += first_k;
        // Four of k are those of neighbors, as the units of a team are a multiple of 16.
        const int gate = k / TEAM_UNITS, other = k % TEAM_UNITS;
        const bool exists = unit < HIDDEN && gate < GATES;
        return four_rows(weights + ((size_t)gate * HIDDEN + other) * HIDDEN + unit, exists ? HIDDEN - other : 0);
    });
    for (int t = steps - 1, turn = 0; t >= 0; t--) {
        const bool is_last = t + 1 == steps;
        for (int first_row = team_row; first_row < last_row; first_row += TEAM_ROWS, turn ^= 1) {
            const int live_rows = min(TEAM_ROWS, last_row - first_row);
            // After the last step there are none.
            const GridFactors<BACKWARD_CHUNKS> factors(
                exchanged + (is_last ? t : t + 1) * step_size + first_row * row_size, TEAM_GATES, first_k,
                is_last ? 0 : live_rows, areas.of_warp(turn));
            BackwardPoint points[ELEMENTS];
            float after[ELEMENTS][STATES], gradients[ELEMENTS][STATES];
#pragma unroll
            for (int index = 0; index < ELEMENTS; index++) {
                const Element element(index, first_unit, first_row, live_rows);
                if (!element.is_live) continue;
                points[index].read(layer, t, element);
#pragma unroll
                for (int state = 0; state < STATES; state++) {
                    const size_t place = ((size_t)state * batch + element.row) * HIDDEN + element.unit;
                    gradients[index][state] = is_last ? 0.0f : state_gradients[place];
                    after[index][state] = layer.state(state, t + 1, element);
                }
            }
            float d[1][4];
            kept.multiply(d, factors, live_rows);
            // What the warp has multiplied makes room for its sums.
            warp_barrier();
            const BackwardAreas::Sums sums = areas.sums(turn);
            sums.store(d);
            __syncthreads();
#pragma unroll
            for (int index = 0; index < ELEMENTS; index++) {
                const Element element(index, first_unit, first_row, live_rows);
                if (!element.exists()) continue;
                if (element.is_live) {
                    gradients[index][0] += sums.sum(element, 0);
                    points[index].compute(layer, element, after[index], gradients[index]);
                }
                if (t > 0) {
#pragma unroll
                    for (int gate = 0; gate < GATES; gate++) {
                        publish(
                            element.is_live ? points[index].gates[gate] : 0.0f, element, exchanged + t * step_size,
                            TEAM_GATES, gate * TEAM_UNITS + element.unit);
                    }
                }
                if (!element.is_live) continue;
                points[index].write(layer, t, element);
#pragma unroll
                for (int state = 0; state < STATES; state++) {
                    state_gradients[((size_t)state * batch + element.row) * HIDDEN + element.unit] =
                        gradients[index][state];
                }
            }
        }
    }
}
