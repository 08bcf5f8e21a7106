// Chooses among instruction sets at run time.

#include <stdlib.h>
#include <string.h>

#include "levels/levels.h"
#include "unroll_kernels.h"

#if defined(__x86_64__)
static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#endif

const UnrollKernels *unroll_kernels(UnrollLevel level, UnrollPrecision precision) {
    const bool is_bfloat16 = precision == UNROLL_PRECISION_BFLOAT16;
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    switch (level) {
    case UNROLL_LEVEL_PORTABLE:
        return is_bfloat16 ? &unroll_portable_bfloat16 : &unroll_portable;
#if defined(__x86_64__)
    case UNROLL_LEVEL_AVX2:
        if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return NULL;
        return is_bfloat16 ? &unroll_avx2_bfloat16 : &unroll_avx2;
    case UNROLL_LEVEL_AVX512:
        if (!has_avx512()) return NULL;
        return is_bfloat16 ? &unroll_avx512_bfloat16 : &unroll_avx512;
    case UNROLL_LEVEL_AVX512BF16:
        return is_bfloat16 && has_avx512() && __builtin_cpu_supports("avx512bf16") ? &unroll_avx512bf16 : NULL;
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

void unroll_free(float *memory) {
    free(memory);
}
