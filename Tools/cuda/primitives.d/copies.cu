// Copies from global memory that lies in the second-level cache to shared memory, in stages of which three are on their
// way, as step products and large products have them. Clock cycles of all steps by block.

#define STAGE 24576
#define STAGES 4

// Each block reads `stages` stages of memory again and again, from another one on.
KERNEL __launch_bounds__(256, 1) copies(u64* out, const unsigned char* from, int stages, int steps) {
    extern __shared__ __align__(128) unsigned char memory[];
    int at = blockIdx.x * 37 % stages;
    __syncthreads();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        const u32 to = shared_address(memory) + t % STAGES * STAGE + 16 * threadIdx.x;
        const unsigned char* const source = from + (size_t)at * STAGE + 16 * threadIdx.x;
#pragma unroll
        for (int i = 0; i < STAGE; i += 16 * 256)
            asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to + i),
                         "l"(__cvta_generic_to_global(source + i))
                         : "memory");
        asm volatile("cp.async.commit_group;\ncp.async.wait_group %0;" ::"n"(STAGES - 1) : "memory");
        __syncthreads();
        at = at + 1 == stages ? 0 : at + 1;
    }
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    __syncthreads();
    if (threadIdx.x == 0) out[blockIdx.x] = clock64() - start;
}
