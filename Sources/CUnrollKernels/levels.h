// The tables that the level files define.

#ifndef UNROLL_LEVELS_H
#define UNROLL_LEVELS_H

#include "unroll_kernels.h"

extern const UnrollKernels unroll_portable;
#if defined(__x86_64__)
extern const UnrollKernels unroll_avx2;
extern const UnrollKernels unroll_avx512;
#endif

#endif
