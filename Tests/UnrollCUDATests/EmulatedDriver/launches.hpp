// Launches: how the driver gets them, what it refuses, and where their threads have their stacks.

#include <cstddef>

// CUlaunchAttribute, CUlaunchConfig and the numbers of attributes.
struct LaunchAttribute {
    u32 number;
    char padding[4];
    u32 value[16];
};
struct LaunchConfig {
    u32 grid[3], block[3], sharedSize;
    struct Stream* stream;
    const LaunchAttribute* attributes;
    u32 attributeCount;
};
static_assert(sizeof(LaunchAttribute) == 72 && offsetof(LaunchAttribute, value) == 8);
static_assert(sizeof(LaunchConfig) == 56 && offsetof(LaunchConfig, stream) == 32);
static_assert(offsetof(LaunchConfig, attributes) == 40 && offsetof(LaunchConfig, attributeCount) == 48);
enum { cooperative = 2, clusterDimension = 4, startsEarly = 6 };

// What the GPU has: clusters do not go beyond groups of multiprocessors, which have 16 and a few more.
constexpr u32 multiprocessors = 132, largestShared = 227 << 10, largestPortableCluster = 8;
constexpr u32 activeClusters(u32 size) { return multiprocessors / 16 * 16 / size; }

// A kernel with what it is launched with; arguments are words.
struct Launch {
    const Kernel* kernel;
    u32 grid[3], threads, clusterSize = 1, sharedSize;
    bool isCooperative = false, startsEarly = false;
    std::vector<u64> words = {};

    // The blocks that run at the same time.
    u64 residents() const { return isCooperative ? u64(grid[0]) * grid[1] * grid[2] : clusterSize; }

    // 0 if it has run, else `message` says why not. Without stacks, nothing runs, but the sizes are checked.
    int run(u64 seed, char* stacks, char (&message)[512]) const {
        const EmulatedLaunch launch = {
            {grid[0], grid[1], grid[2]}, threads, clusterSize, sharedSize, isCooperative, startsEarly, seed,
            words.size(), words.data(), kernel->kinds.c_str(), stacks, message, nullptr, nullptr,
        };
        return kernel->entry(&launch);
    }

    // In words, for tests.
    std::string description() const {
        char text[192];
        snprintf(text, sizeof text, "%s grid %u %u %u block %u shared %u cluster %u%s%s", kernel->name.c_str(), grid[0],
                 grid[1], grid[2], threads, sharedSize, clusterSize, isCooperative ? " cooperative" : "",
                 startsEarly ? " early" : "");
        return text;
    }
};

// Stacks for the threads that run at the same time, of `stackSize` bytes in the emulator's blocks.hpp.
class Stacks {
  public:
    Stacks() = default;
    Stacks(const Stacks&) = delete;
    ~Stacks() { unmap(); }

    // Null if there is no memory. Only pages that are written take some.
    char* forThreads(u64 threads) {
        if (threads <= count) return start;
        unmap();
        const u64 size = std::max<u64>(threads, largestBlock) * stackSize;
        void* const stacks =
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (stacks == MAP_FAILED) return nullptr;
        start = static_cast<char*>(stacks);
        count = size / stackSize;
        // Of one block's stacks, the lowest page cannot be used, so that a stack which is too small ends the process
        // instead of changing another one. Of many, these pages would be more mappings than a process may have.
        const u64 page = u64(sysconf(_SC_PAGESIZE));
        for (u64 i = 0; i < count && count == largestBlock && page < stackSize; ++i)
            mprotect(start + i * stackSize, page, PROT_NONE);
        return start;
    }

  private:
    static constexpr u64 largestBlock = 1024, stackSize = 65536;
    char* start = nullptr;
    u64 count = 0;

    void unmap() {
        if (count) munmap(start, count * stackSize);
        count = 0;
    }
};
