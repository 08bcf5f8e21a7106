// Goes back through all steps of a recurrent layer in one launch, with the same clusters as `cluster_forward`. In each
// step every block computes the gradients of the gates of its units, and what these give to the states of all units
// before the step: sums over the block's gates alone. It sends them to the blocks that have these units, which add the
// sums of all blocks in the order of their ranks.
//
// A buffer of sums is free when it is written again: a block sends those of step t only when those of step t + 1 have
// come from all blocks, and each has added those of step t + 2 before it sent any of step t + 1. The gates' gradients
// have two buffers so that warps may be up to one barrier of the block apart.

typedef Weights<BACKWARD_TILES, BACKWARD_CHUNKS, BACKWARD_KEPT> BackwardWeights;

// Shared memory: the barriers; two buffers of sums from every block for the block's units; two of gradients of the
// block's gates, CLUSTER_ROWS rows each; and weights that are not in registers.
#define BACKWARD_SUMS (CLUSTER * GROUPS * GROUP_ELEMENTS)
#define BACKWARD_BUFFER (CLUSTER_ROWS * BACKWARD_ROW)
#define BACKWARD_FACTORS (BARRIER_BYTES + 2 * BACKWARD_SUMS * 4)
#define BACKWARD_WEIGHTS (BACKWARD_FACTORS + 2 * BACKWARD_BUFFER)

// Goes back from the last step to the first.
//
// - `rows`, `states`, `state_stride`, `output_pace`: As of `cluster_forward`.
// - The others: As of `step_backward`, of all steps.
KERNEL(CLUSTER_THREADS, cluster_backward, (
    int steps, int batch, int rows, const float* __restrict__ weights,
    const float* __restrict__ output_gradients, const Mask* __restrict__ output_mask, int output_pace,
    const float* __restrict__ states, int state_stride, const float* __restrict__ vectors, int vector_stride,
    const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks, const float* __restrict__ saved,
    float* hidden_gradients, float* input_gradients, float* __restrict__ vector_gradients, int vector_gradient_stride,
    float* __restrict__ layer_input_gradients)) {
    DYNAMIC_SHARED(memory);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, q = lane % 4;
    const int rank = cluster_rank(), first_unit = rank * BLOCK_UNITS, size = batch * HIDDEN;
    const int first_row = blockIdx.x / CLUSTER * rows, live_rows = min(rows, batch - first_row);
    const u32 barriers = shared_address(memory), sums = barriers + BARRIER_BYTES;
    const u32 factors = barriers + BACKWARD_FACTORS;

    BackwardWeights kept;
    kept.load(memory + BACKWARD_WEIGHTS, [=](int tile, int unit, int k) {
        tile += warp * BACKWARD_TILES;
        unit += tile * 16;
        // Four of k are those of neighbors, as blocks have whole groups of 16 units.
        const int gate = k / BLOCK_UNITS, own = first_unit + k % BLOCK_UNITS;
        const float* const column = weights + ((size_t)gate * HIDDEN + own) * HIDDEN + unit;
        Float4 w = {0.0f, 0.0f, 0.0f, 0.0f};
        if (tile >= CLUSTER * GROUPS || unit >= HIDDEN || gate >= GATES) return w;
        if (own < HIDDEN) w.x = column[0];
        if (own + 1 < HIDDEN) w.y = column[HIDDEN];
        if (own + 2 < HIDDEN) w.z = column[2 * HIDDEN];
        if (own + 3 < HIDDEN) w.w = column[3 * HIDDEN];
        return w;
    });
    begin_exchange(memory, memory + BACKWARD_FACTORS, 2 * BACKWARD_BUFFER);
    cluster_barrier();

    // What goes to the step before past its gates, and the states after the step.
    float gradients[ELEMENTS][STATES], after[ELEMENTS][STATES];
#pragma unroll
    for (int index = 0; index < ELEMENTS; index++) {
        const Element element(index);
        const int unit = first_unit + element.unit, place = (first_row + element.row) * HIDDEN + unit;
        if (!element.exists() || element.row >= live_rows || unit >= HIDDEN) continue;
#pragma unroll
        for (int state = 0; state < STATES; state++) {
            gradients[index][state] = 0.0f;
            after[index][state] = states[(size_t)state * state_stride + (size_t)steps * size + place];
        }
    }
    for (int t = steps - 1, count = 0; t >= 0; t--, count++) {
        const int turn = count % 2, next = 1 - turn;
        if (threadIdx.x == 0 && t > 0) {
            // Each block sends 16 units of two rows to a group in 8 lots of 16 bytes.
            barrier_expect(barriers + 8 * next, CLUSTER * GROUPS * ((live_rows + 1) / 2) * 128);
        }
        // What does not depend on the step after is read while its sums are on their way.
        float before[ELEMENTS][STATES], shares[ELEMENTS][STATES], values[ELEMENTS][SAVED + 1];
        float of_output[ELEMENTS], read[ELEMENTS];
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index);
            const int unit = first_unit + element.unit, row = first_row + element.row, place = row * HIDDEN + unit;
            if (!element.exists() || element.row >= live_rows || unit >= HIDDEN) continue;
            const size_t time = (size_t)t * size;
#pragma unroll
            for (int state = 0; state < STATES; state++) {
                before[index][state] = states[(size_t)state * state_stride + time + place];
                shares[index][state] = IS_MASKED(state) ? share(state_masks[state], t, row, unit) : 1.0f;
            }
#pragma unroll
            for (int i = 0; i < SAVED; i++) values[index][i] = saved[((size_t)t * SAVED + i) * size + place];
            of_output[index] = masked(output_gradients[time + place], *output_mask, t * output_pace, row, unit);
            read[index] = READS_INPUT ? layer_inputs[time + place] : 0.0f;
        }
        if (count > 0) barrier_wait(barriers + 8 * turn, (count - 1) / 2 % 2);
        unsigned char* const rows_of_factors = memory + BACKWARD_FACTORS + turn * BACKWARD_BUFFER;
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index);
            const int unit = first_unit + element.unit, row = first_row + element.row, place = row * HIDDEN + unit;
            if (!element.exists() || element.row >= live_rows || unit >= HIDDEN) continue;
            if (count > 0) {
                const float* part = (const float*)(memory + BARRIER_BYTES) + turn * BACKWARD_SUMS + element.number;
                float sum = part[0];
#pragma unroll
                for (int i = 1; i < CLUSTER; i++) sum += part[i * GROUPS * GROUP_ELEMENTS];
                gradients[index][0] += sum;
            }
            gradients[index][0] += of_output[index];
            float of_unit[VECTORS + 1];
