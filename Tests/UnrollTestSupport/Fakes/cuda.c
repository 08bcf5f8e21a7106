// A stand-in for libcuda, whose device memory is the host's. It does not run kernels. Work on a stream is done when the
// stream is synchronized and no earlier, as on a device that is slow. What it has of kernels is in cuda_kernels.c.

enum {
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NOT_FOUND = 500,
    NOT_READY = 600,
    CAPTURE_UNSUPPORTED = 900,
};

static struct number numbers[] = {
    {"version", 13000}, {"devices", 1}, {"major", 9}, {"minor", 0}, {"total", 1 << 30}, {"free", 1 << 20},
    {"multiprocessors", 132}, {"shared", 232448},
    {"contexts", 0}, {"memory", 0}, {"pinned", 0}, {"streams", 0}, {"captures", 0}, {"modules", 0}, {"graphs", 0}, {"executables", 0},
    {0, 0},
};

// A process that cannot call fake_set gets its settings from the environment, such as FAKE_CUDA_version.
__attribute__((constructor)) static void read_environment(void) {
    for (struct number *n = numbers; n->name; n++) {
        char name[64];
        snprintf(name, sizeof name, "FAKE_CUDA_%s", n->name);
        const char *value = getenv(name);
        if (value) n->value = atoll(value);
    }
}

typedef unsigned long long address;
typedef struct function {
    char name[64];
    int sizes[16], count;
    int largest_shared; // Bytes of dynamic shared memory that a launch may have.
    struct function *next;
} function;
typedef struct module {
    char *image;
    size_t size;
    function *functions;
} module;
typedef struct work {
    char *target;
    const char *source; // Null for zeros.
    size_t size;
    struct work *next;
} work;
typedef struct stream {
    int number, is_capturing;
    work *first, **last;
    struct stream *next;
} stream;

static struct allocation {
    address start;
    size_t size;
} allocations[64];
static int stream_count, context;
static stream *streams;
static _Thread_local void *current;

#define NEEDS_CONTEXT                                       \
    if (!current) return leave(INVALID_CONTEXT)

// An address as the number of an allocation, in the order in which they were made, and an offset.
static const char *named(address a) {
    static char text[64];
    for (int i = 0; i < 64; i++)
        if (allocations[i].size && a >= allocations[i].start && a < allocations[i].start + allocations[i].size) {
            snprintf(text, sizeof text, "memory%d+%llu", i, a - allocations[i].start);
            return text;
        }
    snprintf(text, sizeof text, "%llx", a);
    return text;
}

int cuDriverGetVersion(int *version) {
    ENTER("cuDriverGetVersion");
    *version = *number("version");
    return leave(0);
}

int cuInit(unsigned flags) {
    ENTER("cuInit", "%u", flags);
    return leave(*number("devices") ? 0 : NO_DEVICE);
}

int cuGetErrorName(int code, const char **text) {
    *text = code == INVALID_VALUE         ? "CUDA_ERROR_INVALID_VALUE"
            : code == OUT_OF_MEMORY       ? "CUDA_ERROR_OUT_OF_MEMORY"
            : code == INVALID_IMAGE       ? "CUDA_ERROR_INVALID_IMAGE"
            : code == INVALID_CONTEXT     ? "CUDA_ERROR_INVALID_CONTEXT"
            : code == NOT_FOUND           ? "CUDA_ERROR_NOT_FOUND"
            : code == CAPTURE_UNSUPPORTED ? "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"
            : code == 700                 ? "CUDA_ERROR_ILLEGAL_ADDRESS"
                                          : 0;
    return *text ? 0 : INVALID_VALUE;
}

int cuGetErrorString(int code, const char **text) {
    *text = code == 700 ? "an illegal memory access was encountered" : "a message";
    return 0;
}

int cuDeviceGetCount(int *count) {
    ENTER("cuDeviceGetCount");
    *count = *number("devices");
    return leave(0);
}

int cuDeviceGet(int *device, int ordinal) {
    ENTER("cuDeviceGet", "%d", ordinal);
    if (ordinal < 0 || ordinal >= *number("devices")) return leave(INVALID_DEVICE);
    *device = ordinal + 40;
    return leave(0);
}

