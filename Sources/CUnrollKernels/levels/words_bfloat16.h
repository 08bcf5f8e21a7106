// Words of two bfloat16 numbers, for processors without instructions for them: the first number is the low half.
//
// A bfloat16 is the upper half of a float32, so that widening is exact, and products of two of them are exact in
// float32. Body files see macros; the functions are defined here as the body files' vectors are.

#include <stdint.h>

#define WORD_UNITS 2
#define ADD_PRODUCT(sum, a, b) add_product_of_pairs(sum, a, b)
#define PAIR(a, b) pair_of(a, b)
#define PACK_UNITS(to, from) pack_units(to, from)

typedef uint32_t Bits __attribute__((vector_size(sizeof(Vector))));

static inline __attribute__((always_inline)) Vector low_number(Vector words) {
    return (Vector)((Bits)words << 16);
}

static inline __attribute__((always_inline)) Vector high_number(Vector words) {
    return (Vector)((Bits)words & 0xffff0000u);
}

static inline __attribute__((always_inline)) Vector add_product_of_pairs(Vector sum, Vector a, Vector b) {
    sum = MULTIPLY_ADD(low_number(a), low_number(b), sum);
    return MULTIPLY_ADD(high_number(a), high_number(b), sum);
}

// The bits of each number rounded to the nearest bfloat16, ties to even, in the upper half. What is not a number stays
// so: rounding could carry it over to an infinity.
static inline __attribute__((always_inline)) Bits rounded_bits(Vector x) {
    const Bits bits = (Bits)x;
    const Bits rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    const Bits is_nan = (Bits)(x != x);
    return (rounded & ~is_nan) | ((bits | 0x400000u) & is_nan);
}

static inline __attribute__((always_inline)) Vector pair_of(Vector a, Vector b) {
    return (Vector)(rounded_bits(a) >> 16 | (rounded_bits(b) & 0xffff0000u));
}

// The 32 numbers of a row of a panel as 16 words. to: the result, [16]; from: given, [32].
static inline __attribute__((always_inline)) void pack_units(float *to, const float *from) {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 16; i += LANES) {
        const Vector a = LOAD(from + 2 * i), b = LOAD(from + 2 * i + LANES);
        STORE(to + i, pair_of(EVENS(a, b), ODDS(a, b)));
    }
}
