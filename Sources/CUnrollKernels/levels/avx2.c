// AVX2 in float32.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#define LEVEL unroll_avx2
#define LEVEL_NAME "avx2"
#include "vectors_avx2.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
