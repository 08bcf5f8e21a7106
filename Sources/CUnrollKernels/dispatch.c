// Chooses among instruction sets at run time.

#include <stdlib.h>
#include <string.h>

#include "levels.h"
#include "unroll_kernels.h"

const UnrollKernels *unroll_kernels(UnrollLevel level) {
    switch (level) {
    case UNROLL_LEVEL_PORTABLE:
        return &unroll_portable;
#if defined(__x86_64__)
    case UNROLL_LEVEL_AVX2:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &unroll_avx2 : NULL;
    case UNROLL_LEVEL_AVX512:
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
                && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
            ? &unroll_avx512
            : NULL;
#endif
    default:
        return NULL;
    }
}

float *unroll_allocate(size_t floats) {
    size_t bytes;
    if (__builtin_mul_overflow(floats, sizeof(float), &bytes)) return NULL;
    // The size of an aligned allocation is a multiple of the alignment, and never zero.
    if (__builtin_add_overflow(bytes, (size_t)UNROLL_ALIGNMENT, &bytes)) return NULL;
    bytes -= bytes % UNROLL_ALIGNMENT;
    void *memory = NULL;
    if (posix_memalign(&memory, UNROLL_ALIGNMENT, bytes) != 0) return NULL;
    memset(memory, 0, bytes);
    return memory;
}
