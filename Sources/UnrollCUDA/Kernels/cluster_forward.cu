// All steps of a recurrent layer in one launch. A cluster has up to 8 rows of the minibatch, and each of its blocks
// some of the units with their weights. In each step every block computes the states of its units from those of all
// units, and sends them to all blocks, into the other of two buffers; a barrier counts the bytes that come.
//
// Nothing else keeps blocks together. A buffer of states is free when it is written again: a block sends the states
// after step t only when all of those after step t - 1 have come, and a warp sends its part of these after all warps of
// its block have read the states before. Partial sums of a block have one buffer: a warp writes those of step t only
// when the states after step t - 1 have come from all warps, which read the sums before that.

typedef Weights<GATES, FORWARD_CHUNKS, FORWARD_KEPT> ForwardWeights;

// Shared memory: the barriers; two buffers of the states of all units, CLUSTER_ROWS rows each; partial sums; and
// weights that are not in registers.
#define FORWARD_BUFFER (CLUSTER_ROWS * FORWARD_ROW)
#define FORWARD_SUMS (BARRIER_BYTES + 2 * FORWARD_BUFFER)
#define FORWARD_WEIGHTS (FORWARD_SUMS + WARPS * GATES * GROUP_ELEMENTS * 4)

// Sends an element's state to all blocks of the cluster. Each four lanes that have four units in a row collect their
// states, and each of them sends them to every fourth block. All threads of a warp call it together.
DEVICE void send_state(float state, const Element& element, bool is_live, u32 buffer, u32 barrier) {
    const u32 rank = cluster_rank();
    const bool is_second = threadIdx.x & 2, is_later = threadIdx.x & 16;
    const float neighbor = warp_xor(state, 2);
    const float low = is_second ? neighbor : state, high = is_second ? state : neighbor;
    const u32 place = buffer + element.row * FORWARD_ROW + (rank * BLOCK_UNITS + element.unit / 4 * 4) * FACTOR_SIZE;
#if BFLOAT16
    const u32 pair = bfloat16_pair(low, high);
    const u32 other = __float_as_uint(warp_xor(__uint_as_float(pair), 16));
    const u64 four = (u64)(is_later ? pair : other) << 32 | (is_later ? other : pair);
#else
    const float other_low = warp_xor(low, 16), other_high = warp_xor(high, 16);
    const Float4 four = {
        is_later ? other_low : low, is_later ? other_high : high, is_later ? low : other_low,
        is_later ? high : other_high};
#endif
    if (!is_live) return;
    for (u32 i = threadIdx.x / 2 % 2 + threadIdx.x / 16 % 2 * 2; i < CLUSTER; i += 4) {
        const u32 peer = (rank + i) % CLUSTER;
        send(peer_address(place, peer), four, peer_address(barrier, peer));
    }
}