int cuDeviceGetName(char *name, int size, int device) {
    ENTER("cuDeviceGetName", "%d", device);
    snprintf(name, size, "Fake %d", device - 40);
    return leave(0);
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    ENTER("cuDeviceGetAttribute", "%d %d", attribute, device);
    const char *name = attribute == 75   ? "major"
                       : attribute == 76 ? "minor"
                       : attribute == 16 ? "multiprocessors"
                       : attribute == 97 ? "shared"
                                         : 0;
    if (!name) return leave(INVALID_VALUE);
    *value = *number(name);
    return leave(0);
}

int cuDeviceTotalMem_v2(size_t *size, int device) {
    ENTER("cuDeviceTotalMem", "%d", device);
    *size = *number("total");
    return leave(0);
}

int cuDeviceGetUuid_v2(char *uuid, int device) {
    ENTER("cuDeviceGetUuid", "%d", device);
    for (int i = 0; i < 16; i++) uuid[i] = device + i;
    return leave(0);
}

int cuDevicePrimaryCtxRetain(void **result, int device) {
    ENTER("cuDevicePrimaryCtxRetain", "%d", device);
    ++*number("contexts");
    *result = &context;
    return leave(0);
}

int cuDevicePrimaryCtxRelease_v2(int device) {
    ENTER("cuDevicePrimaryCtxRelease", "%d", device);
    --*number("contexts");
    return leave(0);
}

// Not recorded, as it stands before everything.
int cuCtxSetCurrent(void *c) {
    pthread_mutex_lock(&mutex);
    int planned = planned_failure("cuCtxSetCurrent");
    if (!planned) current = c;
    return leave(planned);
}

static void finish(stream *s) {
    while (s->first) {
        work *w = s->first;
        if (w->source) memcpy(w->target, w->source, w->size);
        else memset(w->target, 0, w->size);
        s->first = w->next;
        free(w);
    }
    s->last = &s->first;
}

int cuCtxSynchronize(void) {
    ENTER("cuCtxSynchronize");
    NEEDS_CONTEXT;
    for (stream *s = streams; s; s = s->next) finish(s);
    return leave(0);
}

int cuMemGetInfo_v2(size_t *free, size_t *total) {
    ENTER("cuMemGetInfo");
    NEEDS_CONTEXT;
    *free = *number("free");
    *total = *number("total");
    return leave(0);
}

int cuMemAlloc_v2(address *result, size_t size) {
    ENTER("cuMemAlloc", "%zu", size);
    NEEDS_CONTEXT;
    if (!size) return leave(INVALID_VALUE);
    if ((long long)size > *number("free")) return leave(OUT_OF_MEMORY);
    int i = 0;
    while (i < 64 && allocations[i].size) i++;
    if (i == 64) abort();
    *number("free") -= size;
    ++*number("memory");
    void *memory = aligned_alloc(256, (size + 255) / 256 * 256);
    memset(memory, 0xAA, size);
    *result = allocations[i].start = (address)memory;
    allocations[i].size = size;
    return leave(0);
}

int cuMemFree_v2(address a) {
    ENTER("cuMemFree", "%s", named(a));
    NEEDS_CONTEXT;
    for (int i = 0; i < 64; i++)
        if (allocations[i].size && allocations[i].start == a) {
            *number("free") += allocations[i].size;
            --*number("memory");
            allocations[i].size = 0;
            free((void *)a);
            return leave(0);
        }
    return leave(INVALID_VALUE);
}

int cuMemHostAlloc(void **result, size_t size, unsigned flags) {
    ENTER("cuMemHostAlloc", "%zu %u", size, flags);
    NEEDS_CONTEXT;
    if (!size) return leave(INVALID_VALUE);
    ++*number("pinned");
    *result = malloc(size);
    return leave(0);
}

int cuMemFreeHost(void *memory) {
    ENTER("cuMemFreeHost");
    NEEDS_CONTEXT;
    --*number("pinned");
    free(memory);
    return leave(0);
}

