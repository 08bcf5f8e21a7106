// Modules: libraries of kernels that the emulated NVRTC has made.

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>

// `Launch` of the emulator's blocks.hpp, and `emulated_NAME` of its launches.hpp.
struct EmulatedLaunch {
    u32 grid[3], threads, clusterSize, sharedSize, isCooperative, startsEarly;
    u64 seed, argumentCount;
    const u64* arguments;
    const char* kinds;
    char *stacks, *message;
    int (*runEarlier)(void* context);
    void* context;
};
using Entry = int(const EmulatedLaunch* launch);

struct Module;

struct Kernel {
    Module* module;
    std::string name, kinds;
    Entry* entry;
    // What the host has allowed: bytes of dynamic shared memory, and clusters of more than 8 blocks.
    int largestShared = 48 << 10, allowsLargeClusters = 0;
};

// It stays in memory when it is unloaded, so that a launch of its kernels is found.
struct Module {
    void* handle;
    bool isLoaded;
    std::map<std::string, Kernel> kernels;
};

// The size of a library in memory; 0 if it is none for this processor, such as a cubin.
static u64 sizeOfImage(const char* image) {
#if defined(__x86_64__)
    constexpr u32 machine = EM_X86_64;
#else
    constexpr u32 machine = EM_AARCH64;
#endif
    Elf64_Ehdr header;
    if (memcmp(image, ELFMAG, SELFMAG) != 0) return 0;
    memcpy(&header, image, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != machine) return 0;
    u64 size = header.e_shoff + u64(header.e_shnum) * header.e_shentsize;
    for (u32 i = 0; i < header.e_shnum; ++i) {
        Elf64_Shdr section;
        memcpy(&section, image + header.e_shoff + i * sizeof section, sizeof section);
        if (section.sh_type != SHT_NOBITS) size = std::max<u64>(size, section.sh_offset + section.sh_size);
    }
    return size;
}

// Loads a library from memory; null if it is none, or was made by another emulator.
static Module* loadModule(const char* image) {
    const u64 size = sizeOfImage(image);
    std::string path = temporaryName();
    const int file = size ? mkstemp(path.data()) : -1;
    if (file < 0) return nullptr;
    const bool isWritten = ::write(file, image, size) == ssize_t(size);
    close(file);
    void* const handle = isWritten ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
    unlink(path.c_str());
    if (!handle) return nullptr;
    const auto version = reinterpret_cast<u64 (*)()>(dlsym(handle, "emulated_version"));
    if (version && version() == emulatorVersion()) return new Module{handle, true, {}};
    dlclose(handle);
    return nullptr;
}

// The kernel of a name; null if there is none.
static Kernel* findKernel(Module& module, const std::string& name) {
    const auto entry = reinterpret_cast<Entry*>(dlsym(module.handle, ("emulated_" + name).c_str()));
    const auto kinds = reinterpret_cast<const char* (*)()>(dlsym(module.handle, ("kinds_" + name).c_str()));
    if (!entry || !kinds) return nullptr;
    return &module.kernels.try_emplace(name, Kernel{&module, name, kinds(), entry}).first->second;
}
