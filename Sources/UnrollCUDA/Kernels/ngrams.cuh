// An n-gram model beside the network: as `NGramModel` has it, and `InterpolatedEngine` takes the mean of both.

// The model as a tree, as `NGramTree` has it; all methods are for the lanes of a warp together.
struct NGrams {
    // The greatest length of a sequence; zero without a model.
    int order;
    // The share of the model in each probability.
    const double* weight;
    // Of each context, which is a node of fewer tokens: where its children begin, and the share of shorter contexts.
    const u32* children;
    const double* freed;
    // Of each node: its last token, and the share of that in its context.
    const int* tokens;
    const double* kept;

    // The nodes of the last 0, 1 ... `order - 1` tokens of a text, -1 for what the model has not seen.
    //
    // - `last`: The last `order - 1` tokens, -1 before the beginning.
    METHOD void begin(const int* last, int* nodes) const {
        const int lane = threadIdx.x % 32;
        if (lane < order) nodes[lane] = lane == 0 ? 0 : -1;
        warp_barrier();
        for (int i = 0; i < order - 1; i++) {
            if (last[i] >= 0) append(last[i], nodes);
        }
    }

    // Goes on after a token.
    METHOD void append(int token, int* nodes) const {
        const int lane = threadIdx.x % 32;
        const bool is_context = lane < order - 1;
        const int node = is_context ? nodes[lane] : -1, next = node < 0 ? -1 : child(node, token);
        warp_barrier();
        if (is_context) nodes[lane + 1] = next;
        warp_barrier();
    }

    // Computes the probabilities of all `size` tokens but for a part that all have alike, which is returned.
    METHOD double expect(const int* nodes, int size, double* expected) const {
        const int lane = threadIdx.x % 32;
        for (int token = lane; token < size; token += 32) expected[token] = 0.0;
        double share = 1.0;
        for (int length = order - 1; length >= 0; length--) {
            const int node = nodes[length];
            if (node < 0) continue;
            // Other lanes had these tokens.
            warp_barrier();
            const u32 end = children[node + 1];
            for (u32 i = children[node] + lane; i < end; i += 32) expected[tokens[i]] += share * kept[i];
            share *= freed[node];
        }
        warp_barrier();
        return share / size;
    }

    // Turns logits by the network into logarithms of probabilities by both.
    //
    // - `expected`, `rest`: What `expect` has found.
    METHOD void mix(float* scores, int size, const double* expected, double rest) const {
        const int lane = threadIdx.x % 32;
        const float least = 1.17549435e-38f;
        float greatest = -__int_as_float(0x7f800000), sum = 0.0f;
        for (int token = lane; token < size; token += 32) greatest = fmaxf(greatest, scores[token]);
        greatest = of_warp(greatest, [](float a, float b) { return fmaxf(a, b); });
        for (int token = lane; token < size; token += 32) {
            scores[token] = expf(scores[token] - greatest);
            sum += scores[token];
        }
        sum = sum_of_warp(sum);
        for (int token = lane; token < size; token += 32) {
            const double own = scores[token] / sum;
            const double both = (1.0 - *weight) * own + *weight * (expected[token] + rest);
            // Logarithms in double precision take long on most GPUs. What is impossible is as improbable as a number can
            // say, and NaN stays.
            scores[token] = both >= least ? logf((float)both) : (float)log(both == 0.0 ? (double)least : both);
        }
        warp_barrier();
    }

private:
    // The child of a node with a token; -1 if there is none.
    METHOD int child(int node, int token) const {
        u32 begin = children[node];
        const u32 end = children[node + 1];
        for (u32 count = end - begin; count > 0;) {
            const u32 half = count / 2;
            const bool is_before = tokens[begin + half] < token;
            begin = is_before ? begin + half + 1 : begin;
            count = is_before ? count - half - 1 : half;
        }
        return begin < end && tokens[begin] == token ? (int)begin : -1;
    }
};
