// Generates texts in one cooperative launch: layers, decoder, choice of a token, and back to the first layer. A team of
// blocks has some of the texts: BLOCKS for each layer, which keep the layer's weights as those of `grid_forward` do, and
// DECODERS that keep the decoder's. While some texts are with one layer, others are with the next.
//
// Tokens are chosen by every block of the first layer, as all of them need to know: from the same logits, with the same
// random numbers, to the same end. So the exchange of a step is that of each layer's states and of the logits.
//
// `SamplerLayout` defines LAYERS, VOCABULARY, DECODERS and DECODER_KEPT beside what `PersistentLayout` defines.

#define TEAM_BLOCKS (LAYERS * BLOCKS + DECODERS)
// Logits of a text, with room for those of all blocks.
#define LOGITS (DECODERS * BLOCK_UNITS)
// Warps of a block that choose tokens, for a text each.
#define CHOOSERS (WARPS < TEAM_ROWS ? WARPS : TEAM_ROWS)

typedef Weights<1, FORWARD_CHUNKS, DECODER_KEPT> DecoderWeights;
typedef Areas<GATES> LayerAreas;
typedef Areas<1> DecoderAreas;

// What the kernel is given.
//
// - `rows`: Texts of a team, of `batch`.
// - `parameters`, `places`: Where in them each layer's recurrent weights begin, their bias, the weights of its inputs,
//   their bias, and its learned vectors; and after all layers' the decoder's weights and its bias: [LAYERS, 5] and 2.
// - `token_gates`, `token_bias`: What each token gives to the first layer's gates, [V, G H], and a bias, [G H], or null.
// - `token_vectors`: What the first layer's formula reads of each token, [V, H], if it does.
// - `shares`: Of each state's change that happens, [STATES].
// - `states`: Become those after the last step, [LAYERS, STATES, B, H].
// - `choices`, `banned`: Of each text, and a bit for each token, [B, (V + 31) / 32].
// - `recent`: The last tokens of each text, [B, RECENT].
// - `ngrams`: The n-gram model beside the network, and its share.
// - `first_mixed`: The step from which on logits are to be mixed with it: 0 or, if those before the first one are, 1.
// - `last`: The last tokens of each text as the n-gram model has them, [B, `ngrams.order` - 1].
// - `nodes`: Memory for where each text is in it, by each block of the first layer, [BLOCKS, B, `ngrams.order`].
// - `expected`: Memory for its probabilities, by each warp that chooses, [teams, BLOCKS, CHOOSERS, V].
// - `chosen`: Becomes the tokens, by each block of the first layer, [BLOCKS, B, steps].
// - `exchanged`: Zeros; becomes outputs of each layer as factors, before the first step and after each,
//   [LAYERS, steps + 1, B, TEAM_UNITS].
// - `logits`: Before each step and after the last, sealed, [steps + 1, B, LOGITS]: zeros but for those before the first.
struct Sampler {
    int steps, batch, rows;
    const float* parameters;
    const int* places;
    int vector_stride;
    const float *token_gates, *token_bias, *token_vectors, *shares;
    float* states;
    const Choice* choices;
    const u32* banned;
    const int* recent;
    NGrams ngrams;
    int first_mixed;
    const int* last;
    int* nodes;
    double* expected;
    int* chosen;
    u32 *exchanged, *logits;

    METHOD const float* parameter(int layer, int index) const { return parameters + places[layer * 5 + index]; }
    // Words of a row's factors.
    static constexpr int ROW = TEAM_UNITS * FACTOR_SIZE / 4;
    // A layer's outputs after so many steps.
    METHOD u32* outputs(int layer, int t) const {
        return exchanged + ((size_t)layer * (steps + 1) + t) * batch * ROW;
    }
    METHOD float& state(int layer, int state, const Element& element) const {
        return states[((size_t)(layer * STATES + state) * batch + element.row) * HIDDEN + element.unit];
    }
    METHOD u32* logits_of(int row, int t) const { return logits + ((size_t)t * batch + row) * LOGITS; }
};

