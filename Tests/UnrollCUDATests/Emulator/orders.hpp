// In which order threads go on and messages arrive, and the blocks of a launch from their beginning to their end.

namespace emulator {

// MARK: Choosing

// Warps with threads that can go on, without those that are held back.
static inline u32 readyWarps(const Block& of) {
    return &of == group.held ? of.readyWarps & ~group.heldWarps : of.readyWarps;
}

static Block* nextBlock() {
    if (group.isEager && readyWarps(*block)) return block;
    const u32 turn = group.launch->seed && group.count > 1 ? draw(group.count) : 0;
    for (u32 i = turn; i < turn + group.count; ++i) {
        Block& candidate = group.blocks[i < group.count ? i : i - group.count];
        if (readyWarps(candidate)) return &candidate;
    }
    return nullptr;
}

// A warp of the block that runs.
static u32 nextWarp() {
    const u32 bits = readyWarps(*block);
    if (!group.launch->seed) return lowestBit(bits);
    if (block->isEager && (bits >> block->last & 1)) return block->last;
    const u32 turn = draw(32);
    const u32 turned = turn ? bits >> turn | bits << (32 - turn) : bits;
    return block->last = (lowestBit(turned) + turn) % 32;
}

// Makes a block the one that runs, and its shared memory of fixed size that of the kernel's text.
static void enter(Block& next) {
    if (block == &next) return;
    if (group.count > 1 && fixedSize()) {
        if (block) memcpy(block->fixed, __start_unroll_shared, fixedSize());
        memcpy(__start_unroll_shared, next.fixed, fixedSize());
    }
    block = &next;
    blockIdx = next.index;
}

static void resume(u32 thread) {
    block->current = thread;
    threadIdx.x = thread;
    unroll_switch(&group.scheduler, block->fibers[thread]);
    group.hasProgress |= !(block->warps[thread / 32].polling >> thread % 32 & 1);
}

// Runs each thread of a warp that can go on until it waits or ends.
static void runReadyLanes(u32 index) {
    Warp& warp = block->warps[index];
    u32 bits = warp.ready, count = 0;
    warp.ready = 0;
    block->readyWarps &= ~(1u << index);
    u32 lanes[32];
    for (; bits; bits &= bits - 1) lanes[count++] = lowestBit(bits);
    for (u32 i = 0; i < count && !group.hasFailed; ++i) {
        if (group.launch->seed) {
            const u32 other = i + draw(count - i), lane = lanes[i];
            lanes[i] = lanes[other];
            lanes[other] = lane;
        }
        resume(index * 32 + lanes[i]);
    }
}

// Lets the threads of a block that poll look again.
static void lookAgain(Block& of) {
    for (u32 bits = of.pollingWarps; bits; bits &= bits - 1) {
        Warp& warp = of.warps[lowestBit(bits)];
        warp.ready |= warp.polling;
        group.polling -= u32(__builtin_popcount(warp.polling));
        warp.polling = 0;
    }
    of.readyWarps |= of.pollingWarps;
    of.pollingWarps = 0;
}

// MARK: Running

static void runFiber() {
    group.run();
    Block& first = firstOfCluster(*block);
    if (--first.liveOfCluster && first.atCluster == first.liveOfCluster) openCluster(first);
    if (!--block->live)
        checkEnd(*block);
    else if (block->atBarrier == block->live)
        openBarrier(*block);
    void* ended;
    unroll_switch(&ended, group.scheduler);
}

// A stack that looks as if the fiber had called unroll_switch at its first instruction.
static void* newFiber(const Block& of, u32 thread) {
#if defined(__x86_64__)
    constexpr int words = 8, entry = 6;
#else
    constexpr int words = 20, entry = 1;
#endif
    // Tops at different places in a page, since a cache has only a few lines for addresses that agree there.
    void** top = reinterpret_cast<void**>(stackEnd(of, thread) + stackSize - thread % 64 * 64) - words;
    memset(top, 0, words * sizeof *top);
    top[entry] = reinterpret_cast<void*>(runFiber);
    return top;
}

static void reportDeadlock() {
    u32 live = 0, atBarrier = 0, atMeeting = 0, atCluster = 0, atTransactions = 0;
    const char* meeting = "a primitive of a warp";
    const Block* where = nullptr;
    char barrier[160] = "";
    for (const Block* of = group.blocks; of < group.blocks + group.count; ++of) {
        live += of->live;
        if (of->live && !where) where = of;
        for (const Warp* warp = of->warps; warp < of->warps + blockDim.x / 32; ++warp) {
            atBarrier += u32(__builtin_popcount(warp->atBarrier));
            atCluster += u32(__builtin_popcount(warp->atCluster));
            atMeeting += u32(__builtin_popcount(warp->atMeeting));
            if (warp->atMeeting) meeting = meetingNames[warp->meeting];
            if (!warp->atTransactions) continue;
            atTransactions += u32(__builtin_popcount(warp->atTransactions));
            if (*barrier) continue;
            where = of;
            const Barrier& first = of->barriers[warp->awaited[lowestBit(warp->atTransactions)]];
            snprintf(barrier, sizeof barrier, " (at %s: %u of %u arrivals are made, %lld bytes missing)",
                     named(*of, first.address).text, first.arrivals - first.pending, first.arrivals, first.bytes);
        }
    }
    const u32 threads = group.count * blockDim.x;
    report(*where,
           "deadlock; of %u threads %u wait at __syncthreads, %u at %s, %u at cluster_barrier, %u at barrier_wait%s, "
           "%u poll global memory, %u have ended",
           threads, atBarrier, atMeeting, meeting, atCluster, atTransactions, barrier, group.polling, threads - live);
}

// How often all threads that poll look again while no thread does anything else. What would give up after more turns is
// taken for a deadlock.
constexpr u32 patience = 4096;

// With a seed, lets some of what is sent arrive, at a pace that changes; lets threads that poll look again; runs the
// kernels before an early start; and holds a warp or a block back until nothing else can go on.
static void disturb() {
    if (happens(64)) group.pace = 2u << 3 * draw(3);
    if (group.prompt.count && happens(group.pace)) deliver(group.prompt);
    if (group.polling && happens(8)) lookAgain(group.blocks[draw(group.count)]);
    if (group.isEarly && happens(64)) runEarlier();
    if (!group.held && happens(16)) {
        group.held = &group.blocks[draw(group.count)];
        group.heldWarps = draw(4) ? 1u << draw(blockDim.x / 32) : ~0u;
    }
}

static void runGroup() {
    u32 rounds = 0;
    while (!group.hasFailed) {
        if (group.launch->seed) disturb();
        if (Block* next = nextBlock()) {
            enter(*next);
            runReadyLanes(nextWarp());
        } else if (group.prompt.count || group.late.count) {
            deliver(group.prompt.count ? group.prompt : group.late);
            group.hasProgress = true;
        } else if (group.held) {
            group.held = nullptr;
        } else if (group.isEarly) {
            runEarlier();
        } else if (group.polling && rounds < patience) {
            for (u32 i = 0; i < group.count; ++i) lookAgain(group.blocks[i]);
            rounds = group.hasProgress ? 0 : rounds + 1;
            group.hasProgress = false;
        } else {
            break;
        }
    }
    for (u32 i = 0; i < group.count && !group.hasFailed; ++i)
        if (group.blocks[i].live) reportDeadlock();
}

// MARK: Blocks

// Not a number, neither as bfloat16 nor as floats, and not what shared memory begins as.
static const unsigned char guard[] = {0xe5, 0xff};

static bool isDamaged(const unsigned char* bytes) {
    return memcmp(bytes, guard, 2) != 0 || memcmp(bytes, bytes + 2, guardSize - 2) != 0;
}

// Makes a block new. Shared memory that a kernel has not written is not a number.
static void prepareBlock(Block& of, u64 index) {
    const u32* grid = group.launch->grid;
    of.index = {u32(index % grid[0]), u32(index / grid[0] % grid[1]), u32(index / grid[0] / grid[1])};
    of.live = blockDim.x;
    of.liveOfCluster = blockDim.x * group.launch->clusterSize;
    of.atBarrier = of.atCluster = of.pollingWarps = of.readyWarps = of.last = of.messages = of.barrierCount = 0;
    of.hasWaited = false;
    for (u32 thread = 0; thread < blockDim.x; ++thread) of.fibers[thread] = newFiber(of, thread);
    for (u32 i = 0; i < blockDim.x / 32; ++i) {
        Warp& warp = of.warps[i];
        warp.ready = ~0u;
        warp.atBarrier = warp.atCluster = warp.atMeeting = warp.atTransactions = warp.atEarlier = warp.polling = 0;
        of.readyWarps |= 1u << i;
    }
    of.isEager = group.launch->seed && draw(2);
    if (fixedSize()) memset(group.count > 1 ? of.fixed : __start_unroll_shared, 0xff, fixedSize());
    memset(of.dynamic, 0xff, group.launch->sharedSize);
}

static void checkBlock(Block& of) {
    checkCopies(of);
    if (isDamaged(of.dynamic - guardSize) || isDamaged(of.dynamic + group.launch->sharedSize))
        report(of, "something was written outside of the dynamic shared memory of %u bytes", group.launch->sharedSize);
    if (group.launch->startsEarly && !of.hasWaited)
        report(of, "the launch starts early, but no thread of the block called wait_for_earlier_kernels()");
}

static void* allocate(u64 size) {
    void* const memory = calloc(size, 1);
    if (!memory) abort();
    return memory;
}

static void makeBlocks() {
    const u32 size = group.launch->sharedSize;
    group.blocks = static_cast<Block*>(allocate(group.count * sizeof(Block)));
    for (u32 i = 0; i < group.count; ++i) {
        Block& of = group.blocks[i];
        of.number = i;
        of.rank = i % group.launch->clusterSize;
        of.fixed = group.count > 1 ? static_cast<unsigned char*>(allocate(fixedSize() + 1)) : nullptr;
        const u64 whole = (2 * guardSize + u64(size) + sharedAlignment - 1) / sharedAlignment * sharedAlignment;
        unsigned char* const memory = static_cast<unsigned char*>(aligned_alloc(sharedAlignment, whole));
        if (!memory) abort();
        for (u32 j = 0; j < guardSize; ++j) memory[j] = memory[guardSize + size + j] = guard[j % 2];
        of.dynamic = memory + guardSize;
    }
}

static void removeBlocks() {
    for (u32 i = 0; i < group.count; ++i) {
        free(group.blocks[i].fixed);
        free(group.blocks[i].dynamic - guardSize);
        free(group.blocks[i].arriving);
        free(group.blocks[i].copies);
    }
    free(group.blocks);
    free(group.prompt.items);
    free(group.late.items);
    block = nullptr;
}

// Runs the blocks of each cluster at the same time, one cluster after the other, or all blocks of a cooperative launch.
static void runGrid() {
    const u32* grid = group.launch->grid;
    const u64 blocks = u64(grid[0]) * grid[1] * grid[2];
    group.count = group.launch->isCooperative ? u32(blocks) : group.launch->clusterSize;
    group.isEarly = group.launch->runEarlier;
    const u64 count = blocks / group.count;
    u64* order = static_cast<u64*>(allocate(count * sizeof(u64)));
    for (u64 i = 0; i < count; ++i) order[i] = i;
    makeBlocks();
    for (u64 i = 0; i < count && !group.hasFailed; ++i) {
        if (group.launch->seed) {
            const u64 other = i + draw(u32(count - i)), index = order[i];
            order[i] = order[other];
            order[other] = index;
        }
        for (u32 j = 0; j < group.count; ++j) prepareBlock(group.blocks[j], order[i] * group.count + j);
        group.isEager = group.launch->seed && draw(2);
        group.pace = 2;
        group.polling = 0;
        group.held = nullptr;
        block = nullptr;
        enter(group.blocks[0]);
        // In order, kernels run one after the other.
        if (group.isEarly && !group.launch->seed) runEarlier();
        runGroup();
        for (u32 j = 0; j < group.count; ++j) checkBlock(group.blocks[j]);
    }
    removeBlocks();
    free(order);
}

}  // namespace emulator
