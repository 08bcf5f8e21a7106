// AVX-512 in float32.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#define LEVEL unroll_avx512
#define LEVEL_NAME "avx512"
#include "vectors_avx512.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
