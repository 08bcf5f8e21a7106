// The CUDA driver of a GPU that is this machine's processor. Two variables of the environment are read when the first
// context is made: UNROLL_EMULATED_MEMORY, the bytes of its memory, and UNROLL_EMULATED_SEED, from which the order of
// blocks, threads and streams is drawn; it is a fixed one if the seed is 0.

#include "common.hpp"

#include <algorithm>
#include <mutex>
#include <pthread.h>

#include "results.hpp"
#include "memory.hpp"
#include "modules.hpp"
#include "launches.hpp"
#include "streams.hpp"

namespace {

// One thread at a time calls the driver, also to wait for work: it is done by the thread that waits.
std::mutex mutex;
Settings settings;
// The primary context, and how often it is held.
std::unique_ptr<Context> primary;
u64 holders = 0;
thread_local Context* current = nullptr;
// Launches in words, a line each.
std::string launches;
// The captures that this thread has begun and not ended.
thread_local int captures = 0;

u64 number(const char* variable, u64 otherwise) {
    const char* text = getenv(variable);
    return text && *text ? strtoull(text, nullptr, 10) : otherwise;
}

// Calls a function in the current context unless an earlier error stands against it.
template <class Body> Result inContext(Body body) {
    const std::lock_guard lock(mutex);
    if (!current || current != primary.get()) return invalidContext;
    return current->failure ? current->failure : body(*current);
}

// The same for what a thread may not call while it captures; that ends the capture.
template <class Body> Result outsideOfCaptures(Body body) {
    return inContext([&](Context& context) {
        if (!captures) return body(context);
        for (Stream* stream : context.streams)
            if (stream->capture && pthread_equal(stream->capturer, pthread_self())) stream->isCaptureValid = false;
        return captureUnsupported;
    });
}

}  // namespace

// MARK: The device

API int cuDriverGetVersion(int* version) {
    *version = 13000;
    return success;
}

API int cuInit(u32) {
    const std::lock_guard lock(mutex);
    if (!primary)
        settings = {number("UNROLL_EMULATED_MEMORY", settings.memory), number("UNROLL_EMULATED_SEED", settings.seed)};
    return success;
}

API int cuGetErrorName(int result, const char** text) { return errorText(result, text, true); }
API int cuGetErrorString(int result, const char** text) { return errorText(result, text, false); }

API int cuDeviceGetCount(int* count) {
    *count = 1;
    return success;
}

API int cuDeviceGet(int* device, int ordinal) {
    *device = 0;
    return ordinal == 0 ? success : invalidDevice;
}

API int cuDeviceGetName(char* name, int size, int) {
    snprintf(name, size_t(size), "Emulated GPU");
    return success;
}

API int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
    case 16: *value = multiprocessors; return success;  // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
    case 75: *value = 9; return success;                // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
    case 76: *value = 0; return success;
    case 97: *value = largestShared; return success;  // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
    default: return invalidValue;
    }
}

API int cuDeviceTotalMem_v2(size_t* size, int) {
    const std::lock_guard lock(mutex);
    *size = settings.memory;
    return success;
}

API int cuDeviceGetUuid_v2(char* uuid, int) {
    // Each copy of this library is a GPU of its own.
    const u64 words[] = {reinterpret_cast<u64>(&settings), u64(getpid())};
    memcpy(uuid, words, sizeof words);
    return success;
}

// MARK: The context

API int cuDevicePrimaryCtxRetain(Context** context, int) {
    const std::lock_guard lock(mutex);
    if (!holders++) primary = std::make_unique<Context>(settings);
    *context = primary.get();
    return success;
}

API int cuDevicePrimaryCtxRelease_v2(int) {
    const std::lock_guard lock(mutex);
    if (!holders) return invalidContext;
    if (!--holders) primary = nullptr;
    return success;
}

API int cuCtxSetCurrent(Context* context) {
    const std::lock_guard lock(mutex);
    if (context && context != primary.get()) return invalidContext;
    current = context;
    return success;
}

// It is not allowed while any thread captures, since it waits for the stream that captures as well.
API int cuCtxSynchronize() {
    return inContext([](Context& context) {
        Result result = success;
        for (Stream* stream : context.streams)
            if (stream->capture) {
                stream->isCaptureValid = false;
                result = captureUnsupported;
            }
        return result ? result : context.finishAll();
    });
}

// MARK: Memory

API int cuMemGetInfo_v2(size_t* available, size_t* total) {
    return inContext([&](Context& context) {
        *available = context.memory.available();
        *total = context.memory.limit;
        return success;
    });
}

API int cuMemAlloc_v2(u64* address, size_t size) {
    return outsideOfCaptures([&](Context& context) {
        if (!size) return invalidValue;
        *address = context.memory.allocate(size);
        return *address ? success : outOfMemory;
    });
}

API int cuMemFree_v2(u64 address) {
    return outsideOfCaptures([&](Context& context) { return context.memory.free(address) ? success : invalidValue; });
}

