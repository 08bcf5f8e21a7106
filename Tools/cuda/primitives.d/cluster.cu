// The exchange within a cluster of blocks, which is what a persistent recurrent kernel does in every time step.

DEVICE u32 cluster_rank() {
    u32 rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// The address of the same place in the shared memory of another block of the cluster.
DEVICE u32 peer_address(u32 address, u32 rank) {
    u32 peer;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(peer) : "r"(address), "r"(rank));
    return peer;
}

DEVICE void cluster_barrier() {
    asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

DEVICE bool has_arrived(u32 barrier, u32 parity) {
    u32 done;
    asm volatile(
        "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
    return done;
}

// Only its launch is asked about: how many clusters of blocks with so much shared memory run at once.
KERNEL __launch_bounds__(256, 1) occupancy(u64* out) {
    extern __shared__ __align__(128) unsigned char memory[];
    memory[threadIdx.x] = 0;
    out[0] = memory[threadIdx.x ^ 1];
}

// All-gather of `bytes`, of which each block of a cluster sends its share to all of them. Variant 0: st.async and a
// barrier that counts bytes; 1: a cluster barrier beside it; 2: a cluster barrier alone. Clock cycles of a step by block.
KERNEL __launch_bounds__(256, 1) exchange(u64* out, int steps, int bytes, int variant, int size) {
    extern __shared__ __align__(128) unsigned char memory[];
    const u32 barriers = shared_address(memory), buffers = barriers + 128, rank = cluster_rank();
    const int share = bytes / size, words = share / 16;
    float sum = threadIdx.x;
    if (threadIdx.x == 0) {
        for (int i = 0; i < 2; i++)
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barriers + 8 * i) : "memory");
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    cluster_barrier();
    Watchdog dog = watchdog();
    const long long start = clock64();
    for (int t = 0; t < steps; t++) {
        const int next = (t + 1) & 1;
        if (variant < 2) {
            const u32 barrier = barriers + 8 * next;
            if (threadIdx.x == 0)
                asm volatile(
                    "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
            for (int i = threadIdx.x; i < words * size; i += 256) {
                const u32 peer = (rank + i / words) % size;
                const u32 place = buffers + next * bytes + rank * share + i % words * 16;
                asm volatile(
                    "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1,%1,%1,%1}, [%2];" ::"r"(
                        peer_address(place, peer)),
                    "f"(sum), "r"(peer_address(barrier, peer))
                    : "memory");
            }
            while (!has_arrived(barrier, (t >> 1) & 1)) turn(dog);
            sum += *(volatile float*)(memory + 128 + next * bytes + threadIdx.x * 16 % bytes) * 1e-30f;
        }
        if (variant > 0) cluster_barrier();
        else __syncthreads();
    }
    const long long end = clock64();
    if (threadIdx.x == 0) out[blockIdx.x] = (end - start) / steps;
    if (sum == -1.f) out[0] = 0;
    // No block may exit while others write to it.
    cluster_barrier();
}