#pragma unroll
            for (int i = 0; i < VECTORS; i++) of_unit[i] = vectors[(size_t)i * vector_stride + unit];
            float gates[GATES], gate_inputs[GATES], previous[STATES], of_vectors[VECTORS + 1], of_input;
            cell_backward(
                values[index], before[index], of_unit, read[index], shares[index], after[index], gradients[index],
                gates, gate_inputs, previous, of_vectors, of_input);
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                unsigned char* const factor_row = rows_of_factors + element.row * BACKWARD_ROW;
#if BFLOAT16
                ((u16*)factor_row)[gate * BLOCK_UNITS + element.unit] = (u16)bfloat16_pair(gates[gate], 0.0f);
#else
                ((float*)factor_row)[gate * BLOCK_UNITS + element.unit] = gates[gate];
#endif
                const size_t gate_place = ((size_t)t * batch + row) * GATES * HIDDEN + gate * HIDDEN + unit;
                hidden_gradients[gate_place] = gates[gate];
                if (HAS_SPLIT_GATES) input_gradients[gate_place] = gate_inputs[gate];
            }
            if (READS_INPUT) layer_input_gradients[(size_t)t * size + place] = of_input;
#pragma unroll
            for (int i = 0; i < VECTORS; i++) {
                vector_gradients[(size_t)i * vector_gradient_stride + (size_t)t * size + place] = of_vectors[i];
            }
#pragma unroll
            for (int state = 0; state < STATES; state++) {
                gradients[index][state] = previous[state];
                after[index][state] = before[index][state];
            }
        }
        if (t == 0) break;
        __syncthreads();
        float d[BACKWARD_TILES][4];
        kept.multiply(d, factors + turn * BACKWARD_BUFFER, BACKWARD_ROW, live_rows);
#pragma unroll
        for (int i = 0; i < BACKWARD_TILES; i++) {
            const int tile = warp * BACKWARD_TILES + i, owner = tile / GROUPS;
            if (tile >= CLUSTER * GROUPS || 2 * q >= live_rows) continue;
            const u32 place = sums
                + ((next * CLUSTER + rank) * GROUPS * GROUP_ELEMENTS + tile % GROUPS * GROUP_ELEMENTS + 4 * lane) * 4;
            send(
                peer_address(place, owner), Float4{d[i][0], d[i][1], d[i][2], d[i][3]},
                peer_address(barriers + 8 * next, owner));
        }
    }
    // Little beside the steps, and no block ends while another one could still send to it.
    cluster_barrier();
}
