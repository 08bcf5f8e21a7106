// Loops over arrays of any length at any address: what operations on tensors of any shape come down to.

// The two operands of element i are X and Y. Only an element at the same place may be overwritten, so no order of
// iterations is wrong, which the compiler needs to be told before it makes vectors of the loop.
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define ONE_BY_ONE
#define EACH(HINT, X, Y, RESULT)                                                                                      \
    HINT for (ptrdiff_t i = 0; i < count; i++) {                                                                      \
        const float x = X, y = Y;                                                                                     \
        d[i] = RESULT;                                                                                                \
    }

#define COMBINATION(NAME, HINT, RESULT)                                                                               \
    NOINLINE void NAME(                                                                                               \
        float *d, const float *a, bool a_is_single, const float *b, bool b_is_single, ptrdiff_t count) {              \
        if (count <= 0) return;                                                                                       \
        const float single_a = *a, single_b = *b;                                                                     \
        if (a_is_single && b_is_single) {                                                                             \
            EACH(HINT, single_a, single_b, RESULT)                                                                    \
        } else if (a_is_single) {                                                                                     \
            EACH(HINT, single_a, b[i], RESULT)                                                                        \
        } else if (b_is_single) {                                                                                     \
            EACH(HINT, a[i], single_b, RESULT)                                                                        \
        } else {                                                                                                      \
            EACH(HINT, a[i], b[i], RESULT)                                                                            \
        }                                                                                                             \
    }

COMBINATION(combine_add, INDEPENDENT, x + y)
COMBINATION(combine_subtract, INDEPENDENT, x - y)
COMBINATION(combine_multiply, INDEPENDENT, x *y)
COMBINATION(combine_divide, INDEPENDENT, x / y)
COMBINATION(combine_power, ONE_BY_ONE, powf(x, y))
COMBINATION(combine_minimum, INDEPENDENT, x != x || x < y ? x : y)
COMBINATION(combine_maximum, INDEPENDENT, x != x || x > y ? x : y)

#undef COMBINATION
#undef EACH
#undef INDEPENDENT
#undef ONE_BY_ONE

static void combine(
    UnrollCombination operation, float *d, const float *a, bool a_is_single, const float *b, bool b_is_single,
    ptrdiff_t count) {
    switch (operation) {
    case UNROLL_COMBINE_ADD: combine_add(d, a, a_is_single, b, b_is_single, count); break;
    case UNROLL_COMBINE_SUBTRACT: combine_subtract(d, a, a_is_single, b, b_is_single, count); break;
    case UNROLL_COMBINE_MULTIPLY: combine_multiply(d, a, a_is_single, b, b_is_single, count); break;
    case UNROLL_COMBINE_DIVIDE: combine_divide(d, a, a_is_single, b, b_is_single, count); break;
    case UNROLL_COMBINE_POWER: combine_power(d, a, a_is_single, b, b_is_single, count); break;
    case UNROLL_COMBINE_MINIMUM: combine_minimum(d, a, a_is_single, b, b_is_single, count); break;
    case UNROLL_COMBINE_MAXIMUM: combine_maximum(d, a, a_is_single, b, b_is_single, count); break;
    }
}

// The sum of a block in as many lanes as hide the additions' latency; blocks are added in double precision, so that
// the error does not grow with the count.
static double sum(const float *values, ptrdiff_t count) {
    enum { SUMS = 4, STEP = SUMS * LANES, BLOCK = 64 * STEP };
    double total = 0;
    for (; count >= STEP; ) {
        const ptrdiff_t block = (count < BLOCK ? count : BLOCK) / STEP * STEP;
        Vector sums[SUMS];
        UNROLLED for (int v = 0; v < SUMS; v++) sums[v] = BROADCAST(0.f);
        for (ptrdiff_t i = 0; i < block; i += STEP) {
            UNROLLED for (int v = 0; v < SUMS; v++) sums[v] += LOAD_ANYWHERE(values + i + v * LANES);
        }
        UNROLLED for (int v = 0; v < SUMS; v++) total += REDUCE_ADD(sums[v]);
        values += block;
        count -= block;
    }
    for (ptrdiff_t i = 0; i < count; i++) total += values[i];
    return total;
}

static double softmax(float *row, int32_t panels, int32_t target) {
    double loss;
    softmax_tile_of(1, row, WIDTH, panels, &target, &loss, 1);
    return loss;
}

static void copy(
    const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t row = 0; row < rows; row++, from += from_stride, to += to_stride) {
        ptrdiff_t i = 0;
        for (; i + LANES <= columns; i += LANES) STORE_ANYWHERE(to + i, LOAD_ANYWHERE(from + i));
        for (; i < columns; i++) to[i] = from[i];
    }
}
