// Elementary functions on vectors, within a few units in the last place.
//
// MAX and MIN return their second operand when either is not a number, so with the argument second, what is not a
// number stays visible instead of being clamped to one.

#ifndef SCALE
// value * 2^exponent through the exponent bits; the exponent is whole and gives a normal number.
INLINE Vector scaled_by_power_of_two(Vector value, Vector exponent) {
    // With 1.5 * 2^23 + 127 added, the low bits of the sum are the biased exponent.
    Integers biased = (Integers)(exponent + BROADCAST(12583039.f));
    return value * (Vector)(biased << 23);
}
#define SCALE(value, exponent) scaled_by_power_of_two(value, exponent)
#endif

#ifndef REDUCE_ADD
INLINE float sum_of_lanes(Vector v) {
    float lanes[LANES] __attribute__((aligned(UNROLL_ALIGNMENT)));
    STORE(lanes, v);
    float sum = 0;
    for (int i = 0; i < LANES; i++) sum += lanes[i];
    return sum;
}

#define REDUCE_ADD(v) sum_of_lanes(v)
#endif

// e^x, zero where that is below the smallest normal number, which makes the padding of a softmax exactly zero.
// Cody-Waite reduction to |r| <= ln(2)/2, then the polynomial of the Cephes library's expf.
INLINE Vector vector_exp(Vector x) {
    const Vector lowest = BROADCAST(-87.3f);
    Vector bounded = MIN(BROADCAST(88.3f), MAX(lowest, x));
    Vector n = ROUND(bounded * BROADCAST(1.44269504f));
    Vector r = NEGATED_MULTIPLY_ADD(n, BROADCAST(0.693359375f), bounded);
    r = NEGATED_MULTIPLY_ADD(n, BROADCAST(-2.12194440e-4f), r);
    Vector p = BROADCAST(1.9875691500e-4f);
    p = MULTIPLY_ADD(p, r, BROADCAST(1.3981999507e-3f));
    p = MULTIPLY_ADD(p, r, BROADCAST(8.3334519073e-3f));
    p = MULTIPLY_ADD(p, r, BROADCAST(4.1665795894e-2f));
    p = MULTIPLY_ADD(p, r, BROADCAST(1.6666665459e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(5.0000001201e-1f));
    p = MULTIPLY_ADD(r * r, p, r + BROADCAST(1.f));
    return ZERO_WHERE_LESS(SCALE(p, n), x, lowest);
}

// e^x over the whole range: infinite where it is greater than any number.
INLINE Vector vector_exp_unbounded(Vector x) {
    // Beyond 64 in two factors, as the greatest powers of two do not fit into an exponent.
    const Vector limit = BROADCAST(64.f);
    const Vector beyond = MAX(BROADCAST(0.f), MIN(limit, x - limit));
    return vector_exp(MIN(limit, x)) * vector_exp(beyond);
}

// The natural logarithm of a normal number, or of what is not a number: the polynomial of the Cephes library's logf.
INLINE Vector vector_log(Vector x) {
    // x = 2^exponent (1 + r) with 1 + r between the square roots of 1/2 and 2.
    const Integers bits = (Integers)x - 0x3f3504f3;
    const Integers exponents = bits >> 23;
    const Vector exponent = __builtin_convertvector(exponents, Vector);
    const Vector r = (Vector)((bits & 0x7fffff) + 0x3f3504f3) - BROADCAST(1.f);
    Vector p = BROADCAST(7.0376836292e-2f);
    p = MULTIPLY_ADD(p, r, BROADCAST(-1.1514610310e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(1.1676998740e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(-1.2420140846e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(1.4249322787e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(-1.6668057665e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(2.0000714765e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(-2.4999993993e-1f));
    p = MULTIPLY_ADD(p, r, BROADCAST(3.3333331174e-1f));
    const Vector square = r * r;
    Vector rest = MULTIPLY_ADD(exponent, BROADCAST(-2.12194440e-4f), p * r * square);
    rest = NEGATED_MULTIPLY_ADD(square, BROADCAST(.5f), rest);
    // The difference is zero for numbers, and keeps the others visible.
    return MULTIPLY_ADD(exponent, BROADCAST(0.693359375f), r + rest) + (x - x);
}

// Where the rational function below reaches exactly +-1; with every product rounded, it does so earlier and goes astray
// here. Cut off anywhere else, it never gets there, and a saturated gate would never quite close.
#define UNFUSED_TANH_LIMIT 7.90531110763549805f
#ifndef TANH_LIMIT
#define TANH_LIMIT 7.99881172180175781f
#endif

// tanh x: the odd rational function of degree 13 over 6 that Eigen made known, exactly +-1 beyond the limit.
INLINE Vector vector_tanh(Vector x) {
    const Vector limit = BROADCAST(TANH_LIMIT);
    x = MIN(limit, MAX(-limit, x));
    Vector s = x * x;
    Vector p = BROADCAST(-2.76076847742355e-16f);
    p = MULTIPLY_ADD(p, s, BROADCAST(2.00018790482477e-13f));
    p = MULTIPLY_ADD(p, s, BROADCAST(-8.60467152213735e-11f));
    p = MULTIPLY_ADD(p, s, BROADCAST(5.12229709037114e-08f));
    p = MULTIPLY_ADD(p, s, BROADCAST(1.48572235717979e-05f));
    p = MULTIPLY_ADD(p, s, BROADCAST(6.37261928875436e-04f));
    p = MULTIPLY_ADD(p, s, BROADCAST(4.89352455891786e-03f));
    Vector q = BROADCAST(1.19825839466702e-06f);
    q = MULTIPLY_ADD(q, s, BROADCAST(1.18534705686654e-04f));
    q = MULTIPLY_ADD(q, s, BROADCAST(2.26843463243900e-03f));
    q = MULTIPLY_ADD(q, s, BROADCAST(4.89352518554385e-03f));
    return p * x / q;
}

INLINE Vector vector_sigmoid(Vector x) {
    const Vector half = BROADCAST(.5f);
    return MULTIPLY_ADD(vector_tanh(x * half), half, half);
}

INLINE Vector vector_relu(Vector x) { return MAX(BROADCAST(0.f), x); }

INLINE Vector vector_absolute(Vector x) { return (Vector)((Integers)x & 0x7fffffff); }

// log(1 + e^x) = max(x, 0) + log(1 + s) with s = e^-|x|. What rounding takes from 1 + s is added again, as it is all
// that there is of a small s.
INLINE Vector vector_softplus(Vector x) {
    const Vector s = vector_exp(-vector_absolute(x));
    const Vector sum = s + BROADCAST(1.f);
    return vector_relu(x) + (vector_log(sum) + (s - (sum - BROADCAST(1.f))));
}

// Both orders agree but for zeros and for what is not a number, which either keeps in one of the two.
INLINE Vector vector_minimum(Vector a, Vector b) { return (Vector)((Integers)MIN(a, b) | (Integers)MIN(b, a)); }

INLINE Vector vector_maximum(Vector a, Vector b) { return (Vector)((Integers)MAX(a, b) | (Integers)MAX(b, a)); }

// The derivatives, times a gradient, from the function's value.
INLINE Vector tanh_derivative(Vector value, Vector gradient) {
    return gradient * NEGATED_MULTIPLY_ADD(value, value, BROADCAST(1.f));
}

INLINE Vector sigmoid_derivative(Vector value, Vector gradient) {
    return gradient * NEGATED_MULTIPLY_ADD(value, value, value);
}

INLINE Vector relu_derivative(Vector value, Vector gradient) {
    return KEEP_WHERE_LESS(gradient, BROADCAST(0.f), value);
}

INLINE Vector absolute_derivative(Vector x, Vector gradient) {
    const Vector zero = BROADCAST(0.f);
    return KEEP_WHERE_LESS(gradient, zero, x) - KEEP_WHERE_LESS(gradient, x, zero);
}

// The gradient where a is greater than b, half of it where they are equal, zero where a is less.
INLINE Vector gradient_of_greater(Vector a, Vector b, Vector gradient) {
    const Vector half = gradient * BROADCAST(.5f);
    return ZERO_WHERE_LESS(half, a, b) + KEEP_WHERE_LESS(half, b, a);
}
