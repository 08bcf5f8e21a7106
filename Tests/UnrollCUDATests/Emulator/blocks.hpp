// A block of CUDA threads as fibers: in which order they run, and where they wait for each other.

// There only if a kernel has shared memory.
extern "C" __attribute__((weak, visibility("hidden"))) unsigned char __start_unroll_shared[], __stop_unroll_shared[];

namespace emulator {

constexpr u32 largestBlock = 1024;
constexpr u64 stackSize = 65536;

// A launch as the host asks for it: blocks in three dimensions, threads of each, and the arguments, whose values are in
// the low bytes of words. `kinds` has a letter for each of them: p for a pointer, i for an int, f for a float.
// `stacks` are `largestBlock` of `stackSize` bytes. `message`, of `messageSize` bytes, becomes why the launch failed.
struct Launch {
    const u32* grid;
    u32 threads;
    u64 seed;
    u64 argumentCount;
    const u64* arguments;
    const char* kinds;
    char* stacks;
    char* message;
    const char* name;
};
constexpr u64 messageSize = 256;

// The launch ran, was refused before it began, or failed while it ran.
enum Outcome { finished, refused, failed };

struct Index {
    u32 x, y, z;
};

enum Meeting { xorOfFloats, xorOfDoubles, tiles };
static const char* const meetingNames[] = {"warp_xor of floats", "warp_xor of doubles", "multiply_add"};

// What the 32 threads of a warp wait for, one bit each, and what they pass to each other.
struct Warp {
    u32 ready, atBarrier, atMeeting;
    Meeting meeting;
    int mask[32];
    u64 passed[32], received[32];
    u32 a[32][4], b[32][2];
    float d[32][4];
};

struct Block {
    void* scheduler;
    void* fibers[largestBlock];
    Warp warps[largestBlock / 32];
    // Warps with threads that can go on, one bit each.
    u32 readyWarps;
    // The thread that runs, those that have not ended, and those that wait at the barrier.
    u32 current, live, atBarrier;
    // The warp that ran last, and whether it goes on before all others as long as it can.
    u32 last;
    bool isEager;
    u64 random;
    void (*run)(const Launch&);
    const Launch* launch;
    bool hasFailed;
};
static Block block;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

}  // namespace emulator

static emulator::Index threadIdx, blockIdx, blockDim, gridDim;