// Where a warp that chooses tokens works: `chosen` and `nodes` are its block's, and the others its own.
struct Chooser {
    int *chosen, *nodes;
    double* expected;
    float* scores;

    METHOD Chooser(const Sampler& sampler, int block, float* scores) : scores(scores) {
        chosen = sampler.chosen + (size_t)block * sampler.batch * sampler.steps;
        nodes = sampler.nodes + (size_t)block * sampler.batch * sampler.ngrams.order;
        const size_t number = (blockIdx.x / TEAM_BLOCKS * BLOCKS + block) * CHOOSERS + threadIdx.x / 32;
        expected = sampler.expected + number * VOCABULARY;
    }
};

// Takes the logits of a text when they are there, and chooses; all lanes of the warp get the token.
DEVICE int next_token(const Sampler& sampler, const Chooser& chooser, int row, int t) {
    float* const scores = chooser.scores;
    int* const of_row = chooser.chosen + (size_t)row * sampler.steps;
    const NGrams& ngrams = sampler.ngrams;
    double rest = 0.0;
    // What the n-gram model says does not wait for the network.
    if (ngrams.order > 0) {
        int* const nodes = chooser.nodes + (size_t)row * ngrams.order;
        if (t == 0) {
            ngrams.begin(sampler.last + (size_t)row * (ngrams.order - 1), nodes);
        } else {
            ngrams.append(of_row[t - 1], nodes);
        }
        if (t >= sampler.first_mixed) rest = ngrams.expect(nodes, VOCABULARY, chooser.expected);
    }
    const Word4* const from = (const Word4*)sampler.logits_of(row, t);
    for (int i = threadIdx.x % 32; i < LOGITS / 4; i += 32) {
        Watchdog watchdog;
        Word4 w = load_relaxed(from + i);
        while (w.x == 0 || w.y == 0 || w.z == 0 || w.w == 0) {
            watchdog.turn();
            w = load_relaxed(from + i);
        }
        ((Word4*)scores)[i] = {~w.x, ~w.y, ~w.z, ~w.w};
    }
    warp_barrier();
    if (ngrams.order > 0 && t >= sampler.first_mixed) ngrams.mix(scores, VOCABULARY, chooser.expected, rest);
    const History history = {sampler.recent + (size_t)row * RECENT, of_row};
    const int token = choose(
        scores, VOCABULARY, sampler.choices[row], sampler.banned + (size_t)row * ((VOCABULARY + 31) / 32), history, t);
    if (threadIdx.x % 32 == 0) of_row[t] = token;
    return token;
}

// What the formula reads of the layer below for a unit: its output as a factor, which is there.
DEVICE float factor_at(const u32* rows, const Element& element) {
    const u32* const row = rows + (size_t)element.row * Sampler::ROW;
    const int word = element.unit * FACTOR_SIZE / 4;
    const Word4 four = load_relaxed((const Word4*)row + word / 4);
    const u32 sealed = word % 4 < 2 ? (word % 4 == 0 ? four.x : four.y) : (word % 4 == 2 ? four.z : four.w);
#if BFLOAT16
    return __uint_as_float(element.unit % 2 ? ~sealed & 0xffff0000u : ~sealed << 16);
#else
    return __uint_as_float(~sealed);
#endif
}

