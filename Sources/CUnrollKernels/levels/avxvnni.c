// AVX2 in int8, with the instruction for its products that processors without AVX-512 have.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)

#define LEVEL unroll_avxvnni
#define LEVEL_NAME "avxvnni"
#define ADD_PRODUCT(sum, a, b) ((Vector)_mm256_dpbusd_avx_epi32((__m256i)(sum), (__m256i)(a), (__m256i)(b)))
#include "vectors_avx2.h"
#include "words_int8.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