namespace emulator {

// MARK: Order

static inline u32 lowestBit(u32 bits) { return u32(__builtin_ctz(bits)); }

// splitmix64
static u32 draw(u32 below) {
    u64 word = block.random += 0x9e3779b97f4a7c15ull;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
    return u32(((word >> 32) * below) >> 32);
}

static u32 nextWarp() {
    if (!block.launch->seed) return lowestBit(block.readyWarps);
    if (block.isEager && (block.readyWarps >> block.last & 1)) return block.last;
    const u32 turn = draw(32), bits = block.readyWarps;
    const u32 turned = turn ? bits >> turn | bits << (32 - turn) : bits;
    return block.last = (lowestBit(turned) + turn) % 32;
}

static void resume(u32 thread) {
    block.current = thread;
    threadIdx.x = thread;
    unroll_switch(&block.scheduler, block.fibers[thread]);
}

// Runs each thread of a warp that can go on until it waits or ends.
static void runReadyLanes(u32 warp) {
    u32 bits = block.warps[warp].ready, count = 0;
    block.warps[warp].ready = 0;
    block.readyWarps &= ~(1u << warp);
    u32 lanes[32];
    for (; bits; bits &= bits - 1) lanes[count++] = lowestBit(bits);
    for (u32 i = 0; i < count && !block.hasFailed; ++i) {
        if (block.launch->seed) {
            const u32 other = i + draw(count - i), lane = lanes[i];
            lanes[i] = lanes[other];
            lanes[other] = lane;
        }
        resume(warp * 32 + lanes[i]);
    }
}

static inline void wait() { unroll_switch(&block.fibers[block.current], block.scheduler); }

// Ends the launch with a message.
template <class... Values> static void report(const char* format, Values... values) {
    char what[192];
    snprintf(what, sizeof what, format, values...);
    snprintf(block.launch->message, messageSize, "kernel '%s', block (%u, %u, %u): %s", block.launch->name,
             blockIdx.x, blockIdx.y, blockIdx.z, what);
    block.hasFailed = true;
}

// The same from a fiber, which never goes on.
template <class... Values> static void fail(const char* format, Values... values) {
    report(format, values...);
    wait();
}

// MARK: Waiting

static void openBarrier() {
    for (u32 i = 0; i < (blockDim.x + 31) / 32; ++i) {
        Warp& warp = block.warps[i];
        if (!warp.atBarrier) continue;
        warp.ready |= warp.atBarrier;
        warp.atBarrier = 0;
        block.readyWarps |= 1u << i;
    }
    block.atBarrier = 0;
    if (block.launch->seed) block.isEager = draw(2);
}

// Threads that have ended count as arrived, as on the GPU.
__attribute__((noinline)) static void waitAtBarrier() {
    block.warps[block.current / 32].atBarrier |= 1u << block.current % 32;
    if (++block.atBarrier == block.live) openBarrier();
    wait();
}

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

// Waits until all threads of the warp have called the same primitive; the last one does the work for all.
__attribute__((noinline)) static void meet(Meeting meeting) {
    Warp& warp = block.warps[block.current / 32];
    if (warp.atMeeting && warp.meeting != meeting)
        fail("threads of warp %u wait at %s while others call %s", block.current / 32, meetingNames[warp.meeting],
             meetingNames[meeting]);
    warp.meeting = meeting;
    warp.atMeeting |= 1u << block.current % 32;
    if (warp.atMeeting == ~0u) {
        if (meeting == tiles)
            multiplyTiles(warp);
        else
            for (int lane = 0; lane < 32; ++lane) warp.received[lane] = warp.passed[lane ^ warp.mask[lane]];
        warp.atMeeting = 0;
        warp.ready = ~0u;
        block.readyWarps |= 1u << block.current / 32;
    }
    wait();
}

template <class Value> static Value exchange(Value value, int mask, Meeting meeting) {
    Warp& warp = block.warps[block.current / 32];
    const u32 lane = block.current % 32;
    if (mask < 0 || mask > 31) fail("warp_xor has no lane for the mask %d", mask);
    memcpy(&warp.passed[lane], &value, sizeof value);
    warp.mask[lane] = mask;
    meet(meeting);
    memcpy(&value, &warp.received[lane], sizeof value);
    return value;
}

// MARK: Blocks

static void runFiber() {
    block.run(*block.launch);
    if (--block.live && block.atBarrier == block.live) openBarrier();
    void* ended;
    unroll_switch(&ended, block.scheduler);
}

// A stack that looks as if the fiber had called unroll_switch at its first instruction.
static void prepareFiber(u32 thread) {
#if defined(__x86_64__)
    constexpr int words = 8, entry = 6;
#else
    constexpr int words = 20, entry = 1;
#endif
    // Tops at different places in a page, since a cache has only a few lines for addresses that agree there.
    char* const end = block.launch->stacks + (thread + 1) * stackSize - thread % 64 * 64;
    void** top = reinterpret_cast<void**>(end) - words;
    memset(top, 0, words * sizeof *top);
    top[entry] = reinterpret_cast<void*>(runFiber);
    block.fibers[thread] = top;
}

static void reportDeadlock() {
    u32 meeting = 0;
    const char* name = "a primitive of a warp";
    for (u32 i = 0; i < blockDim.x / 32; ++i) {
        const Warp& warp = block.warps[i];
        meeting += u32(__builtin_popcount(warp.atMeeting));
        if (warp.atMeeting) name = meetingNames[warp.meeting];
    }
    report("deadlock; of %u threads %u wait at __syncthreads, %u at %s, %u have ended", blockDim.x, block.atBarrier,
           meeting, name, blockDim.x - block.live);
}

static void runBlock() {
    // Shared memory that a kernel has not written is not a number.
    if (&__start_unroll_shared)
        memset(__start_unroll_shared, 0xff, u64(__stop_unroll_shared - __start_unroll_shared));
    block.live = blockDim.x;
    block.atBarrier = block.readyWarps = block.last = 0;
    for (u32 thread = 0; thread < blockDim.x; ++thread) prepareFiber(thread);
    for (u32 i = 0; i < blockDim.x / 32; ++i) {
        block.warps[i].ready = ~0u;
        block.warps[i].atBarrier = block.warps[i].atMeeting = 0;
        block.readyWarps |= 1u << i;
    }
    block.isEager = block.launch->seed && draw(2);
    while (block.readyWarps && !block.hasFailed) runReadyLanes(nextWarp());
    if (block.live && !block.hasFailed) reportDeadlock();
}

static void runBlocks() {
    const u32* grid = block.launch->grid;
    const u64 count = u64(grid[0]) * grid[1] * grid[2];
    u64* order = static_cast<u64*>(malloc(count * sizeof(u64)));
    if (!order) abort();
    for (u64 i = 0; i < count; ++i) order[i] = i;
    for (u64 i = 0; i < count && !block.hasFailed; ++i) {
        if (block.launch->seed) {
            const u64 other = i + draw(u32(count - i)), index = order[i];
            order[i] = order[other];
            order[other] = index;
        }
        blockIdx = {u32(order[i] % grid[0]), u32(order[i] / grid[0] % grid[1]), u32(order[i] / grid[0] / grid[1])};
        runBlock();
    }
    free(order);
}

}  // namespace emulator
