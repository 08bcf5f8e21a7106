// Softmax and cross-entropy: losses from logits, and in their place gradients or probabilities.

// What becomes of a row of logits.
#define GRADIENTS 0
#define PROBABILITIES 1

// A number that the threads of a block, or of a warp, find together; all of them get it.
template <int THREADS, typename Combine>
DEVICE float combined(float value, float* shared, Combine combine) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) value = combine(value, warp_xor(value, mask));
    if (THREADS == 32) return value;
    // What was combined before may still be read.
    __syncthreads();
    if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = shared[0];
#pragma unroll
    for (int warp = 1; warp < THREADS / 32; warp++) value = combine(value, shared[warp]);
    return value;
}

// One row of `size` logits, by THREADS threads of which this is number `thread`; the result may take the logits' place.
//
// The gradient is of the mean over the whole minibatch.
template <int THREADS>
DEVICE void cross_entropy(
    int size, const float* logits, int target, int outcome, const Step* step, int thread, float* shared, float* result,
    float* loss, float* entropy) {
    float greatest = -__int_as_float(0x7f800000);
    for (int token = thread; token < size; token += THREADS) greatest = fmaxf(greatest, logits[token]);
    greatest = combined<THREADS>(greatest, shared, [](float a, float b) { return fmaxf(a, b); });
    float sum = 0.0f;
    for (int token = thread; token < size; token += THREADS) sum += expf(logits[token] - greatest);
    sum = combined<THREADS>(sum, shared, [](float a, float b) { return a + b; });
    if (thread == 0) *loss = logf(sum) + (greatest - logits[target]);
    // The target's logit has been read before anything takes its place.
    if (THREADS > 32) __syncthreads();
    const float smoothing = step->label_smoothing, scale = step->loss_scale;
    float expected = 0.0f;
    for (int token = thread; token < size; token += THREADS) {
        const float probability = expf(logits[token] - greatest) / sum;
        if (outcome == GRADIENTS) {
            const float share = (token == target ? 1.0f - smoothing : 0.0f) + smoothing / size;
            result[token] = (probability - share) * scale;
        } else {
            result[token] = probability;
            if (probability > 0.0f) expected -= probability * logf(probability);
        }
    }
    if (outcome == GRADIENTS) return;
    expected = combined<THREADS>(expected, shared, [](float a, float b) { return a + b; });
    if (thread == 0) *entropy = expected;
}

// For any vocabulary: a block has one row of logits, [rows, V], and writes the result in its place.
KERNEL(256, large_cross_entropy, (
    int size, float* logits, const int* __restrict__ targets, const Step* __restrict__ step, int outcome,
    float* __restrict__ losses, float* __restrict__ entropies)) {
    take_turn();
    SHARED float found[8];
    const int row = blockIdx.x;
    float* row_logits = logits + (size_t)row * size;
    cross_entropy<256>(
        size, row_logits, targets[row], outcome, step, threadIdx.x, found, row_logits, losses + row, entropies + row);
}

// For a small vocabulary, of up to 128 tokens: decoder, loss and gradient at once, so that logits never leave the block,
// which has 32 rows of `outputs`, [rows, H].
typedef Tile<32, 128, 32> DecoderTile;

KERNEL(128, small_cross_entropy, (
    int rows, int hidden, int size, const float* __restrict__ outputs, const float* __restrict__ weights,
    const float* __restrict__ bias, const int* __restrict__ targets, const Step* __restrict__ step, int outcome,
    float* __restrict__ result, float* __restrict__ losses, float* __restrict__ entropies)) {
    take_turn();
    SHARED DecoderTile::Shared shared;
    const int first_row = blockIdx.x * 32;
    DecoderTile::compute(
        shared, 0, hidden,
        [=](int row, int k) {
            row += first_row;
            return row < rows && k < hidden ? outputs[(size_t)row * hidden + k] : 0.0f;
        },
        [=](int token, int k) {
            return token < size && k < hidden ? weights[(size_t)token * hidden + k] : 0.0f;
        });
    for (int index = threadIdx.x; index < 32 * size; index += TILE_THREADS) {
        shared.sums[index / size][index % size] += bias[index % size];
    }
    __syncthreads();
    // Each warp has a quarter of the rows.
    for (int index = threadIdx.x / 32; index < 32; index += TILE_THREADS / 32) {
        const int row = first_row + index;
        if (row >= rows) break;
        cross_entropy<32>(
            size, shared.sums[index], targets[row], outcome, step, threadIdx.x % 32, nullptr, result + (size_t)row * size,
            losses + row, entropies + row);
    }
}
