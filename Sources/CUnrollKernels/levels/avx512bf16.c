// AVX-512 in bfloat16, with the instruction for its products.

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,avx512bf16"))), apply_to = function)

#define LEVEL unroll_avx512bf16
#define LEVEL_NAME "avx512bf16"
#include "vectors_avx512.h"
#include "words_avx512bf16.h"
#include "../bodies/kernels.h"

#pragma clang attribute pop

#endif
