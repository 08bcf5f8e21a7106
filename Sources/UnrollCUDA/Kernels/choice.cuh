// How a warp chooses the next token of a text: as `TokenSampler` does, with the same random numbers.

// As `TokenChoice` has it; `DeviceSampler.swift` lays it out.
struct Choice {
    // The key of the text's random source, and how many numbers have been drawn.
    u32 key0, key1, position_low, position_high;
    // The factor of logits; zero for the most probable token alone.
    float exponent;
    // Zero for all tokens.
    int top_k;
    float top_p, min_p, penalty;
    // The last tokens that the penalty looks at; zero without one.
    int window;
};

// Tokens from before a launch that a penalty may look at.
#define RECENT 256

// The last tokens of a text: RECENT from before the launch, -1 where there are fewer, and those that were chosen in it.
struct History {
    const int *recent, *chosen;

    // The token so many steps after the first one that is chosen, or before it.
    METHOD int token(int t) const { return t < 0 ? recent[RECENT + t] : chosen[t]; }
};

// What a warp combines of what its lanes have; all of them get it.
template <typename Combine>
DEVICE float of_warp(float value, Combine combine) {
#pragma unroll
    for (int mask = 16; mask > 0; mask /= 2) value = combine(value, warp_xor(value, mask));
    return value;
}
DEVICE float sum_of_warp(float value) {
    return of_warp(value, [](float a, float b) { return a + b; });
}

// The greatest word for which `is_enough` holds, if it holds for 0 and for all words below one for which it does.
template <typename IsEnough>
DEVICE u32 greatest(IsEnough is_enough) {
    u32 word = 0;
    for (int bit = 31; bit >= 0; bit--) {
        const u32 next = word | 1u << bit;
        if (is_enough(next)) word = next;
    }
    return word;
}

