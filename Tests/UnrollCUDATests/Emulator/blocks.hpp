// Blocks of CUDA threads as fibers: what a launch is, what is known of the blocks that run, and how a launch fails.

// There only if a kernel has shared memory of a fixed size.
extern "C" __attribute__((weak, visibility("hidden"))) unsigned char __start_unroll_shared[], __stop_unroll_shared[];

namespace emulator {

constexpr u32 largestBlock = 1024, largestCluster = 16;
constexpr u64 stackSize = 65536;

// A launch as the host asks for it, which has the same structure.
struct Launch {
    // Blocks in three dimensions, threads of each, and blocks of a cluster, which are neighbors along x.
    u32 grid[3], threads, clusterSize;
    // Bytes of dynamic shared memory of a block.
    u32 sharedSize;
    // Whether all blocks run at the same time, and whether the launch may start before the one before it has ended.
    u32 isCooperative, startsEarly;
    u64 seed;
    // The values are in the low bytes of words; `kinds` has a letter for each: p for a pointer, i for an int, f for a
    // float.
    u64 argumentCount;
    const u64* arguments;
    const char* kinds;
    // `stackSize` bytes for each thread of the blocks that run at the same time: of a cluster, or of the cooperative
    // grid.
    char* stacks;
    // Of `messageSize` bytes: becomes why the launch failed.
    char* message;
    // Of a launch that starts early: runs the kernels before it, 0 if well; null if they have run.
    int (*runEarlier)(void* context);
    void* context;
};
constexpr u64 messageSize = 512;

// The launch ran, was refused before it began, or failed while it ran.
enum Outcome { finished, refused, failed };

struct Index {
    u32 x, y, z;
};

enum Meeting { xorOfFloats, xorOfDoubles, tiles, barrierOfWarp, matrices, transposedMatrices };
static const char* const meetingNames[] = {
    "warp_xor of floats", "warp_xor of doubles", "multiply_add", "warp_barrier", "load_matrices", "load_transposed"};

// What the 32 threads of a warp wait for, one bit each, and what they pass to each other.
struct Warp {
    // Those that can go on; those that wait at __syncthreads, cluster_barrier, a primitive of the warp, barrier_wait
    // and wait_for_earlier_kernels; and those that load what other blocks may store, and go on in any case.
    u32 ready, atBarrier, atCluster, atMeeting, atTransactions, atEarlier, polling;
    Meeting meeting;
    int mask[32];
    u64 passed[32], received[32];
    u32 a[32][4], b[32][2];
    float d[32][4];
    // Rows of matrices, and what each thread gets of them.
    u16 rows[32][8];
    u32 words[32][4];
    // Of threads at barrier_wait, the number of the barrier.
    u32 awaited[32];
};

// A barrier that counts bytes, at a place of its block's shared memory.
struct Barrier {
    u32 address, arrivals, pending, phase;
    // Bytes that are missing of those that are expected.
    long long bytes;
    // What is on the way to it; whether it was published; and whether a barrier of the cluster came after that, so that
    // other blocks may send to it.
    u32 messages;
    bool isPublished, isKnown;
};
constexpr u32 mostBarriers = 64;

// 16 bytes of global memory, or zeros if that is null, on the way to a place in shared memory for a thread; its group
// among those of the thread; and whether it is there already.
struct Copy {
    u32 address, group;
    const void* from;
    bool isThere;
};
constexpr u32 copySize = 16, mostCopies = 64;
struct Copies {
    Copy items[mostCopies];
    // Of the copies, and of the groups that have ended.
    u32 count, groups;
};

struct Block {
    void* fibers[largestBlock];
    Warp warps[largestBlock / 32];
    // Its number among the blocks that run at the same time, and in its cluster, and its place in the grid.
    u32 number, rank;
    Index index;
    // Warps with threads that can go on, and with such that poll, one bit each.
    u32 readyWarps, pollingWarps;
    // The thread that runs, those that have not ended, and those that wait at the barrier.
    u32 current, live, atBarrier;
    // Of the first block of a cluster: the same of the cluster and its barrier.
    u32 liveOfCluster, atCluster;
    // The warp that ran last, and whether it goes on before all others as long as it can.
    u32 last;
    bool isEager;
    // Whether a thread has waited for earlier kernels.
    bool hasWaited;
    // Shared memory of fixed size while another block runs, and the dynamic one between its guards.
    unsigned char *fixed, *dynamic;
    // What is on the way to the block: which words of its shared memory, and how many messages.
    bool* arriving;
    u32 messages;
    // Those of each thread; null until there is one.
    Copies* copies;
    Barrier barriers[mostBarriers];
    u32 barrierCount;
};

// 4, 8 or 16 bytes on the way to a place in a block's shared memory, and the number of its barrier.
struct Message {
    Block* to;
    u32 address, size, barrier;
    unsigned char value[16];
};
struct Messages {
    Message* items;
    u32 count, capacity;
};

// The blocks that run at the same time.
struct Group {
    const Launch* launch;
    const char* name;
    // The kernel, and what calls it with its arguments.
    void (*kernel)();
    void (*run)();
    Block* blocks;
    u32 count;
    void* scheduler;
    u64 random;
    // Threads that poll, and whether a thread has done anything else since they last went on.
    u32 polling;
    bool hasProgress;
    // In how many turns something that was sent arrives.
    u32 pace;
    // What arrives when it is drawn, and what arrives when nothing else can go on.
    Messages prompt, late;
    // A block of which some warps do not go on, one bit each; null if there is none.
    Block* held;
    u32 heldWarps;
    // Whether the kernels before this one have not run yet.
    bool isEarly;
    // Whether the block that ran last goes on before all others as long as it can.
    bool isEager;
    bool hasFailed;
};
static Group group;
// The block that runs.
static Block* block;
// A launch that starts early runs another one, perhaps of the same library.
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

}  // namespace emulator

