// The primitives of blocks that run at the same time and exchange data: within a cluster by way of shared memory,
// within a grid by way of global memory. This text stands after prelude.cuh and before every kernel.

// Four words that are read or written at once.
struct alignas(16) Word4 {
    u32 x, y, z, w;
};

// MARK: Shared memory

// `unsigned char* name`: the shared memory whose size is given by the launch, aligned to 128 bytes. A second one in the
// same kernel is the same memory.
#define DYNAMIC_SHARED(name) extern __shared__ __align__(128) unsigned char name[]

// A place in the block's shared memory as the primitives below have it; sums with bytes are places, too.
DEVICE u32 shared_address(const void* pointer) { return (u32)__cvta_generic_to_shared(pointer); }

// The four words at a place of the block's own shared memory, a multiple of 16.
DEVICE Word4 load_shared(u32 address) {
    Word4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "r"(address)
                 : "memory");
    return v;
}

// Waits for all threads of the warp, which see then what the others have written into shared memory.
DEVICE void warp_barrier() { __syncwarp(); }

// MARK: Copies

// Brings 16 bytes of global memory into shared memory while the thread goes on, or zeros if there are none. Both places
// are multiples of 16. GPUs do that from 8.0 on.
DEVICE void copy_to_shared(u32 address, const void* from, bool exists) {
    asm volatile("{\n.reg .pred p;\nsetp.eq.u32 p, %2, 0;\ncp.async.cg.shared.global [%0], [%1], 16, p;\n}" ::"r"(address),
                 "l"(__cvta_generic_to_global(from)), "r"((u32)exists)
                 : "memory");
}

// Ends a group of this thread's copies: those since the group before, perhaps none.
DEVICE void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until all groups of this thread's copies but the last COUNT are there. Other threads see them after a barrier.
template <int COUNT>
DEVICE void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(COUNT) : "memory");
}

// Four matrices of 8 x 8 numbers of 16 bits in shared memory, spread over the threads of a warp: word i is of matrix i,
// row lane / 4, columns 2 (lane % 4) and the one after it. Each thread says where a row of 16 bytes is, a multiple of 16:
// the thread `8 i + r` row r of matrix i. All threads of a warp call it together.
DEVICE void load_matrices(u32 (&words)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
}
// The same, but of each matrix, column lane / 4, rows 2 (lane % 4) and the one after it.
DEVICE void load_transposed(u32 (&words)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
}

// MARK: Waiting

// With WATCHDOG defined as nanoseconds, a wait that lasts longer ends the kernel with an error, so that a wrong
// protocol cannot hang the GPU. A loop that polls has one of its own, and calls turn() in each turn.
struct Watchdog {
#ifdef WATCHDOG
    u64 start = nanoseconds();
    METHOD static u64 nanoseconds() {
        u64 time;
        asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
        return time;
    }
    METHOD void turn() {
        if (nanoseconds() - start > WATCHDOG) asm volatile("trap;");
    }
#else
    METHOD void turn() {}
#endif
};

// MARK: Grids

// Global memory by which the blocks of a cooperative launch exchange data while they run: one stores, and others load
// again and again until it is there. A word is stored as a whole, but the words of one call, and those of several, are
// seen in any order. So each word must show by itself whether it is there, by memory that begins with a value which no
// data have.
DEVICE Word4 load_relaxed(const Word4* address) {
    Word4 v;
    asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(__cvta_generic_to_global(address))
                 : "memory");
    return v;
}
DEVICE void store_relaxed(u32* address, u32 value) {
    asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(__cvta_generic_to_global(address)), "r"(value) : "memory");
}
DEVICE void store_relaxed(u64* address, u64 value) {
    asm volatile("st.relaxed.gpu.global.u64 [%0], %1;" ::"l"(__cvta_generic_to_global(address)), "l"(value) : "memory");
}
DEVICE void store_relaxed(Word4* address, Word4 v) {
    asm volatile("st.relaxed.gpu.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(address)),
                 "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w)
                 : "memory");
}

// Waits until the kernels before this one have ended and what they have written can be seen. All blocks of a launch
// that starts early must call it before they touch what those read or write. For other launches it does nothing.
DEVICE void wait_for_earlier_kernels() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// Lets the next kernel start, if its launch starts early, once all blocks have called this or ended. It does not matter
// to what that kernel can see.
DEVICE void start_next_kernel() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}

// What a kernel of a step does first, so that it may be launched early, and the next one be launched while it runs.
DEVICE void take_turn() {
    wait_for_earlier_kernels();
    start_next_kernel();
}

// MARK: Clusters

// Clusters and barriers that count bytes, which GPUs have from 9.0 on; before, kernels that use them do not compile.
#if __CUDA_ARCH__ >= 900

// The block's number in its cluster, from 0.
DEVICE u32 cluster_rank() {
    u32 rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// The same place in the shared memory of a block of the cluster, for `send`.
DEVICE u32 peer_address(u32 address, u32 rank) {
    u32 peer;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(peer) : "r"(address), "r"(rank));
    return peer;
}

// Waits for all threads of the cluster, which see then what the others have written. It does not wait for what was
// sent. Barriers must be initialized before it, and no block may end before a last one if others may still send to it.
DEVICE void cluster_barrier() {
    asm volatile("barrier.cluster.arrive.release;\nbarrier.cluster.wait.acquire;" ::: "memory");
}

// A barrier is 8 bytes of shared memory, aligned to them, which pass through phases: one is complete when so many
// arrivals were made and no byte is missing of those that they expect. One thread initializes it, once.
DEVICE void barrier_init(u32 barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// Lets blocks of the cluster send to the barriers that this thread has initialized, after the next cluster_barrier().
DEVICE void barrier_publish() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

// Arrives, and adds bytes to those that the phase expects. They may have come before; at most 1,048,575 may be missing.
DEVICE void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// Waits while the phase with this parity is the current one, and sees what was sent in it; the first phase has parity
// 0, the next 1, and so on in turn. All threads must have waited for a phase before the one after it is complete.
DEVICE void barrier_wait(u32 barrier, u32 parity) {
    Watchdog watchdog;
    for (;;) {
        u32 passed;
        // It acquires for the block, not for the cluster: what was sent lies in the block's own shared memory, and
        // wider acquisition would only empty the first-level cache of global memory in each turn. CUTLASS waits the
        // same way.
        asm volatile(
            "{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
            : "=r"(passed)
            : "r"(barrier), "r"(parity)
            : "memory");
        if (passed) return;
        watchdog.turn();
    }
}

// Writes 4, 8 or 16 bytes into the shared memory of a block of the cluster, some time later and in any order, and then
// takes as many bytes off what a barrier of that block expects. The place is a multiple of the bytes.
DEVICE void send(u32 address, u32 value, u32 barrier) {
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %1, [%2];" ::"r"(address),
                 "r"(value), "r"(barrier)
                 : "memory");
}
DEVICE void send(u32 address, u64 value, u32 barrier) {
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b64 [%0], %1, [%2];" ::"r"(address),
                 "l"(value), "r"(barrier)
                 : "memory");
}
DEVICE void send(u32 address, Word4 v, u32 barrier) {
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%1, %2, %3, %4}, [%5];" ::
        "r"(address), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w), "r"(barrier)
        : "memory");
}
DEVICE void send(u32 address, Float4 v, u32 barrier) {
    asm volatile(
        "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, %3, %4}, [%5];" ::
        "r"(address), "f"(v.x), "f"(v.y), "f"(v.z), "f"(v.w), "r"(barrier)
        : "memory");
}

#endif