static int enqueue(stream *s, void *target, const void *source, size_t size) {
    if (s->is_capturing) return source ? CAPTURE_UNSUPPORTED : 0;
    work *w = malloc(sizeof *w);
    *w = (work){target, source, size, 0};
    *s->last = w;
    s->last = &w->next;
    return 0;
}

int cuMemcpyHtoDAsync_v2(address target, const void *source, size_t size, stream *s) {
    ENTER("cuMemcpyHtoDAsync", "%s %zu stream%d", named(target), size, s->number);
    NEEDS_CONTEXT;
    return leave(enqueue(s, (void *)target, source, size));
}

int cuMemcpyDtoHAsync_v2(void *target, address source, size_t size, stream *s) {
    ENTER("cuMemcpyDtoHAsync", "%s %zu stream%d", named(source), size, s->number);
    NEEDS_CONTEXT;
    return leave(enqueue(s, target, (void *)source, size));
}

int cuMemsetD32Async(address target, unsigned value, size_t count, stream *s) {
    ENTER("cuMemsetD32Async", "%s %u %zu stream%d", named(target), value, count, s->number);
    NEEDS_CONTEXT;
    if (value) abort();
    return leave(enqueue(s, (void *)target, 0, 4 * count));
}

int cuStreamCreate(stream **result, unsigned flags) {
    ENTER("cuStreamCreate", "%u", flags);
    NEEDS_CONTEXT;
    stream *s = calloc(1, sizeof *s);
    s->number = stream_count++;
    s->last = &s->first;
    s->next = streams;
    streams = s;
    ++*number("streams");
    *result = s;
    return leave(0);
}

int cuStreamDestroy_v2(stream *s) {
    ENTER("cuStreamDestroy", "stream%d", s->number);
    NEEDS_CONTEXT;
    finish(s);
    stream **place = &streams;
    while (*place != s) place = &(*place)->next;
    *place = s->next;
    free(s);
    --*number("streams");
    return leave(0);
}

int cuStreamSynchronize(stream *s) {
    ENTER("cuStreamSynchronize", "stream%d", s->number);
    NEEDS_CONTEXT;
    if (s->is_capturing) return leave(CAPTURE_UNSUPPORTED);
    finish(s);
    return leave(0);
}

// Each question does one thing, so that there is something to wait for.
int cuStreamQuery(stream *s) {
    ENTER("cuStreamQuery", "stream%d", s->number);
    NEEDS_CONTEXT;
    if (!s->first) return leave(0);
    work *rest = s->first->next, **last = s->last;
    s->first->next = 0;
    finish(s);
    if (rest) s->first = rest, s->last = last;
    return leave(NOT_READY);
}

int cuStreamBeginCapture_v2(stream *s, int mode) {
    ENTER("cuStreamBeginCapture", "stream%d %d", s->number, mode);
    NEEDS_CONTEXT;
    if (s->is_capturing) return leave(INVALID_VALUE);
    s->is_capturing = 1;
    ++*number("captures");
    return leave(0);
}

int cuStreamEndCapture(stream *s, void **graph) {
    ENTER("cuStreamEndCapture", "stream%d", s->number);
    NEEDS_CONTEXT;
    if (!s->is_capturing) return leave(INVALID_VALUE);
    s->is_capturing = 0;
    --*number("captures");
    ++*number("graphs");
    *graph = malloc(1);
    return leave(0);
}

int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
    ENTER("cuGraphInstantiateWithFlags", "%llu", flags);
    NEEDS_CONTEXT;
    ++*number("executables");
    *executable = malloc(1);
    return leave(0);
}

int cuGraphLaunch(void *executable, stream *s) {
    ENTER("cuGraphLaunch", "stream%d", s->number);
    NEEDS_CONTEXT;
    return leave(0);
}

int cuGraphDestroy(void *graph) {
    ENTER("cuGraphDestroy");
    free(graph);
    --*number("graphs");
    return leave(0);
}

int cuGraphExecDestroy(void *executable) {
    ENTER("cuGraphExecDestroy");
    free(executable);
    --*number("executables");
    return leave(0);
}
