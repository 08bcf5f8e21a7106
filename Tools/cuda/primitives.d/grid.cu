// The exchange among all blocks of a grid by way of the L2 cache. Blocks are launched together, one on a multiprocessor.

DEVICE uint4 load(const uint4* address) {
    uint4 v;
    asm volatile(
        "ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
        : "l"(address)
        : "memory");
    return v;
}

DEVICE void store(uint4* address, u32 value) {
    asm volatile("st.relaxed.gpu.global.v4.u32 [%0], {%1,%1,%1,%1};" ::"l"(address), "r"(value) : "memory");
}

// All-gather of `bytes` in which data are their own flag: each word has the number of the step, and is polled until it
// has the right one. Two buffers are enough, since a block that publishes a step has read all of the one before.
KERNEL __launch_bounds__(256, 1) gather(u64* out, uint4* buffers, int steps, int bytes) {
    const int words = bytes / 16, share = words / gridDim.x, first = share * blockIdx.x;
    Watchdog dog = watchdog();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        uint4* buffer = buffers + (t & 1) * words;
        const u32 tag = t + 1;
        for (int i = threadIdx.x; i < share; i += 256) store(buffer + first + i, tag);
        for (int i = threadIdx.x; i < words; i += 256)
            for (;;) {
                const uint4 v = load(buffer + i);
                if (v.x == tag && v.y == tag && v.z == tag && v.w == tag) break;
                turn(dog);
            }
        __syncthreads();
    }
    const long long end = clock64();
    if (threadIdx.x == 0) out[blockIdx.x] = (end - start) / steps;
}

// A barrier among all blocks: a counter that only grows.
KERNEL __launch_bounds__(256, 1) barrier(u64* out, u32* counter, int steps) {
    Watchdog dog = watchdog();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        __syncthreads();
        if (threadIdx.x == 0) {
            asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
            u32 count;
            do {
                asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(count) : "l"(counter) : "memory");
                turn(dog);
            } while (count < (u32)(t + 1) * gridDim.x);
        }
        __syncthreads();
    }
    const long long end = clock64();
    if (threadIdx.x == 0) out[blockIdx.x] = (end - start) / steps;
}
