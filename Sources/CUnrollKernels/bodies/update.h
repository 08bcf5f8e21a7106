// The update of parameters: one sweep over them, their gradients and the slots of the optimizer's rule.

// The rule and whether there is decay or an average are constants to the compiler: each of them has a loop of its own.
INLINE void update_by(
    const UnrollRule rule, const bool shrinks, const bool averages, const UnrollUpdate *update, float *parameters,
    const float *gradients, float *momentum, float *square, float *average, ptrdiff_t count) {
    const bool has_momentum =
        rule == UNROLL_RULE_MOMENTUM || rule == UNROLL_RULE_NESTEROV || rule == UNROLL_RULE_ADAM;
    const bool has_square = rule == UNROLL_RULE_RMSPROP || rule == UNROLL_RULE_ADAM;
    const Vector rate = BROADCAST(update->rate), shrinkage = BROADCAST(update->shrinkage);
    const Vector gradient_scale = BROADCAST(update->gradient_scale), decay = BROADCAST(update->weight_decay);
    const Vector momentum_decay = BROADCAST(update->momentum), momentum_share = BROADCAST(update->momentum_share);
    const Vector square_decay = BROADCAST(update->square_decay), square_share = BROADCAST(update->square_share);
    const Vector root_scale = BROADCAST(update->root_scale), epsilon = BROADCAST(update->epsilon);
    const Vector average_share = BROADCAST(update->average_share);
    for (ptrdiff_t i = 0; i < count; i += LANES) {
        Vector p = LOAD(parameters + i), g = LOAD(gradients + i);
        if (rule != UNROLL_RULE_SGD) g = MULTIPLY_ADD(decay, p, gradient_scale * g);
        if (shrinks) p = NEGATED_MULTIPLY_ADD(shrinkage, p, p);
        Vector direction = g;
        if (has_momentum) {
            const Vector m = MULTIPLY_ADD(momentum_decay, LOAD(momentum + i), momentum_share * g);
            STORE(momentum + i, m);
            direction = rule == UNROLL_RULE_NESTEROV ? MULTIPLY_ADD(momentum_decay, m, g) : m;
        }
        if (has_square) {
            const Vector v = MULTIPLY_ADD(square_decay, LOAD(square + i), square_share * g * g);
            STORE(square + i, v);
            direction /= MULTIPLY_ADD(root_scale, SQUARE_ROOT(v), epsilon);
        }
        p = NEGATED_MULTIPLY_ADD(rate, direction, p);
        STORE(parameters + i, p);
        if (averages) {
            const Vector a = LOAD(average + i);
            STORE(average + i, MULTIPLY_ADD(average_share, p - a, a));
        }
    }
}

#define UPDATE(RULE, SHRINKS, AVERAGES) \
    update_by(RULE, SHRINKS, AVERAGES, update, parameters, gradients, momentum, square, average, count)
#define UPDATE_EACH(RULE)                                                                                              \
    case RULE:                                                                                                         \
        if (update->average_share == 0) {                                                                              \
            if (update->shrinkage == 0) UPDATE(RULE, false, false);                                                    \
            else UPDATE(RULE, true, false);                                                                            \
        } else {                                                                                                       \
            if (update->shrinkage == 0) UPDATE(RULE, false, true);                                                     \
            else UPDATE(RULE, true, true);                                                                             \
        }                                                                                                              \
        break;

static void update(
    const UnrollUpdate *update, float *parameters, const float *gradients, float *momentum, float *square,
    float *average, ptrdiff_t count) {
    switch (update->rule) {
        UPDATE_EACH(UNROLL_RULE_SGD)
        UPDATE_EACH(UNROLL_RULE_MOMENTUM)
        UPDATE_EACH(UNROLL_RULE_NESTEROV)
        UPDATE_EACH(UNROLL_RULE_RMSPROP)
        UPDATE_EACH(UNROLL_RULE_ADAM)
    }
}

#undef UPDATE
#undef UPDATE_EACH
