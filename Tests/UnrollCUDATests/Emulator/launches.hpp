// A launch of a kernel: its arguments and its grid, and the functions of the library that run it and that say which
// kinds of arguments it has.

#define KERNEL(threads, name, parameters)                                                                     \
    static void name parameters;                                                                              \
    extern "C" __attribute__((visibility("default"))) const char* kinds_##name() {                            \
        return emulator::kinds(name);                                                                         \
    }                                                                                                         \
    extern "C" __attribute__((visibility("default"))) int emulated_##name(const emulator::Launch* launch) {   \
        return emulator::start(*launch, #name, threads, name);                                                \
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
    static constexpr char kinds[] = {kind<Parameters>..., 0};
    static void run() {
        [[maybe_unused]] const u64* word = group.launch->arguments;
        Call{reinterpret_cast<void (*)(Parameters...)>(group.kernel), readNext<Parameters>(word)...};
    }
};

template <class... Parameters> static const char* kinds(void (*)(Parameters...)) {
    return Signature<Parameters...>::kinds;
}

template <class... Values>
static int refuse(const Launch& launch, const char* name, const char* format, Values... values) {
    char why[192];
    snprintf(why, sizeof why, format, values...);
    snprintf(launch.message, messageSize, "kernel '%s': %s", name, why);
    return refused;
}

template <class... Parameters>
static int start(const Launch& launch, const char* name, u32 threads, void (*kernel)(Parameters...)) {
    static_assert(((kind<Parameters> != '?') && ...), "a parameter is a pointer, an int or a float");
    constexpr u64 count = sizeof...(Parameters);
    if (launch.argumentCount != count)
        return refuse(launch, name, "%llu arguments for %llu parameters", launch.argumentCount, count);
    for (u64 i = 0; i < count; ++i) {
        const char kind = Signature<Parameters...>::kinds[i];
        if (launch.kinds[i] != kind)
            return refuse(launch, name, "argument %llu is '%c' but its parameter '%c'", i, launch.kinds[i], kind);
    }
    if (!launch.threads || launch.threads % 32 || launch.threads > threads || launch.threads > largestBlock)
        return refuse(launch, name, "%u threads, but it is for up to %u in warps of 32", launch.threads, threads);
    const u32* grid = launch.grid;
    if (!grid[0] || !grid[1] || !grid[2] || grid[0] > 0x7fffffffu || grid[1] > 65535 || grid[2] > 65535)
        return refuse(launch, name, "the grid (%u, %u, %u) is out of range", grid[0], grid[1], grid[2]);
    const u32 size = launch.clusterSize;
    if (!size || size > largestCluster || size & (size - 1) || grid[0] % size)
        return refuse(launch, name, "clusters of %u blocks; the grid has %u along x", size, grid[0]);
    if (launch.sharedSize > largestShared)
        return refuse(launch, name, "%u bytes of shared memory; a block has %u", launch.sharedSize, largestShared);
    // A driver checks a launch when it is enqueued.
    if (!launch.stacks) return finished;
    pthread_mutex_lock(&lock);
    group = {};
    group.launch = &launch;
    group.name = name;
    group.kernel = reinterpret_cast<void (*)()>(kernel);
    group.run = Signature<Parameters...>::run;
    group.random = launch.seed;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {launch.threads, 1, 1};
    threadIdx = {0, 0, 0};
    runGrid();
    const int outcome = group.hasFailed ? failed : finished;
    pthread_mutex_unlock(&lock);
    return outcome;
}

}  // namespace emulator
