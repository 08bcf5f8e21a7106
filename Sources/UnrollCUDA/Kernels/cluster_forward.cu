// All steps of a recurrent layer in one launch of clusters. Each block of a cluster has some of the units with their
// weights. In each step every block computes the states of its units from those of all units, and sends them to all
// blocks, into the other of two buffers; a barrier counts the bytes that come.
//
// Nothing else keeps blocks together. A buffer of states is free when it is written again: a block sends the states
// after step t only when all of those after step t - 1 have come, and a warp sends its part of these after all warps of
// its block have read the states before. Partial sums of a block have one buffer: a warp writes those of step t only
// when the states after step t - 1 have come from all warps, which read the sums before that.

#define FORWARD_ROW ROW_BYTES(FORWARD_CHUNKS * SLICES * CHUNK)

// Shared memory: the barriers; two buffers of the states of all units, TEAM_ROWS rows each; partial sums; and weights
// that are not in registers.
#define FORWARD_BUFFER (TEAM_ROWS * FORWARD_ROW)
#define FORWARD_SUMS (BARRIER_BYTES + 2 * FORWARD_BUFFER)
#define FORWARD_WEIGHTS (FORWARD_SUMS + WARPS * GATES * GROUP_ELEMENTS * 4)

// Sends an element's state to all blocks of the cluster. Each four lanes that have four units in a row collect their
// states, and each of them sends them to every fourth block. All threads of a warp call it together.
DEVICE void send_state(float state, const Element& element, u32 buffer, u32 barrier) {
    const u32 rank = cluster_rank();
    const FourFactors four = collect_four(state);
    if (!element.has_row) return;
    const u32 place =
        buffer + element.own_row * FORWARD_ROW + (rank * BLOCK_UNITS + element.own_unit / 4 * 4) * FACTOR_SIZE;
    for (u32 i = lane_of_four(); i < BLOCKS; i += 4) {
        const u32 peer = (rank + i) % BLOCKS;
        send(peer_address(place, peer), four, peer_address(barrier, peer));
    }
}

// Reads the inputs of all steps: from the states at `states` to those `steps * batch * hidden` numbers further on.
//
// - `rows`: Of a cluster, up to TEAM_ROWS.
// - `weights`: Of the layer, [G H, H].
// - The others: As of `ForwardLayer`.
KERNEL(THREADS, cluster_forward, (
    int steps, int batch, int rows, const float* __restrict__ weights,
    const float* __restrict__ hidden_bias, const float* __restrict__ inputs, const int* __restrict__ input_rows,
    const float* __restrict__ input_bias, float* states, int state_stride, const float* __restrict__ vectors,
    int vector_stride, const float* __restrict__ layer_inputs, const Mask* __restrict__ state_masks,
    float* __restrict__ saved, float* __restrict__ outputs, const Mask* __restrict__ output_mask, int output_pace)) {
    DYNAMIC_SHARED(memory);
    const ForwardLayer layer = {
        batch, hidden_bias, inputs, input_rows, input_bias, states, state_stride, vectors, vector_stride, layer_inputs,
        state_masks, saved, outputs, output_mask, output_pace};
    const int slice = threadIdx.x / 32 % SLICES, first_unit = cluster_rank() * BLOCK_UNITS;
    const int first_row = blockIdx.x / BLOCKS * rows, live_rows = min(rows, batch - first_row);
    const u32 barriers = shared_address(memory), buffers = barriers + BARRIER_BYTES;
    const PartialSums<GATES> sums = {(float*)(memory + FORWARD_SUMS)};

    ForwardWeights kept;
    load_forward(kept, memory + FORWARD_WEIGHTS, weights, first_unit, HIDDEN);
    begin_exchange(memory, memory + BARRIER_BYTES, 2 * FORWARD_BUFFER);
    for (int i = threadIdx.x; i < live_rows * HIDDEN; i += THREADS) {
        store_factor(
            memory + BARRIER_BYTES + i / HIDDEN * FORWARD_ROW, i % HIDDEN, states[(size_t)first_row * HIDDEN + i]);
    }
    float now[ELEMENTS][STATES], of_unit[ELEMENTS][VECTORS + 1];
#pragma unroll
    for (int index = 0; index < ELEMENTS; index++) {
        const Element element(index, first_unit, first_row, live_rows);
        if (!element.is_live) continue;
#pragma unroll
        for (int state = 0; state < STATES; state++) now[index][state] = layer.state(state, 0, element);
        layer.read_vectors(element, of_unit[index]);
    }
    cluster_barrier();

    for (int t = 0; t < steps; t++) {
        const int turn = t % 2, next = 1 - turn;
        const bool is_last = t + 1 == steps;
        if (threadIdx.x == 0 && !is_last) {
            barrier_expect(barriers + 8 * next, live_rows * TEAM_UNITS * FACTOR_SIZE);
        }
        ForwardPoint points[ELEMENTS];
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index, first_unit, first_row, live_rows);
            if (element.is_live) points[index].read(layer, t, element);
        }
        if (t > 0) barrier_wait(barriers + 8 * turn, (t - 1) / 2 % 2);
        float d[GATES][4];
        const u32 buffer = buffers + turn * FORWARD_BUFFER;
        kept.multiply(d, SharedFactors(buffer + slice * FORWARD_CHUNKS * CHUNK_BYTES, FORWARD_ROW), live_rows);
        sums.store(d);
        __syncthreads();
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index, first_unit, first_row, live_rows);
            if (!element.exists()) continue;
            if (element.is_live) points[index].compute(sums, element, of_unit[index], now[index]);
            if (!is_last) {
                send_state(
                    element.is_live ? now[index][0] : 0.0f, element, buffers + next * FORWARD_BUFFER,
                    barriers + 8 * next);
            }
            if (element.is_live) points[index].write(layer, t, element, now[index]);
        }
    }
    // Little beside the steps, and no block ends while another one could still send to it.
    cluster_barrier();
}