// All steps of a block of a layer.
//
// - `tokens`: Shared memory for those of rows that take turns, which warps may be up to one barrier apart with.
template <bool IS_FIRST>
DEVICE void run_layer(
    const Sampler& sampler, int layer, int block, int team_row, unsigned char* memory, int (&tokens)[2][TEAM_ROWS]) {
    const int warp = threadIdx.x / 32, first_k = warp % SLICES * FORWARD_CHUNKS * CHUNK;
    const int first_unit = block * BLOCK_UNITS, last_row = min(team_row + sampler.rows, sampler.batch);
    // Two areas for the states' products, and two for those of inputs or else scores of tokens.
    const LayerAreas areas = {memory};
    const Chooser chooser(sampler, block, (float*)(memory + LayerAreas::BYTES) + warp * LOGITS);
    unsigned char* const weights =
        memory + LayerAreas::BYTES + (IS_FIRST ? CHOOSERS * LOGITS * 4 : LayerAreas::BYTES);

    ForwardWeights hidden, inputs;
    load_forward(hidden, weights, sampler.parameter(layer, 0), first_unit, HIDDEN);
    if (!IS_FIRST) {
        load_forward(inputs, weights + ForwardWeights::BYTES, sampler.parameter(layer, 2), first_unit, HIDDEN);
    }
    const float *const hidden_bias = sampler.parameter(layer, 1), *const vectors = sampler.parameter(layer, 4);
    const float* const input_bias = IS_FIRST ? sampler.token_bias : sampler.parameter(layer, 3);
    for (int first_row = team_row; first_row < last_row; first_row += TEAM_ROWS) {
#pragma unroll
        for (int index = 0; index < ELEMENTS; index++) {
            const Element element(index, first_unit, first_row, last_row - first_row);
            if (!element.exists()) continue;
            publish(
                element.is_live ? sampler.state(layer, 0, element) : 0.0f, element, sampler.outputs(layer, 0),
                TEAM_UNITS, element.unit);
        }
    }
    for (int t = 0, turn = 0; t < sampler.steps; t++) {
        for (int first_row = team_row; first_row < last_row; first_row += TEAM_ROWS, turn ^= 1) {
            const int live_rows = min(TEAM_ROWS, last_row - first_row);
            const LayerAreas::Sums hidden_sums = areas.sums(turn), input_sums = areas.sums(turn + 2);
            float d[GATES][4];
            const GridFactors<FORWARD_CHUNKS> states(
                sampler.outputs(layer, t) + first_row * Sampler::ROW, TEAM_UNITS, first_k, live_rows,
                areas.of_warp(turn));
            hidden.multiply(d, states, live_rows);
            // What the warp has multiplied makes room for its sums.
            warp_barrier();
            hidden_sums.store(d);
            if (IS_FIRST) {
                for (int row = warp; row < live_rows; row += CHOOSERS) {
                    const int token = next_token(sampler, chooser, first_row + row, t);
                    if (threadIdx.x % 32 == 0) tokens[turn][row] = max(0, token);
                }
            } else {
                const GridFactors<FORWARD_CHUNKS> below(
                    sampler.outputs(layer - 1, t + 1) + first_row * Sampler::ROW, TEAM_UNITS, first_k, live_rows,
                    areas.of_warp(turn + 2));
                inputs.multiply(d, below, live_rows);
                warp_barrier();
                input_sums.store(d);
            }
            __syncthreads();
#pragma unroll
            for (int index = 0; index < ELEMENTS; index++) {
                const Element element(index, first_unit, first_row, live_rows);
                if (!element.exists()) continue;
                float new_states[STATES];
                new_states[0] = 0.0f;
                if (element.is_live) {
                    const size_t token = IS_FIRST ? tokens[turn][element.own_row] : 0;
                    float gates[GATES], gate_inputs[GATES], old_states[STATES], shares[STATES], saved[SAVED + 1];
                    float of_unit[VECTORS + 1], input = 0.0f;
#pragma unroll
                    for (int gate = 0; gate < GATES; gate++) {
                        const int place = gate * HIDDEN + element.unit;
                        gates[gate] = hidden_sums.sum(element, gate) + hidden_bias[place];
                        gate_inputs[gate] = IS_FIRST ? sampler.token_gates[token * GATES * HIDDEN + place]
                                                     : input_sums.sum(element, gate);
                        if (input_bias) gate_inputs[gate] += input_bias[place];
                    }
#pragma unroll
                    for (int state = 0; state < STATES; state++) {
                        old_states[state] = sampler.state(layer, state, element);
                        shares[state] = sampler.shares[state];
                    }
#pragma unroll
                    for (int i = 0; i < VECTORS; i++) {
                        of_unit[i] = vectors[(size_t)i * sampler.vector_stride + element.unit];
                    }
                    if (READS_INPUT) {
                        input = IS_FIRST ? sampler.token_vectors[token * HIDDEN + element.unit]
                                         : factor_at(sampler.outputs(layer - 1, t + 1), element);
                    }
                    cell_forward(gates, gate_inputs, old_states, of_unit, input, shares, new_states, saved);
                }
                publish(new_states[0], element, sampler.outputs(layer, t + 1), TEAM_UNITS, element.unit);
                if (!element.is_live) continue;
#pragma unroll
                for (int state = 0; state < STATES; state++) sampler.state(layer, state, element) = new_states[state];
            }
        }
    }
}

