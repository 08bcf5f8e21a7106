// AVX2 in int8, whose products are computed in pairs of 16 bits.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LEVEL unroll_avx2_int8
#define LEVEL_NAME "avx2"
#define MULTIPLY_PAIRS(a, b) _mm256_madd_epi16((__m256i)(a), (__m256i)(b))
#include "vectors_avx2.h"
#include "words_int8.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
