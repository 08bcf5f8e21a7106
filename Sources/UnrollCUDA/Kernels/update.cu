// The beginning and the end of a step: its numbers, the gradient's norm, the decision, and what follows from it.

DEVICE bool is_finite(double value) { return value - value == 0.0; }

// Takes the next step of the run: its words from the queue of steps, and the states that it begins with.
//
// States are [L] of [states] of [T + 1, B, H], carried ones [L, states, B, H]; `size` is B H, `kinds` L times states, and
// `stride` (T + 1) B H.
KERNEL(256, begin_step, (
    const Run* __restrict__ run, const int* __restrict__ steps, int words, int* __restrict__ step, int kinds, int size,
    int stride, const float* __restrict__ carried, float* __restrict__ states)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x;
    const int* next = steps + (size_t)run->index * words;
    if (index < words) step[index] = next[index];
    if (index >= kinds * size) return;
    const bool goes_on = ((const Step*)next)->continues_state;
    states[(size_t)(index / size) * stride + index % size] = goes_on ? carried[index] : 0.0f;
}

// A sum over a block of 256 threads, in an order of its own that is always the same; the first thread gets it.
DEVICE double block_sum(double value, double* shared) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) value += warp_xor(value, mask);
    __syncthreads();
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    double sum = shared[0];
    for (int warp = 1; warp < 8; warp++) sum += shared[warp];
    return sum;
}

// The sum of the squares of 4096 numbers for each block.
KERNEL(256, sum_squares, (int count, const float* __restrict__ values, double* __restrict__ sums)) {
    take_turn();
    SHARED double found[8];
    double sum = 0.0;
    for (int i = 0; i < 16; i++) {
        const int index = blockIdx.x * 4096 + i * 256 + threadIdx.x;
        const double value = index < count ? values[index] : 0.0f;
        sum += value * value;
    }
    sum = block_sum(sum, found);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// Adds losses and squares, writes the step's result, and decides. One block.
KERNEL(256, end_step, (
    Run* run, const Step* __restrict__ step, int token_count, const float* __restrict__ losses, int square_count,
    const double* __restrict__ squares, Result* __restrict__ results, Decision* __restrict__ decision)) {
    take_turn();
    SHARED double found[8];
    double nats = 0.0, sum = 0.0;
    for (int i = threadIdx.x; i < token_count; i += 256) nats += losses[i];
    for (int i = threadIdx.x; i < square_count; i += 256) sum += squares[i];
    nats = block_sum(nats, found);
    sum = block_sum(sum, found);
    if (threadIdx.x > 0) return;
    if (run->has_stopped) {
        decision->is_finite = 0;
        return;
    }
    const Result result = {nats / token_count, sqrt(sum)};
    const bool finite = is_finite(result.mean_loss) && is_finite(result.gradient_norm);
    results[run->index] = result;
    // Steps that were enqueued behind one that is not finite read that one's numbers again, and change nothing.
    if (finite) run->index++;
    run->has_stopped = !finite;
    const bool clips = step->max_norm > 0.0f && result.gradient_norm > step->max_norm;
    const double factor = clips ? step->max_norm / result.gradient_norm : 1.0;
    decision->is_finite = finite;
    decision->gradient_scale = step->scales_rate ? 1.0f : (float)factor;
    decision->rate = (float)(step->scales_rate ? step->rate * factor : step->rate);
}

// The optimizer's update of all parameters, as `OptimizerStep` has it; slots that the rule lacks are null.
KERNEL(256, update, (
    int count, const Step* __restrict__ step, const Decision* __restrict__ decision,
    const float* __restrict__ gradients, float* __restrict__ parameters, float* __restrict__ momenta,
    float* __restrict__ squares, float* __restrict__ averages)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x;
    if (index >= count || !decision->is_finite) return;
    const float parameter = parameters[index];
    const float gradient = decision->gradient_scale * gradients[index] + step->weight_decay * parameter;
    float direction = gradient;
    if (momenta) {
        direction = step->momentum * momenta[index] + step->momentum_share * gradient;
        momenta[index] = direction;
        if (step->is_nesterov) direction = gradient + step->momentum * direction;
    }
    if (squares) {
        const float square = step->square_decay * squares[index] + step->square_share * gradient * gradient;
        squares[index] = square;
        direction /= step->root_scale * sqrtf(square) + step->epsilon;
    }
    const float updated = parameter - step->shrinkage * parameter - decision->rate * direction;
    parameters[index] = updated;
    if (averages) averages[index] += step->average_share * (updated - averages[index]);
}

// Keeps the states after the last step through time for the next minibatch; as `begin_step` lays them out. With a
// decision, only if it is to go on.
KERNEL(256, carry_states, (
    const Decision* __restrict__ decision, int kinds, int size, int stride, const float* __restrict__ states,
    float* __restrict__ carried)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x;
    if (index >= kinds * size || (decision && !decision->is_finite)) return;
    carried[index] = states[(size_t)(index / size + 1) * stride - size + index % size];
}

// sum[i] = left[i] + right[i]; the sum may take the place of either.
KERNEL(256, add, (int count, const float* left, const float* right, float* sum)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x;
    if (index < count) sum[index] = left[index] + right[index];
}

// Exchanges two arrays.
KERNEL(256, exchange, (int count, float* __restrict__ a, float* __restrict__ b)) {
    const int index = blockIdx.x * 256 + threadIdx.x;
    if (index >= count) return;
    const float value = a[index];
    a[index] = b[index];
    b[index] = value;
}
