// Tokens: their vectors, and gradients by token; and the weights that a step drops.

// vectors[row] = embedding[tokens[row]], with the mask of the token's whole vector; [rows, E].
KERNEL(128, look_up, (
    int size, const float* __restrict__ embedding, const int* __restrict__ tokens, const Mask* __restrict__ mask,
    float* __restrict__ vectors)) {
    take_turn();
    const int row = blockIdx.x, column = blockIdx.y * 128 + threadIdx.x;
    if (column >= size) return;
    const int token = tokens[row];
    vectors[(size_t)row * size + column] = masked(embedding[(size_t)token * size + column], *mask, 0, token, 0);
}

// Adds the gradients of all places of a token to the token's: sums[token] += Σ gradients[row], with the mask of the
// token's vector; [V, size].
//
// A block has one of the distinct tokens, `distinct[i]`, whose rows are `order[starts[i]..<starts[i + 1]]`.
KERNEL(128, add_by_token, (
    int size, const float* __restrict__ gradients, const Step* __restrict__ step, const int* __restrict__ order,
    const int* __restrict__ distinct, const int* __restrict__ starts, const Mask* __restrict__ mask,
    float* __restrict__ sums)) {
    take_turn();
    const int index = blockIdx.x, column = blockIdx.y * 128 + threadIdx.x;
    if (index >= step->distinct_count || column >= size) return;
    const int token = distinct[index], end = starts[index + 1];
    float sum = 0.0f;
    for (int i = starts[index]; i < end; i++) sum += gradients[(size_t)order[i] * size + column];
    const size_t place = (size_t)token * size + column;
    sums[place] += mask ? masked(sum, *mask, 0, token, 0) : sum;
}

// Recurrent weights, or their gradients, with the mask of weights that are dropped: [G H, H].
KERNEL(256, drop_weights, (
    int count, int hidden, const float* weights, const Mask* __restrict__ mask, float* dropped)) {
    take_turn();
    const int index = blockIdx.x * 256 + threadIdx.x;
    if (index >= count) return;
    const int row = index / hidden, column = index % hidden;
    dropped[index] = masked(weights[index], *mask, row / hidden, column, row % hidden);
}
