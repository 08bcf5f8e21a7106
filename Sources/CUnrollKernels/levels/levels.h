// The tables that the level files define.

#ifndef UNROLL_LEVELS_H
#define UNROLL_LEVELS_H

#include "unroll_kernels.h"

extern const UnrollKernels unroll_portable;
extern const UnrollKernels unroll_portable_bfloat16;
extern const UnrollKernels unroll_portable_int8;
#if defined(__x86_64__)
extern const UnrollKernels unroll_avx2;
extern const UnrollKernels unroll_avx2_bfloat16;
extern const UnrollKernels unroll_avx512;
extern const UnrollKernels unroll_avx512_bfloat16;
extern const UnrollKernels unroll_avx512bf16;
extern const UnrollKernels unroll_avx2_int8;
extern const UnrollKernels unroll_avxvnni;
extern const UnrollKernels unroll_avx512_int8;
extern const UnrollKernels unroll_avx512vnni;
#endif

#endif
