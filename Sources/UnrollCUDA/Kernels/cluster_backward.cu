// Goes back through all steps of a recurrent layer in one launch, with the same clusters as `cluster_forward`. In each
// step every block computes the gradients of the gates of its units, and what these give to the states of all units
// before the step: sums over the block's gates alone. It sends them to the blocks that have these units, which add the
// sums of all blocks in the order of their ranks.
//
// A buffer of sums is free when it is written again: a block sends those of step t only when those of step t + 1 have
// come from all blocks, and each has added those of step t + 2 before it sent any of step t + 1. The gates' gradients
// have two buffers so that warps may be up to one barrier of the block apart.

// A warp has all gates of the block's units, for its share of the team's units.
#define BACKWARD_CHUNKS ((GATES * BLOCK_UNITS + CHUNK - 1) / CHUNK)
#define BACKWARD_TILES ((BLOCKS * GROUPS + WARPS - 1) / WARPS)
#define BACKWARD_ROW ROW_BYTES(BACKWARD_CHUNKS * CHUNK)

typedef Weights<BACKWARD_TILES, BACKWARD_CHUNKS, BACKWARD_KEPT> BackwardWeights;

// Shared memory: the barriers; two buffers of sums from every block for the block's units; two of gradients of the
// block's gates, TEAM_ROWS rows each; and weights that are not in registers.
#define BACKWARD_SUMS (BLOCKS * GROUPS * GROUP_ELEMENTS)
#define BACKWARD_BUFFER (TEAM_ROWS * BACKWARD_ROW)
#define BACKWARD_FACTORS (BARRIER_BYTES + 2 * BACKWARD_SUMS * 4)
#define BACKWARD_WEIGHTS (BACKWARD_FACTORS + 2 * BACKWARD_BUFFER)

// Goes back from the last step to the first.
//
// - `rows`, `weights`: As of `cluster_forward`.
// - The others: As of `BackwardLayer`.
KERNEL(THREADS, cluster_backward, (
    int steps, int batch, int rows, const float* __restrict__ weights,
    const float* __restrict__ output_gradients, const Mask* __restrict__ output_mask, int output_pace,
    const float* __restrict__ states, int state_stride, const float* __restrict__ vectors, int vector_stride,
    const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks, const float* __restrict__ saved,
    float* hidden_gradients, float* input_gradients, float* __restrict__ vector_gradients, int vector_gradient_stride,
    float* __restrict__ layer_input_gradients)) {
    DYNAMIC_SHARED(memory);
    const BackwardLayer layer = {
        batch, output_gradients, output_mask, output_pace, states, state_stride, vectors, vector_stride, layer_inputs,
        state_masks, saved, hidden_gradients, input_gradients, vector_gradients, vector_gradient_stride,
        layer_input_gradients};
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, q = lane % 4;
    const int rank = cluster_rank(), first_unit = rank * BLOCK_UNITS;
    const int first_row = blockIdx.x / BLOCKS * rows, live_rows = min(rows, batch - first_row);
    const u32 barriers = shared_address(memory), sums = barriers + BARRIER_BYTES;
    const u32 factors = barriers + BACKWARD_FACTORS;

    BackwardWeights kept;
    kept.load(memory + BACKWARD_WEIGHTS, [=](int tile, int unit, int k) {
        tile += warp * BACKWARD_TILES;
        unit += tile * 16;
        // Four of k are those of neighbors, as blocks have whole groups of 16 units.
        const int gate = k / BLOCK_UNITS, own = first_unit + k % BLOCK_UNITS;
        const bool exists = tile < BLOCKS * GROUPS && unit < HIDDEN && gate < GATES;
        return four_rows(weights + ((size_t)gate * HIDDEN + own) * HIDDEN + unit, exists ? HIDDEN - own : 0);
    });
    begin_exchange(memory, memory + BACKWARD_FACTORS, 2 * BACKWARD_BUFFER);
    cluster_barrier();

    // What goes to the step before past its gates, and the states after the step.
    float gradients[ELEMENTS][STATES], after[ELEMENTS][STATES];
#pragma unroll
    for (int index = 0; index < ELEMENTS; index++) {
        const Element element(index, first_unit, first_row, live_rows);
        if (!element.is_live) continue;
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            gradients[index][state] = 0.0f;
            after[index][state] = layer.state(state, steps, element);
        }
    }
    for (int t = steps - 1, count = 0; t >= 0; t--, count++) {
        const int turn = count % 2, next = 1 - turn;
        if (threadIdx.x == 0 && t > 0) {
            // Each block sends 16 units of two rows to a group in 8 lots of 16 bytes.
            barrier_expect(barriers + 8 * next, BLOCKS * GROUPS * ((live_rows + 1) / 2) * 128);
        }
        BackwardPoint points[ELEMENTS];
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index, first_unit, first_row, live_rows);
            if (element.is_live) points[index].read(layer, t, element);
        }
        if (count > 0) barrier_wait(barriers + 8 * turn, (count - 1) / 2 % 2);
        unsigned char* const rows_of_factors = memory + BACKWARD_FACTORS + turn * BACKWARD_BUFFER;
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index, first_unit, first_row, live_rows);
            if (!element.is_live) continue;
            if (count > 0) {
                const float* part = (const float*)(memory + BARRIER_BYTES) + turn * BACKWARD_SUMS + element.number;
                float sum = part[0];
#pragma unroll
                for (int i = 1; i < BLOCKS; i++) sum += part[i * GROUPS * GROUP_ELEMENTS];
                gradients[index][0] += sum;
            }
            points[index].compute(layer, element, after[index], gradients[index]);
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                store_factor(
                    rows_of_factors + element.own_row * BACKWARD_ROW, gate * BLOCK_UNITS + element.own_unit,
                    points[index].gates[gate]);
            }
            points[index].write(layer, t, element);
#pragma unroll
            for (int state = 0; state < STATES; state++) after[index][state] = points[index].before[state];
        }
        if (t == 0) break;
        __syncthreads();
        float d[BACKWARD_TILES][4];
        kept.multiply(d, SharedFactors(factors + turn * BACKWARD_BUFFER, BACKWARD_ROW), live_rows);
#pragma unroll
        for (int i = 0; i < BACKWARD_TILES; i++) {
            const int tile = warp * BACKWARD_TILES + i, owner = tile / GROUPS;
            if (tile >= BLOCKS * GROUPS || 2 * q >= live_rows) continue;
            const u32 place = sums
                + ((next * BLOCKS + rank) * GROUPS * GROUP_ELEMENTS + tile % GROUPS * GROUP_ELEMENTS + 4 * lane) * 4;
            send(
                peer_address(place, owner), Float4{d[i][0], d[i][1], d[i][2], d[i][3]},
                peer_address(barriers + 8 * next, owner));
        }
    }
    // Little beside the steps, and no block ends while another one could still send to it.
    cluster_barrier();
}
