// AVX-512 in int8, whose products are computed in pairs of 16 bits.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#define LEVEL unroll_avx512_int8
#define LEVEL_NAME "avx512"
#define MULTIPLY_PAIRS(a, b) _mm512_madd_epi16((__m512i)(a), (__m512i)(b))
#include "vectors_avx512.h"
#include "words_int8.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
