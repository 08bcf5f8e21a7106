// Products of a multiprocessor in a clock cycle, with all operands in registers. Clock cycles of all steps by block.

#define CHAINS 8

KERNEL __launch_bounds__(512, 1) fused_multiply_adds(u64* out, float* sums, int steps) {
    float sum[2 * CHAINS], a = 1.f + threadIdx.x * 1e-6f, b = 1e-6f;
#pragma unroll
    for (int i = 0; i < 2 * CHAINS; i++) sum[i] = i;
    __syncthreads();
    const long long start = clock64();
    for (int t = 0; t < steps; t++)
#pragma unroll
        for (int i = 0; i < 2 * CHAINS; i++) asm volatile("fma.rn.f32 %0, %0, %1, %2;" : "+f"(sum[i]) : "f"(a), "f"(b));
    __syncthreads();
    const long long end = clock64();
    float all = 0;
#pragma unroll
    for (int i = 0; i < 2 * CHAINS; i++) all += sum[i];
    sums[blockIdx.x * blockDim.x + threadIdx.x] = all;
    if (threadIdx.x == 0) out[blockIdx.x] = end - start;
}

#define MMA_KERNEL(name, product)                                                               \
    KERNEL __launch_bounds__(512, 1) name(u64* out, float* sums, int steps) {                   \
        float sum[CHAINS][4];                                                                   \
        const u32 a = 0x3c003c00u + threadIdx.x, b = 0x3c003c00u;                               \
        _Pragma("unroll") for (int i = 0; i < CHAINS; i++) for (int j = 0; j < 4; j++) sum[i][j] = i; \
        __syncthreads();                                                                        \
        const long long start = clock64();                                                      \
        for (int t = 0; t < steps; t++)                                                         \
            _Pragma("unroll") for (int i = 0; i < CHAINS; i++) product(sum[i], a, a + i, a, a + 1, b, b + i); \
        __syncthreads();                                                                        \
        const long long end = clock64();                                                        \
        float all = 0;                                                                          \
        _Pragma("unroll") for (int i = 0; i < CHAINS; i++) for (int j = 0; j < 4; j++) all += sum[i][j]; \
        sums[blockIdx.x * blockDim.x + threadIdx.x] = all;                                      \
        if (threadIdx.x == 0) out[blockIdx.x] = end - start;                                    \
    }

MMA_KERNEL(bf16_products, mma_bf16)
MMA_KERNEL(tf32_products, mma_tf32)
