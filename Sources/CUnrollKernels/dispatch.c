// Chooses among instruction sets at run time.

#include <stdlib.h>
#include <string.h>

#include "levels/levels.h"
#include "unroll_kernels.h"

#if defined(__x86_64__)
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
}
#endif

// The kernels of a level for each precision; NULL where it has none of its own.
static const UnrollKernels *choose(
    UnrollPrecision precision, const UnrollKernels *float32, const UnrollKernels *bfloat16, const UnrollKernels *int8) {
    switch (precision) {
    case UNROLL_PRECISION_FLOAT32: return float32;
    case UNROLL_PRECISION_BFLOAT16: return bfloat16;
    case UNROLL_PRECISION_INT8: return int8;
    }
    return NULL;
}

const UnrollKernels *unroll_kernels(UnrollLevel level, UnrollPrecision precision) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    switch (level) {
    case UNROLL_LEVEL_PORTABLE:
        return choose(precision, &unroll_portable, &unroll_portable_bfloat16, &unroll_portable_int8);
#if defined(__x86_64__)
    case UNROLL_LEVEL_AVX2:
        if (!has_avx2()) return NULL;
        return choose(precision, &unroll_avx2, &unroll_avx2_bfloat16, &unroll_avx2_int8);
    case UNROLL_LEVEL_AVXVNNI:
        if (!has_avx2() || !__builtin_cpu_supports("avxvnni")) return NULL;
        return choose(precision, NULL, NULL, &unroll_avxvnni);
    case UNROLL_LEVEL_AVX512:
        if (!has_avx512()) return NULL;
        return choose(precision, &unroll_avx512, &unroll_avx512_bfloat16, &unroll_avx512_int8);
    case UNROLL_LEVEL_AVX512BF16:
        if (!has_avx512() || !__builtin_cpu_supports("avx512bf16")) return NULL;
        return choose(precision, NULL, &unroll_avx512bf16, NULL);
    case UNROLL_LEVEL_AVX512VNNI:
        if (!has_avx512() || !__builtin_cpu_supports("avx512vnni")) return NULL;
        return choose(precision, NULL, NULL, &unroll_avx512vnni);
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
