// AVX-512 in int8, with the instruction for its products.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,avx512vnni"))), apply_to = function)

#define LEVEL unroll_avx512vnni
#define LEVEL_NAME "avx512vnni"
#define ADD_PRODUCT(sum, a, b) ((Vector)_mm512_dpbusd_epi32((__m512i)(sum), (__m512i)(a), (__m512i)(b)))
#include "vectors_avx512.h"
#include "words_int8.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