static emulator::Index threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

// Bytes of shared memory of fixed size, of all kernels of the library.
static inline u64 fixedSize() {
    return &__start_unroll_shared ? u64(__stop_unroll_shared - __start_unroll_shared) : 0;
}

static inline u32 lowestBit(u32 bits) { return u32(__builtin_ctz(bits)); }

// splitmix64
static u32 draw(u32 below) {
    u64 word = group.random += 0x9e3779b97f4a7c15ull;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
    return u32(((word >> 32) * below) >> 32);
}

// Whether something of so many turns happens in this one; never without a seed.
static inline bool happens(u32 turns) { return group.launch->seed && !draw(turns); }

// Blocks of a cluster stand together.
static inline Block& firstOfCluster(const Block& of) { return group.blocks[of.number - of.rank]; }

// Ends the launch with a message about a block; the first one stays.
static void report(const Block& where, const char* format, va_list values) {
    if (group.hasFailed) return;
    char what[384];
    vsnprintf(what, sizeof what, format, values);
    snprintf(group.launch->message, messageSize, "kernel '%s', block (%u, %u, %u): %s", group.name, where.index.x,
             where.index.y, where.index.z, what);
    group.hasFailed = true;
}

__attribute__((format(printf, 2, 3))) static void report(const Block& where, const char* format, ...) {
    va_list values;
    va_start(values, format);
    report(where, format, values);
    va_end(values);
}

// The end of a stack, which grows to lower addresses.
static inline char* stackEnd(const Block& of, u32 thread) {
    return group.launch->stacks + (u64(of.number) * blockDim.x + thread) * stackSize;
}

// Lets the scheduler choose who goes on.
static inline void wait() {
    // Not every stack has a page at its end that cannot be used. A page is left for what this file calls itself.
    if (static_cast<char*>(__builtin_frame_address(0)) < stackEnd(*block, block->current) + 8192)
        report(*block, "a thread needs more than %llu bytes of stack", stackSize - 8192);
    unroll_switch(&block->fibers[block->current], group.scheduler);
}

// Ends the launch from a fiber, which never goes on.
[[noreturn]] __attribute__((format(printf, 1, 2))) static void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    report(*block, format, values);
    va_end(values);
    wait();
    __builtin_unreachable();
}

// Lets other threads go on, too.
static void yield() {
    block->warps[block->current / 32].ready |= 1u << block->current % 32;
    block->readyWarps |= 1u << block->current / 32;
    wait();
}

}  // namespace emulator
