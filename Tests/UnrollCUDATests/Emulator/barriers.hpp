// Where threads wait: for each other at __syncthreads, at the barrier of a cluster, where they poll global memory, and
// at the primitives of a warp; and for the kernels before theirs.

namespace emulator {

// MARK: Blocks

static void openBarrier(Block& of) {
    for (u32 i = 0; i < blockDim.x / 32; ++i) {
        Warp& warp = of.warps[i];
        if (!warp.atBarrier) continue;
        warp.ready |= warp.atBarrier;
        warp.atBarrier = 0;
        of.readyWarps |= 1u << i;
    }
    of.atBarrier = 0;
    if (group.launch->seed) of.isEager = draw(2);
}

// Threads that have ended count as arrived, as on the GPU.
__attribute__((noinline)) static void waitAtBarrier() {
    block->warps[block->current / 32].atBarrier |= 1u << block->current % 32;
    if (++block->atBarrier == block->live) openBarrier(*block);
    wait();
}

// MARK: Clusters

static void openCluster(Block& first) {
    for (Block* of = &first; of < &first + group.launch->clusterSize; ++of) {
        for (u32 i = 0; i < of->barrierCount; ++i) of->barriers[i].isKnown = of->barriers[i].isPublished;
        for (u32 i = 0; i < blockDim.x / 32; ++i) {
            Warp& warp = of->warps[i];
            if (!warp.atCluster) continue;
            warp.ready |= warp.atCluster;
            warp.atCluster = 0;
            of->readyWarps |= 1u << i;
        }
    }
    first.atCluster = 0;
    if (group.launch->seed) group.isEager = draw(2);
}

// The same for the threads of a cluster.
__attribute__((noinline)) static void waitAtCluster() {
    block->warps[block->current / 32].atCluster |= 1u << block->current % 32;
    Block& first = firstOfCluster(*block);
    if (++first.atCluster == first.liveOfCluster) openCluster(first);
    wait();
}

// MARK: Grids

// Lets a thread that loads what another block may store go on later: when no thread can go on that does not poll, or
// earlier with a seed.
__attribute__((noinline)) static void lookLater() {
    block->warps[block->current / 32].polling |= 1u << block->current % 32;
    block->pollingWarps |= 1u << block->current / 32;
    ++group.polling;
    wait();
}

// MARK: Earlier kernels

// Waits until they have run, if the launch has started before that.
static void waitForEarlier() {
    block->hasWaited = true;
    if (!group.isEarly) return;
    block->warps[block->current / 32].atEarlier |= 1u << block->current % 32;
    wait();
}

// Runs them while this launch waits, and lets its threads go on. They may be kernels of the same library.
static void runEarlier() {
    const Group own = group;
    const Index thread = threadIdx, size = blockDim, grid = gridDim;
    Block* const current = block;
    const u64 fixed = fixedSize();
    void* const memory = malloc(fixed + 1);
    if (!memory) abort();
    if (fixed) memcpy(memory, __start_unroll_shared, fixed);
    const bool hasFailed = own.launch->runEarlier(own.launch->context) != 0;
    if (fixed) memcpy(__start_unroll_shared, memory, fixed);
    free(memory);
    group = own, block = current;
    threadIdx = thread, blockIdx = block->index, blockDim = size, gridDim = grid;
    group.isEarly = false;
    if (hasFailed) report(*block, "a kernel before it has failed");
    for (Block* of = group.blocks; of < group.blocks + group.count; ++of)
        for (u32 i = 0; i < blockDim.x / 32; ++i) {
            if (!of->warps[i].atEarlier) continue;
            of->warps[i].ready |= of->warps[i].atEarlier;
            of->warps[i].atEarlier = 0;
            of->readyWarps |= 1u << i;
        }
}

// MARK: Warps

// The number of a bfloat16 in the low or the high half of a word.
static inline float half(u32 word, int index) {
    const u32 bits = index ? word & 0xffff0000u : word << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

typedef float Row __attribute__((vector_size(32)));

static void multiplyTiles(Warp& warp) {
    Row b[16];
    for (int k = 0; k < 16; ++k)
        for (int column = 0; column < 8; ++column)
            b[k][column] = half(warp.b[column * 4 + k % 8 / 2][k / 8], k % 2);
    for (int row = 0; row < 16; ++row) {
        const int first = row % 8 * 4, pair = row / 8 * 2;
        Row sum;
        for (int column = 0; column < 8; ++column) sum[column] = warp.d[first + column / 2][pair + column % 2];
        for (int k = 0; k < 16; ++k) sum += half(warp.a[first + k % 8 / 2][row / 8 + k / 8 * 2], k % 2) * b[k];
        for (int column = 0; column < 8; ++column) warp.d[first + column / 2][pair + column % 2] = sum[column];
    }
}

// Word i of each thread is of matrix i, whose rows threads 8 i to 8 i + 7 have brought.
static void spreadMatrices(Warp& warp, bool isTransposed) {
    for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 4; ++i) {
            const u16(*const rows)[8] = warp.rows + 8 * i;
            const int r = lane / 4, q = lane % 4 * 2;
            const u16 low = isTransposed ? rows[q][r] : rows[r][q];
            const u16 high = isTransposed ? rows[q + 1][r] : rows[r][q + 1];
            warp.words[lane][i] = u32(high) << 16 | low;
        }
}

// Waits until all threads of the warp have called the same primitive; the last one does the work for all.
__attribute__((noinline)) static void meet(Meeting meeting) {
    Warp& warp = block->warps[block->current / 32];
    if (warp.atMeeting && warp.meeting != meeting)
        fail("threads of warp %u wait at %s while others call %s", block->current / 32, meetingNames[warp.meeting],
             meetingNames[meeting]);
    warp.meeting = meeting;
    warp.atMeeting |= 1u << block->current % 32;
    if (warp.atMeeting == ~0u) {
        if (meeting == tiles)
            multiplyTiles(warp);
        else if (meeting == matrices || meeting == transposedMatrices)
            spreadMatrices(warp, meeting == transposedMatrices);
        else if (meeting != barrierOfWarp)
            for (int lane = 0; lane < 32; ++lane) warp.received[lane] = warp.passed[lane ^ warp.mask[lane]];
        warp.atMeeting = 0;
        warp.ready = ~0u;
        block->readyWarps |= 1u << block->current / 32;
    }
    wait();
}

template <class Value> static Value exchange(Value value, int mask, Meeting meeting) {
    Warp& warp = block->warps[block->current / 32];
    const u32 lane = block->current % 32;
    if (mask < 0 || mask > 31) fail("warp_xor has no lane for the mask %d", mask);
    memcpy(&warp.passed[lane], &value, sizeof value);
    warp.mask[lane] = mask;
    meet(meeting);
    memcpy(&value, &warp.received[lane], sizeof value);
    return value;
}

}  // namespace emulator
