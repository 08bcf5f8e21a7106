// A launch of a kernel: its arguments and its grid, and the functions of the library that run it and that say which
// kinds of arguments it has.

#define KERNEL(threads, name, parameters)                                                                     \
    static void name parameters;                                                                              \
    extern "C" __attribute__((visibility("default"))) const char* kinds_##name() {                            \
        return emulator::kinds(name);                                                                         \
    }                                                                                                         \
    extern "C" __attribute__((visibility("default"))) int emulated_##name(                                    \
        const u32* grid, u32 blockSize, u64 seed, u64 count, const u64* arguments, const char* kinds,         \
        char* stacks, char* message) {                                                                        \
        return emulator::start({grid, blockSize, seed, count, arguments, kinds, stacks, message, #name},      \
                               threads, name);                                                                \
    }                                                                                                         \
    static void name parameters
#define DEVICE static inline
#define METHOD inline
// In a section, so that all of it can be filled before a block runs. `used` keeps the optimizer from changing it.
#define SHARED static __attribute__((section("unroll_shared"), used))

namespace emulator {

template <class Value> constexpr char kind = '?';
template <class Value> constexpr char kind<Value*> = 'p';
template <> constexpr char kind<int> = 'i';
template <> constexpr char kind<u32> = 'i';
template <> constexpr char kind<float> = 'f';

template <class Value> static Value readNext(const u64*& word) {
    Value value;
    memcpy(&value, word++, sizeof value);
    return value;
}

// A list in braces is evaluated from left to right.
struct Call {
    template <class... Parameters> Call(void (*kernel)(Parameters...), Parameters... parameters) {
        kernel(parameters...);
    }
};

template <class... Parameters> struct Signature {
    static inline void (*kernel)(Parameters...);
    static constexpr char kinds[] = {kind<Parameters>..., 0};
    static void run(const Launch& launch) {
        [[maybe_unused]] const u64* word = launch.arguments;
        Call{kernel, readNext<Parameters>(word)...};
    }
};

template <class... Parameters> static const char* kinds(void (*)(Parameters...)) {
    return Signature<Parameters...>::kinds;
}

template <class... Values> static int refuse(const Launch& launch, const char* format, Values... values) {
    char why[192];
    snprintf(why, sizeof why, format, values...);
    snprintf(launch.message, messageSize, "kernel '%s': %s", launch.name, why);
    return refused;
}

template <class... Parameters>
static int start(const Launch& launch, u32 threads, void (*kernel)(Parameters...)) {
    static_assert(((kind<Parameters> != '?') && ...), "a parameter is a pointer, an int or a float");
    constexpr u64 count = sizeof...(Parameters);
    if (launch.argumentCount != count)
        return refuse(launch, "%llu arguments for %llu parameters", launch.argumentCount, count);
    for (u64 i = 0; i < count; ++i) {
        const char kind = Signature<Parameters...>::kinds[i];
        if (launch.kinds[i] != kind)
            return refuse(launch, "argument %llu is '%c' but its parameter '%c'", i, launch.kinds[i], kind);
    }
    if (!launch.threads || launch.threads % 32 || launch.threads > threads || launch.threads > largestBlock)
        return refuse(launch, "%u threads, but it is for up to %u in warps of 32", launch.threads, threads);
    const u32* grid = launch.grid;
    if (!grid[0] || !grid[1] || !grid[2] || grid[0] > 0x7fffffffu || grid[1] > 65535 || grid[2] > 65535)
        return refuse(launch, "the grid (%u, %u, %u) is out of range", grid[0], grid[1], grid[2]);
    // A driver checks a launch when it is enqueued.
    if (!launch.stacks) return finished;
    pthread_mutex_lock(&lock);
    Signature<Parameters...>::kernel = kernel;
    block.run = Signature<Parameters...>::run;
    block.launch = &launch;
    block.random = launch.seed;
    block.hasFailed = false;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {launch.threads, 1, 1};
    threadIdx = {0, 0, 0};
    runBlocks();
    const int outcome = block.hasFailed ? failed : finished;
    pthread_mutex_unlock(&lock);
    return outcome;
}

}  // namespace emulator