// Reads the inputs of all steps: from the states at `states` to those `steps * batch * hidden` numbers further on.
//
// - `rows`: Of a cluster, up to CLUSTER_ROWS.
// - `inputs`: What the inputs give to the gates, [steps, rows, G H]; or of tokens, row `input_rows[row]`, where
//   `input_rows` is [steps, B], unless that is null.
// - `states`: States before each step and after it, each [steps + 1, B, H] and `state_stride` numbers apart.
// - `layer_inputs`, `saved`, `outputs`: As of `step_forward`, of all steps.
// - `output_pace`: 1 if the mask of the outputs is another one in each step, otherwise 0.
// - The others: As of `step_forward`.
KERNEL(CLUSTER_THREADS, cluster_forward, (
    int steps, int batch, int rows, const float* __restrict__ weights,
    const float* __restrict__ hidden_bias, const float* __restrict__ inputs, const int* __restrict__ input_rows,
    const float* __restrict__ input_bias, float* states, int state_stride, const float* __restrict__ vectors,
    int vector_stride, const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks,
    float* __restrict__ saved, float* __restrict__ outputs, const Mask* __restrict__ output_mask, int output_pace)) {
    DYNAMIC_SHARED(memory);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, slice = warp % SLICES;
    const int first_unit = cluster_rank() * BLOCK_UNITS, size = batch * HIDDEN;
    const int first_row = blockIdx.x / CLUSTER * rows, live_rows = min(rows, batch - first_row);
    const u32 barriers = shared_address(memory), buffers = barriers + BARRIER_BYTES;
    float* const parts = (float*)(memory + FORWARD_SUMS);

    ForwardWeights kept;
    kept.load(memory + FORWARD_WEIGHTS, [=](int gate, int unit, int k) {
        unit += first_unit + warp / SLICES * 16;
        k += slice * FORWARD_CHUNKS * CHUNK;
        const float* const row = weights + ((size_t)gate * HIDDEN + unit) * HIDDEN;
        Float4 w = {0.0f, 0.0f, 0.0f, 0.0f};
        if (unit >= HIDDEN) return w;
        // Where rows are aligned, four are there or none, and they come at once.
        if (HIDDEN % 4 == 0) return k < HIDDEN ? *(const Float4*)(row + k) : w;
        if (k < HIDDEN) w.x = row[k];
        if (k + 1 < HIDDEN) w.y = row[k + 1];
        if (k + 2 < HIDDEN) w.z = row[k + 2];
        if (k + 3 < HIDDEN) w.w = row[k + 3];
        return w;
    });
    begin_exchange(memory, memory + BARRIER_BYTES, 2 * FORWARD_BUFFER);
    for (int i = threadIdx.x; i < live_rows * HIDDEN; i += CLUSTER_THREADS) {
        unsigned char* const row = memory + BARRIER_BYTES + i / HIDDEN * FORWARD_ROW;
        const float state = states[(size_t)first_row * HIDDEN + i];
#if BFLOAT16
        ((u16*)row)[i % HIDDEN] = (u16)bfloat16_pair(state, 0.0f);
#else
        ((float*)row)[i % HIDDEN] = state;
#endif
    }
    float now[ELEMENTS][STATES], of_unit[ELEMENTS][VECTORS + 1];
#pragma unroll
    for (int index = 0; index < ELEMENTS; index++) {
        const Element element(index);
        const int unit = first_unit + element.unit, place = (first_row + element.row) * HIDDEN + unit;
        if (!element.exists() || element.row >= live_rows || unit >= HIDDEN) continue;
#pragma unroll
        for (int state = 0; state < STATES; state++) now[index][state] = states[(size_t)state * state_stride + place];
#pragma unroll
        for (int i = 0; i < VECTORS; i++) of_unit[index][i] = vectors[(size_t)i * vector_stride + unit];
    }
    cluster_barrier();

    for (int t = 0; t < steps; t++) {
        const int turn = t % 2, next = 1 - turn;
        const bool is_last = t + 1 == steps;
        if (threadIdx.x == 0 && !is_last) {
            barrier_expect(barriers + 8 * next, live_rows * CLUSTER_UNITS * FACTOR_SIZE);
        }
        // What does not depend on the step before is read while its states are on their way.
        float gate_inputs[ELEMENTS][GATES], biases[ELEMENTS][GATES], shares[ELEMENTS][STATES], read[ELEMENTS];
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index);
            const int unit = first_unit + element.unit, row = first_row + element.row;
            if (!element.exists() || element.row >= live_rows || unit >= HIDDEN) continue;
            const size_t token = (size_t)t * batch + row;
            const float* const row_inputs = inputs + (input_rows ? (size_t)input_rows[token] : token) * GATES * HIDDEN;
#pragma unroll
            for (int gate = 0; gate < GATES; gate++) {
                const int place = gate * HIDDEN + unit;
                gate_inputs[index][gate] = row_inputs[place] + (input_bias ? input_bias[place] : 0.0f);
                biases[index][gate] = hidden_bias[place];
            }
#pragma unroll
            for (int state = 0; state < STATES; state++) {
                shares[index][state] = IS_MASKED(state) ? share(state_masks[state], t, row, unit) : 1.0f;
            }
            read[index] = READS_INPUT ? layer_inputs[token * HIDDEN + unit] : 0.0f;
        }
        if (t > 0) barrier_wait(barriers + 8 * turn, (t - 1) / 2 % 2);
        float d[GATES][4];
        kept.multiply(
            d, buffers + turn * FORWARD_BUFFER + slice * FORWARD_CHUNKS * CHUNK * FACTOR_SIZE, FORWARD_ROW, live_rows);
#pragma unroll
        for (int gate = 0; gate < GATES; gate++) {
            *(Float4*)(parts + (warp * GATES + gate) * GROUP_ELEMENTS + 4 * lane) =
                {d[gate][0], d[gate][1], d[gate][2], d[gate][3]};
        }
        __syncthreads();
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index);
            if (!element.exists()) continue;
            const int unit = first_unit + element.unit, row = first_row + element.row;
            const bool has_row = element.row < live_rows, is_live = has_row && unit < HIDDEN;
            float new_states[STATES], kept_values[SAVED + 1];
            new_states[0] = 0.0f;
            if (is_live) {
                float gates[GATES];
#pragma unroll
                for (int gate = 0; gate < GATES; gate++) {
                    // Slices in their order, and then the bias.
                    const int first_warp = element.number / GROUP_ELEMENTS * SLICES;
                    const float* part = parts + (first_warp * GATES + gate) * GROUP_ELEMENTS
                        + element.number % GROUP_ELEMENTS;
                    float sum = part[0];
#pragma unroll
                    for (int i = 1; i < SLICES; i++) sum += part[i * GATES * GROUP_ELEMENTS];
                    gates[gate] = sum + biases[index][gate];
                }
                cell_forward(
                    gates, gate_inputs[index], now[index], of_unit[index], read[index], shares[index], new_states,
                    kept_values);
            }
            if (!is_last) {
                send_state(new_states[0], element, has_row, buffers + next * FORWARD_BUFFER, barriers + 8 * next);
            }
            if (!is_live) continue;
            const int place = row * HIDDEN + unit;
#pragma unroll
            for (int state = 0; state < STATES; state++) {
                now[index][state] = new_states[state];
                states[(size_t)state * state_stride + (size_t)(t + 1) * size + place] = new_states[state];
            }
#pragma unroll
            for (int i = 0; i < SAVED; i++) saved[((size_t)t * SAVED + i) * size + place] = kept_values[i];
            if (outputs) {
                outputs[(size_t)t * size + place] = masked(new_states[0], *output_mask, t * output_pace, row, unit);
            }
        }
    }
    // Little beside the steps, and no block ends while another one could still send to it.
    cluster_barrier();
}