// All steps of a block of the decoder, whose "units" are tokens.
DEVICE void run_decoder(const Sampler& sampler, int block, int team_row, unsigned char* memory) {
    const int first_k = threadIdx.x / 32 % SLICES * FORWARD_CHUNKS * CHUNK, first_token = block * BLOCK_UNITS;
    const int last_row = min(team_row + sampler.rows, sampler.batch);
    const DecoderAreas areas = {memory};
    DecoderWeights kept;
    load_forward(kept, memory + DecoderAreas::BYTES, sampler.parameter(LAYERS, 0), first_token, VOCABULARY);
    const float* const bias = sampler.parameter(LAYERS, 1);
    for (int t = 0, turn = 0; t < sampler.steps; t++) {
        for (int first_row = team_row; first_row < last_row; first_row += TEAM_ROWS, turn ^= 1) {
            const int live_rows = min(TEAM_ROWS, last_row - first_row);
            const GridFactors<FORWARD_CHUNKS> factors(
                sampler.outputs(LAYERS - 1, t + 1) + first_row * Sampler::ROW, TEAM_UNITS, first_k, live_rows,
                areas.of_warp(turn));
            float d[1][4];
            kept.multiply(d, factors, live_rows);
            warp_barrier();
            const DecoderAreas::Sums sums = areas.sums(turn);
            sums.store(d);
            __syncthreads();
#pragma unroll
            for (int index = 0; index < ELEMENTS; index++) {
                const Element element(index, first_token, first_row, live_rows);
                if (!element.has_row) continue;
                const float logit = element.unit < VOCABULARY ? sums.sum(element, 0) + bias[element.unit] : 0.0f;
                store_relaxed(sampler.logits_of(element.row, t + 1) + element.unit, sealed(__float_as_uint(logit)));
            }
        }
    }
}

// As `Sampler` has it.
KERNEL(THREADS, sample, (
    int steps, int batch, int rows, const float* __restrict__ parameters, const int* __restrict__ places,
    int vector_stride, const float* __restrict__ token_gates, const float* __restrict__ token_bias,
    const float* __restrict__ token_vectors, const float* __restrict__ shares, float* states,
    const Choice* __restrict__ choices, const u32* __restrict__ banned, const int* __restrict__ recent,
    int order, const double* __restrict__ weight, const u32* __restrict__ children, const double* __restrict__ freed,
    const int* __restrict__ node_tokens, const double* __restrict__ kept, int first_mixed,
    const int* __restrict__ last, int* nodes, double* expected, int* chosen, u32* exchanged, u32* logits)) {
    DYNAMIC_SHARED(memory);
    SHARED int tokens[2][TEAM_ROWS];
    const Sampler sampler = {
        steps, batch, rows, parameters, places, vector_stride, token_gates, token_bias, token_vectors, shares, states,
        choices, banned, recent, {order, weight, children, freed, node_tokens, kept}, first_mixed, last, nodes,
        expected, chosen, exchanged, logits};
    const int team_row = blockIdx.x / TEAM_BLOCKS * rows, block = blockIdx.x % TEAM_BLOCKS;
    if (block < BLOCKS) {
        run_layer<true>(sampler, 0, block, team_row, memory, tokens);
    } else if (block < LAYERS * BLOCKS) {
        run_layer<false>(sampler, block / BLOCKS, block % BLOCKS, team_row, memory, tokens);
    } else {
        run_decoder(sampler, block - LAYERS * BLOCKS, team_row, memory);
    }
}
