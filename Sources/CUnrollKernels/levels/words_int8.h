// Words of four int8 numbers, the first in the lowest byte: activations as unsigned bytes, 128 above their numbers, and
// signed weights. Their products are added up in int32, without a rounding.
//
// Everything else is rounded after every operation, on processors with fused multiply-adds too: as the sums are exact,
// all levels compute the same bits.

#include <stdint.h>

#pragma STDC FP_CONTRACT OFF

#define WORD_UNITS 4

#undef MULTIPLY_ADD
#undef NEGATED_MULTIPLY_ADD
#undef TANH_LIMIT
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define NEGATED_MULTIPLY_ADD(a, b, c) ((c) - (a) * (b))
#define TANH_LIMIT UNFUSED_TANH_LIMIT

#ifndef ADD_PRODUCT

#define ADD_PRODUCT(sum, a, b) add_products_of_bytes(sum, a, b)

typedef int16_t Shorts __attribute__((vector_size(sizeof(Vector))));
typedef uint16_t UnsignedShorts __attribute__((vector_size(sizeof(Vector))));
typedef int32_t Sums __attribute__((vector_size(sizeof(Vector))));

#ifndef MULTIPLY_PAIRS
// The sum of the two products of 16 bits in each 32: a byte times a signed one fits into 16.
static inline __attribute__((always_inline)) Sums multiply_pairs(Shorts a, Shorts b) {
    const Sums products = (Sums)(a * b);
    return (products << 16 >> 16) + (products >> 16);
}
#define MULTIPLY_PAIRS(a, b) multiply_pairs(a, b)
#endif

// Bytes one and three of a word, then two and four, as 16 bits each: no intermediate sum can be too large for its place,
// as one of bytes in 16 bits could.
static inline __attribute__((always_inline)) Vector add_products_of_bytes(Vector sum, Vector a, Vector b) {
    const Sums first = (Sums)MULTIPLY_PAIRS((Shorts)a & 255, (Shorts)b << 8 >> 8);
    const Sums second = (Sums)MULTIPLY_PAIRS((Shorts)((UnsignedShorts)a >> 8), (Shorts)b >> 8);
    return (Vector)((Sums)sum + first + second);
}

#endif
