// What the emulated driver and NVRTC have in common. The text that includes this has definitions before it:
// of `emulatorText`, the headers that stand in front of kernels in the place of prelude.cuh, and of `compilerPath`, the
// C++ compiler of kernels. Tools/cuda/emulate writes it, and so do the tests.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

using u32 = unsigned int;
using u64 = unsigned long long;

// What kernels are compiled with. The checks are those that primitives.hpp reports; those of g++ need a library.
static const std::vector<const char*> compilerOptions = {
    "-std=c++20", "-O2", "-fPIC", "-shared", "-ffp-contract=off", "-fno-strict-aliasing", "-fno-exceptions",
    "-fno-rtti", "-fvisibility=hidden", "-Wno-unknown-pragmas",
#ifdef __clang__
    "-fsanitize=alignment,null,bounds,shift-exponent,integer-divide-by-zero,signed-integer-overflow",
#endif
};

// A number of everything that a library of kernels depends on beside the kernels: the driver refuses libraries with
// another one, which come from a cache, as an NVIDIA driver refuses cubins of another format.
static inline u64 emulatorVersion() {
    u64 hash = 0xcbf29ce484222325ull;
    const auto add = [&](const char* text) {
        do hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3ull;
        while (*text++);
    };
    add(emulatorText);
    add(compilerPath);
    for (const char* option : compilerOptions) add(option);
    return hash;
}

// A name of a new file or folder, for mkstemp or mkdtemp.
static inline std::string temporaryName() {
    const char* folder = getenv("TMPDIR");
    return std::string(folder && *folder ? folder : "/tmp") + "/unroll-emulated-XXXXXX";
}
