// What `cluster_forward` and `cluster_backward` share: the barriers of a block.

// Two transaction barriers lie at the beginning of shared memory, which is aligned to this.
#define BARRIER_BYTES 128

// Bytes from one row of factors to the next. With bfloat16 a warp reads from eight rows at once: they begin in
// different banks.
#define ROW_BYTES(k) (BFLOAT16 ? (2 * (k) + 127) / 128 * 128 + 64 : 4 * (k))

// Sets the barriers of a block up, and clears memory that is read before it is written.
DEVICE void begin_exchange(unsigned char* memory, unsigned char* cleared, int bytes) {
    if (threadIdx.x == 0) {
        barrier_init(shared_address(memory), 1);
        barrier_init(shared_address(memory) + 8, 1);
        barrier_publish();
    }
    for (int i = threadIdx.x; i < bytes / 4; i += THREADS) ((u32*)cleared)[i] = 0;
    __syncthreads();
}

// A factor in shared memory.
DEVICE void store_factor(unsigned char* row, int k, float factor) {
#if BFLOAT16
    ((u16*)row)[k] = (u16)bfloat16_pair(factor, 0.0f);
#else
    ((float*)row)[k] = factor;
#endif
}
