// Modules and kernels of the stand-in for libcuda, and launches, which are recorded. This text stands after cuda.c.

// A cubin is a text that the stand-in for NVRTC made, with a line "// kernel NAME SIZES OF PARAMETERS" for each kernel.
// The kernels of the package's own text, "KERNEL(THREADS, NAME, (", and those of NVRTC's own cubins have no parameters
// here.
int cuModuleLoadData(module **result, const char *image) {
    ENTER("cuModuleLoadData", "%.5s", image[0] == 0x7f ? "ELF" : image);
    NEEDS_CONTEXT;
    size_t size;
    if (!memcmp(image, "\x7f" "ELF", 4)) {
        unsigned long long programs, sections;
        unsigned short counts[5];
        memcpy(&programs, image + 32, 8);
        memcpy(&sections, image + 40, 8);
        memcpy(counts, image + 54, 8);
        size_t end_of_programs = programs + counts[0] * counts[1], end_of_sections = sections + counts[2] * counts[3];
        size = end_of_programs > end_of_sections ? end_of_programs : end_of_sections;
    } else if (!memcmp(image, "CUBIN", 5)) {
        size = strlen(image) + 1;
    } else {
        return leave(INVALID_IMAGE);
    }
    module *m = calloc(1, sizeof *m);
    m->image = malloc(size);
    m->size = size;
    memcpy(m->image, image, size);
    ++*number("modules");
    *result = m;
    return leave(0);
}

int cuModuleUnload(module *m) {
    ENTER("cuModuleUnload");
    NEEDS_CONTEXT;
    while (m->functions) {
        function *f = m->functions;
        m->functions = f->next;
        free(f);
    }
    free(m->image);
    free(m);
    --*number("modules");
    return leave(0);
}

static int contains(const module *m, const char *text) {
    size_t size = strlen(text) + 1;
    for (size_t i = 0; i + size <= m->size; i++)
        if (!memcmp(m->image + i, text, size)) return 1;
    return 0;
}

int cuModuleGetFunction(function **result, module *m, const char *name) {
    ENTER("cuModuleGetFunction", "%s", name);
    NEEDS_CONTEXT;
    char text[128];
    function f = {.largest_shared = 48 << 10};
    snprintf(f.name, sizeof f.name, "%s", name);
    if (m->image[0] == 0x7f) {
        snprintf(text, sizeof text, ".text.%s", name);
        if (!contains(m, text)) return leave(NOT_FOUND);
    } else {
        snprintf(text, sizeof text, "// kernel %s ", name);
        char *line = strstr(m->image, text);
        if (line) {
            line += strlen(text);
            char *end;
            for (long size; size = strtol(line, &end, 10), end != line && f.count < 16; line = end)
                f.sizes[f.count++] = size;
        } else {
            snprintf(text, sizeof text, ", %s, (", name);
            if (!strstr(m->image, text)) return leave(NOT_FOUND);
        }
    }
    f.next = m->functions;
    m->functions = malloc(sizeof f);
    *m->functions = f;
    *result = m->functions;
    return leave(0);
}

int cuFuncGetAttribute(int *value, int attribute, function *f) {
    ENTER("cuFuncGetAttribute", "%d %s", attribute, f->name);
    NEEDS_CONTEXT;
    if (attribute != 8) abort();
    *value = f->largest_shared;
    return leave(0);
}

int cuFuncSetAttribute(function *f, int attribute, int value) {
    ENTER("cuFuncSetAttribute", "%s %d %d", f->name, attribute, value);
    NEEDS_CONTEXT;
    if (attribute != 8 && attribute != 14) abort();
    if (attribute == 8 && value > *number("shared")) return leave(INVALID_VALUE);
    if (attribute == 8) f->largest_shared = value;
    return leave(0);
}

// The arguments come on the same line as the call.
static void append_arguments(const function *f, void **arguments) {
    calls_size--;
    for (int i = 0; i < f->count; i++) {
        unsigned long long value = 0;
        memcpy(&value, arguments[i], f->sizes[i]);
        append(" %s", named(value));
    }
    append("\n");
}

int cuLaunchKernel(
    function *f, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz, unsigned shared, stream *s,
    void **arguments, void **extra) {
    ENTER(
        "cuLaunchKernel", "%s grid %u %u %u block %u %u %u shared %u stream%d%s", f->name, x, y, z, bx, by, bz, shared,
        s->number, s->is_capturing ? " captured" : "");
    NEEDS_CONTEXT;
    if (extra) abort();
    append_arguments(f, arguments);
    return leave(0);
}

// CUlaunchAttribute and CUlaunchConfig.
typedef struct {
    int number;
    char padding[4];
    union {
        unsigned words[16];
        char bytes[64];
    } value;
} attribute;
typedef struct {
    unsigned grid[3], block[3], shared;
    stream *stream;
    attribute *attributes;
    unsigned count;
} configuration;
_Static_assert(sizeof(attribute) == 72 && sizeof(configuration) == 56, "sizes of CUDA's header");

// Each attribute as its number and the words of its value up to the last that is not 0.
static void append_attributes(const configuration *c) {
    calls_size--;
    for (unsigned i = 0; i < c->count; i++) {
        int last = 15;
        while (last && !c->attributes[i].value.words[last]) last--;
        append(" attribute %d", c->attributes[i].number);
        for (int j = 0; j <= last; j++) append(" %u", c->attributes[i].value.words[j]);
    }
    append("\n");
}

int cuLaunchKernelEx(const configuration *c, function *f, void **arguments, void **extra) {
    ENTER(
        "cuLaunchKernelEx", "%s grid %u %u %u block %u %u %u shared %u stream%d%s", f->name, c->grid[0], c->grid[1],
        c->grid[2], c->block[0], c->block[1], c->block[2], c->shared, c->stream->number,
        c->stream->is_capturing ? " captured" : "");
    NEEDS_CONTEXT;
    if (extra) abort();
    append_attributes(c);
    append_arguments(f, arguments);
    return leave(0);
}

int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *count, function *f, int threads, size_t shared) {
    ENTER("cuOccupancyMaxActiveBlocksPerMultiprocessor", "%s block %d shared %zu", f->name, threads, shared);
    NEEDS_CONTEXT;
    *count = 2;
    return leave(0);
}

int cuOccupancyMaxActiveClusters(int *count, function *f, const configuration *c) {
    ENTER(
        "cuOccupancyMaxActiveClusters", "%s grid %u %u %u block %u %u %u shared %u", f->name, c->grid[0], c->grid[1],
        c->grid[2], c->block[0], c->block[1], c->block[2], c->shared);
    NEEDS_CONTEXT;
    append_attributes(c);
    *count = 7;
    return leave(0);
}