// A word that grows with a number.
DEVICE u32 rank_of(float value) {
    const u32 bits = __float_as_uint(value + 0.0f);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

// The numbers of all tokens, of which each lane has a share of neighbors: logits at first, and then weights that are
// proportional to probabilities.
struct Scores {
    float* scores;
    // The lane's share: an odd number of tokens, so that those of different lanes are in different banks.
    int begin, end;

    METHOD Scores(float* scores, int size) : scores(scores) {
        const int share = (size + 31) / 32 | 1;
        begin = min(size, (int)(threadIdx.x % 32) * share);
        end = min(size, begin + share);
    }

    METHOD bool are_finite() const {
        float others = 0.0f;
        for (int token = begin; token < end; token++) others += scores[token] - scores[token] == 0.0f ? 0.0f : 1.0f;
        return sum_of_warp(others) == 0.0f;
    }

    // Makes the last tokens less probable: once each, however often they occur.
    METHOD void penalize(const History& history, int t, const Choice& choice) {
        const int lane = threadIdx.x % 32;
        int tokens[RECENT / 32];
        float penalized[RECENT / 32];
#pragma unroll
        for (int i = 0; i < RECENT / 32; i++) {
            const int back = lane + i * 32 + 1;
            tokens[i] = back <= choice.window ? history.token(t - back) : -1;
            if (tokens[i] < 0) continue;
            const float score = scores[tokens[i]];
            penalized[i] = score < 0.0f ? score * choice.penalty : score / choice.penalty;
        }
        warp_barrier();
        // Where several lanes have the same token, they write the same.
#pragma unroll
        for (int i = 0; i < RECENT / 32; i++) {
            if (tokens[i] >= 0) scores[tokens[i]] = penalized[i];
        }
        warp_barrier();
    }

    // - `banned`: A bit for each token.
    METHOD void ban(const u32* banned) {
        for (int token = begin; token < end; token++) {
            if (banned[token / 32] >> token % 32 & 1) scores[token] = -__int_as_float(0x7f800000);
        }
    }

    // The token with the greatest score, the first of several.
    METHOD int best() const {
        float greatest = -__int_as_float(0x7f800000);
        for (int token = begin; token < end; token++) greatest = fmaxf(greatest, scores[token]);
        greatest = of_warp(greatest, [](float a, float b) { return fmaxf(a, b); });
        return first([=](int token) { return scores[token] == greatest; });
    }

    // Keeps the `count` greatest, and those that are as great as the last of them.
    METHOD void keep_top(int count) {
        const u32 least = greatest([=](u32 word) {
            float above = 0.0f;
            for (int token = begin; token < end; token++) above += rank_of(scores[token]) >= word ? 1.0f : 0.0f;
            return sum_of_warp(above) >= count;
        });
        for (int token = begin; token < end; token++) {
            if (rank_of(scores[token]) < least) scores[token] = -__int_as_float(0x7f800000);
        }
    }

    // Scores become weights, the greatest of them 1.
    METHOD void weigh(float greatest, float exponent) {
        for (int token = begin; token < end; token++) scores[token] = expf((scores[token] - greatest) * exponent);
    }

    // Keeps the smallest set of the greatest weights that has this share of all; of equal ones those that come first.
    METHOD void keep_mass(float share) {
        const float mass = share * weight_from(0);
        const u32 bound = greatest([=](u32 word) { return weight_from(word) >= mass; });
        const float missing = mass - weight_from(bound + 1), weight = __uint_as_float(bound);
        float equals = 0.0f;
        for (int token = begin; token < end; token++) equals += scores[token] == weight ? 1.0f : 0.0f;
        double total;
        float rank = (float)sum_before(equals, total);
        for (int token = begin; token < end; token++) {
            // Those before it reach the mass without it.
            const bool is_late = scores[token] == weight && rank++ * weight >= missing;
            if (scores[token] < weight || is_late) scores[token] = 0.0f;
        }
    }

    METHOD void keep_above(float share) {
        for (int token = begin; token < end; token++) {
            if (scores[token] < share) scores[token] = 0.0f;
        }
    }

    // The first token whose share of the line from 0 to the sum of all weights reaches beyond a point, which is given as
    // a part of it.
    METHOD int at(double part, int otherwise) const {
        double sum = 0.0, total;
        for (int token = begin; token < end; token++) sum += scores[token];
        double before = sum_before(sum, total);
        int found = end;
        for (int token = begin; token < end && found == end; token++) {
            before += scores[token];
            if (scores[token] > 0.0f && before > part * total) found = token;
        }
        const int first_found = first([=](int token) { return token == found; });
        return first_found < 0 ? otherwise : first_found;
    }

private:
    // The first of all tokens that is so; -1 if none is.
    template <typename Condition>
    METHOD int first(Condition is_so) const {
        int found = -1;
        for (int token = begin; token < end && found < 0; token++) {
            if (is_so(token)) found = token;
        }
        // Floats have all tokens: there are fewer than 2^24.
        const float none = 16777216.0f;
        const float least = of_warp(found < 0 ? none : found, [](float a, float b) { return fminf(a, b); });
        return least == none ? -1 : (int)least;
    }

    // The sum of all weights whose bits are a word or more.
    METHOD float weight_from(u32 word) const {
        float sum = 0.0f;
        for (int token = begin; token < end; token++) sum += __float_as_uint(scores[token]) >= word ? scores[token] : 0.0f;
        return sum_of_warp(sum);
    }

    // The sum of a value over the lanes before, and over all.
    METHOD static double sum_before(double value, double& total) {
        double before = 0.0;
        total = value;
#pragma unroll
        for (int mask = 1; mask < 32; mask *= 2) {
            const double other = warp_xor(total, mask);
            if (threadIdx.x & mask) before += other;
            total += other;
        }
        return before;
    }
};

// A uniform number in 0..<1: as `RandomSource` draws number `t` after those before the launch, for generation.
DEVICE double draw(const Choice& choice, int t) {
    const u64 position = ((u64)choice.position_high << 32 | choice.position_low) + t;
    u32 x[4] = {(u32)(position >> 1), (u32)(position >> 33), 0, 3};
    philox(x, choice.key0, choice.key1);
    const u64 bits = position & 1 ? (u64)x[3] << 32 | x[2] : (u64)x[1] << 32 | x[0];
    return (double)(bits >> 11) * (1.0 / 9007199254740992.0);
}

// Chooses a token; all lanes of the warp get it. It is -1 if a logit is not finite.
//
// - `scores`: Shared memory, with the logits of all `size` tokens.
// - `t`: How many tokens have been chosen in this launch.
DEVICE int choose(float* logits, int size, const Choice& choice, const u32* banned, const History& history, int t) {
    Scores scores(logits, size);
    if (!scores.are_finite()) return -1;
    if (choice.window > 0) scores.penalize(history, t, choice);
    scores.ban(banned);
    // Any lane may have the best one.
    warp_barrier();
    const int best = scores.best();
    if (choice.exponent == 0.0f) return best;
    const float greatest = logits[best];
    warp_barrier();
    if (choice.top_k > 0 && choice.top_k < size) scores.keep_top(choice.top_k);
    scores.weigh(greatest, choice.exponent);
    if (choice.top_p < 1.0f) scores.keep_mass(choice.top_p);
    if (choice.min_p > 0.0f) scores.keep_above(choice.min_p);
    return scores.at(draw(choice, t), best);
}