API int cuMemHostAlloc(void** memory, size_t size, u32 flags) {
    return outsideOfCaptures([&](Context&) {
        if (!size || flags) return invalidValue;
        *memory = malloc(size);
        return *memory ? success : outOfMemory;
    });
}

API int cuMemFreeHost(void* memory) {
    return outsideOfCaptures([&](Context&) {
        free(memory);
        return success;
    });
}

// Enqueues work on the bytes at an address, which are looked at again when it is done.
static Result enqueueAt(Context& context, Stream& stream, u64 address, size_t size, std::function<void()> body) {
    if (!context.memory.contains(address, size)) return invalidValue;
    return context.enqueue(stream, [=, &context] {
        if (!context.memory.contains(address, size))
            return context.fail(illegalAddress, "the memory of a copy or of zeros was given back before");
        body();
        return success;
    });
}

// The source is read when the copy is made, as a driver may do.
API int cuMemcpyHtoDAsync_v2(u64 target, const void* source, size_t size, Stream* stream) {
    return outsideOfCaptures([&](Context& context) {
        return enqueueAt(context, *stream, target, size,
                         [=] { memcpy(reinterpret_cast<void*>(target), source, size); });
    });
}

API int cuMemcpyDtoHAsync_v2(void* target, u64 source, size_t size, Stream* stream) {
    return outsideOfCaptures([&](Context& context) {
        return enqueueAt(context, *stream, source, size,
                         [=] { memcpy(target, reinterpret_cast<const void*>(source), size); });
    });
}

API int cuMemsetD32Async(u64 target, u32 value, size_t count, Stream* stream) {
    return inContext([&](Context& context) {
        if (target % 4) return invalidValue;
        return enqueueAt(context, *stream, target, 4 * count,
                         [=] { std::fill_n(reinterpret_cast<u32*>(target), count, value); });
    });
}

#include "kernels.hpp"

// MARK: Streams

API int cuStreamCreate(Stream** stream, u32) {
    return inContext([&](Context& context) {
        *stream = new Stream;
        context.streams.push_back(*stream);
        return success;
    });
}

// Its work is done all the same.
API int cuStreamDestroy_v2(Stream* stream) {
    return inContext([&](Context& context) {
        context.finish(*stream);
        std::erase(context.streams, stream);
        delete stream;
        return success;
    });
}

API int cuStreamSynchronize(Stream* stream) {
    return inContext([&](Context& context) {
        if (!stream->capture) return context.finish(*stream);
        stream->isCaptureValid = false;
        return captureUnsupported;
    });
}

API int cuStreamQuery(Stream* stream) {
    return inContext([&](Context& context) {
        if (!stream->capture) return context.query(*stream);
        stream->isCaptureValid = false;
        return captureUnsupported;
    });
}

API int cuStreamBeginCapture_v2(Stream* stream, int mode) {
    return inContext([&](Context&) {
        // CU_STREAM_CAPTURE_MODE_THREAD_LOCAL is the only one that is emulated.
        if (stream->capture || mode != 1) return invalidValue;
        stream->capture = std::make_unique<Graph>();
        stream->capturer = pthread_self();
        stream->isCaptureValid = true;
        ++captures;
        return success;
    });
}

API int cuStreamEndCapture(Stream* stream, Graph** graph) {
    return inContext([&](Context&) {
        if (!stream->capture) return invalidValue;
        if (!pthread_equal(stream->capturer, pthread_self())) return captureWrongThread;
        --captures;
        const bool isValid = stream->isCaptureValid;
        *graph = isValid ? stream->capture.release() : nullptr;
        stream->capture = nullptr;
        return isValid ? success : captureInvalidated;
    });
}

// MARK: Graphs

API int cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, u64 flags) {
    return inContext([&](Context&) {
        if (!graph || flags) return invalidValue;
        *executable = new Graph(*graph);
        return success;
    });
}

API int cuGraphLaunch(Graph* executable, Stream* stream) {
    return inContext([&](Context& context) {
        if (!executable) return invalidValue;
        for (const Work& work : executable->works)
            if (const Result result = context.enqueue(*stream, work)) return result;
        return success;
    });
}

API int cuGraphDestroy(Graph* graph) {
    const std::lock_guard lock(mutex);
    delete graph;
    return success;
}

API int cuGraphExecDestroy(Graph* executable) { return cuGraphDestroy(executable); }

// MARK: For tests

// Sets what the environment sets otherwise, for contexts that are made from now on.
API void emulated_set(u64 memory, u64 seed) {
    const std::lock_guard lock(mutex);
    settings = {memory, seed};
}

// The launches since this was last asked, a line each, as the driver has understood them.
API const char* emulated_launches() {
    const std::lock_guard lock(mutex);
    static std::string text;
    text = std::move(launches);
    launches.clear();
    return text.c_str();
}
