// The twins of what prelude.cuh and CUDA offer to kernels.

// MARK: Built-in names of CUDA

static inline void __syncthreads() { emulator::waitAtBarrier(); }

static inline u32 __float_as_uint(float value) { return __builtin_bit_cast(u32, value); }
static inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
static inline float __uint_as_float(u32 bits) { return __builtin_bit_cast(float, bits); }
static inline float __int_as_float(int bits) { return __builtin_bit_cast(float, bits); }

static inline int min(int a, int b) { return b < a ? b : a; }
static inline int max(int a, int b) { return a < b ? b : a; }
static inline u32 min(u32 a, u32 b) { return b < a ? b : a; }
static inline u32 max(u32 a, u32 b) { return a < b ? b : a; }
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }

// MARK: prelude.cuh

struct alignas(16) Float4 {
    float x, y, z, w;
};

static inline u32 multiply_high(u32 a, u32 b) { return u32(u64(a) * b >> 32); }

static inline float warp_xor(float value, int mask) { return emulator::exchange(value, mask, emulator::xorOfFloats); }
static inline double warp_xor(double value, int mask) {
    return emulator::exchange(value, mask, emulator::xorOfDoubles);
}

// As cvt.rn: to nearest, of two to the even one; every NaN becomes 0x7fff.
static inline u32 bfloat16(float value) {
    const u32 bits = __float_as_uint(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
static inline u32 bfloat16_pair(float low, float high) { return bfloat16(high) << 16 | bfloat16(low); }

static inline void multiply_add(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    emulator::Warp& warp = emulator::block->warps[threadIdx.x / 32];
    const u32 lane = threadIdx.x % 32;
    memcpy(warp.a[lane], a, sizeof a);
    memcpy(warp.b[lane], b, sizeof b);
    memcpy(warp.d[lane], d, sizeof d);
    emulator::meet(emulator::tiles);
    memcpy(d, warp.d[lane], sizeof d);
}

// MARK: exchange.cuh

struct alignas(16) Word4 {
    u32 x, y, z, w;
};

#define DYNAMIC_SHARED(name) unsigned char* const name = emulator::block->dynamic

static inline u32 shared_address(const void* pointer) { return emulator::addressOf(pointer); }

static inline Word4 load_shared(u32 address) {
    if (emulator::happens(64)) emulator::yield();
    const emulator::Block& block = emulator::locate(address, 16, "load_shared", true);
    emulator::refuseArriving(block, address, 16, "load_shared");
    Word4 value;
    memcpy(&value, emulator::place(block, address), sizeof value);
    return value;
}

static inline void copy_to_shared(u32 address, const void* from, bool exists) {
    emulator::beginCopy(address, exists ? from : nullptr);
}
static inline void end_copies() { emulator::endCopyGroup(); }
template <int COUNT> static inline void wait_for_copies() { emulator::waitForCopyGroups(COUNT); }

static inline void load_matrices(u32 (&words)[4], u32 address) {
    emulator::loadMatrices(words, address, emulator::matrices);
}
static inline void load_transposed(u32 (&words)[4], u32 address) {
    emulator::loadMatrices(words, address, emulator::transposedMatrices);
}

static inline void warp_barrier() { emulator::meet(emulator::barrierOfWarp); }

// Deadlocks are found in another way.
struct Watchdog {
    void turn() {}
};

static inline Word4 load_relaxed(const Word4* address) {
    emulator::lookLater();
    return *address;
}

// What a thread stores may be seen long before what its neighbors store.
static inline void store_relaxed(u32* address, u32 value) {
    if (emulator::happens(16)) emulator::yield();
    emulator::group.hasProgress = true;
    *address = value;
}
static inline void store_relaxed(u64* address, u64 value) {
    if (emulator::happens(16)) emulator::yield();
    emulator::group.hasProgress = true;
    *address = value;
}

// One word after the other, and some much later, as other threads may see it.
static inline void store_relaxed(Word4* address, Word4 value) {
    u32* const words = &address->x;
    const u32 values[] = {value.x, value.y, value.z, value.w};
    const u32 first = emulator::group.launch->seed ? emulator::draw(4) : 0;
    for (u32 i = first; i < first + 4; ++i) {
        store_relaxed(words + i % 4, values[i % 4]);
        if (emulator::happens(8)) emulator::lookLater();
    }
}

static inline void wait_for_earlier_kernels() { emulator::waitForEarlier(); }
static inline void start_next_kernel() {}
static inline void take_turn() { wait_for_earlier_kernels(); }

static inline u32 cluster_rank() { return emulator::block->rank; }
static inline u32 peer_address(u32 address, u32 rank) { return emulator::peerAddress(address, rank); }
static inline void cluster_barrier() { emulator::waitAtCluster(); }

static inline void barrier_init(u32 barrier, u32 arrivals) { emulator::initialize(barrier, arrivals); }
static inline void barrier_publish() { emulator::publish(); }
static inline void barrier_expect(u32 barrier, u32 bytes) { emulator::expect(barrier, bytes); }
static inline void barrier_wait(u32 barrier, u32 parity) { emulator::waitAtTransactions(barrier, parity); }

static inline void send(u32 address, u32 value, u32 barrier) { emulator::sendMessage(address, &value, 4, barrier); }
static inline void send(u32 address, u64 value, u32 barrier) { emulator::sendMessage(address, &value, 8, barrier); }
static inline void send(u32 address, Word4 value, u32 barrier) { emulator::sendMessage(address, &value, 16, barrier); }
static inline void send(u32 address, Float4 value, u32 barrier) { emulator::sendMessage(address, &value, 16, barrier); }

// MARK: Checks

// clang++ calls these where a kernel does what neither C++ nor a GPU allows; all begin with the place in the source.
namespace emulator {

struct Place {
    const char* file;
    u32 line, column;
};

}  // namespace emulator

#define CHECK(name, what)                                                                                     \
    extern "C" __attribute__((visibility("hidden"))) void __ubsan_handle_##name(const emulator::Place* at) {  \
        emulator::fail("line %u:%u of %s: %s", at->line, at->column, at->file, what);                         \
    }
CHECK(add_overflow, "a sum overflows")
CHECK(sub_overflow, "a difference overflows")
CHECK(mul_overflow, "a product overflows")
CHECK(negate_overflow, "a negation overflows")
CHECK(divrem_overflow, "a division by zero")
CHECK(shift_out_of_bounds, "a shift by too many bits")
#undef CHECK

extern "C" __attribute__((visibility("hidden"))) void __ubsan_handle_out_of_bounds(const emulator::Place* at,
                                                                                   u64 index) {
    emulator::fail("line %u:%u of %s: the index %lld is out of range", at->line, at->column, at->file, index);
}

extern "C" __attribute__((visibility("hidden"))) void __ubsan_handle_type_mismatch_v1(const emulator::Place* at,
                                                                                      u64 address) {
    emulator::fail("line %u:%u of %s: a pointer is %s", at->line, at->column, at->file,
                   address ? "not aligned for its type" : "null");
}
