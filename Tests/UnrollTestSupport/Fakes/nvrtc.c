// A stand-in for NVRTC. Its cubins are texts, which the stand-in for the driver reads; "#error" in a source is an error.

enum { COMPILATION = 6 };

static struct number numbers[] = {{"major", 13}, {"minor", 0}, {"architectures", 5}, {"programs", 0}, {0, 0}};

static const int architectures[] = {75, 80, 90, 100, 101};

typedef struct {
    char *source, *cubin;
    const char *log;
} program;

int nvrtcVersion(int *major, int *minor) {
    ENTER("nvrtcVersion");
    *major = *number("major");
    *minor = *number("minor");
    return leave(0);
}

const char *nvrtcGetErrorString(int code) { return code == 5 ? "NVRTC_ERROR_INVALID_OPTION" : "another error"; }

int nvrtcGetNumSupportedArchs(int *count) {
    ENTER("nvrtcGetNumSupportedArchs");
    *count = *number("architectures");
    return leave(0);
}

int nvrtcGetSupportedArchs(int *result) {
    ENTER("nvrtcGetSupportedArchs");
    memcpy(result, architectures, *number("architectures") * sizeof *result);
    return leave(0);
}

int nvrtcCreateProgram(
    program **result, const char *source, const char *name, int headers, const char *const *texts,
    const char *const *names) {
    ENTER("nvrtcCreateProgram", "%s %d", name, headers);
    if (texts || names) abort();
    *result = calloc(1, sizeof(program));
    (*result)->source = strdup(source);
    ++*number("programs");
    return leave(0);
}

int nvrtcDestroyProgram(program **p) {
    ENTER("nvrtcDestroyProgram");
    free((*p)->source);
    free((*p)->cubin);
    free(*p);
    *p = 0;
    --*number("programs");
    return leave(0);
}

int nvrtcCompileProgram(program *p, int count, const char *const *options) {
    if (count != 3 && count != 4) abort();
    ENTER("nvrtcCompileProgram", "%s %s %s%s%s", options[0], options[1], options[2], count > 3 ? " " : "",
          count > 3 ? options[3] : "");
    if (strstr(p->source, "#error")) {
        p->log = "kernels(3): warning #177-D: unused\nkernels(1): error: #error is there\n\n1 error detected.\n";
        return leave(COMPILATION);
    }
    p->log = "";
    p->cubin = malloc(strlen(p->source) + 64);
    sprintf(p->cubin, "CUBIN %s\n%s\n", options[0], p->source);
    return leave(0);
}

int nvrtcGetProgramLogSize(program *p, size_t *size) {
    *size = strlen(p->log) + 1;
    return 0;
}

int nvrtcGetProgramLog(program *p, char *log) {
    strcpy(log, p->log);
    return 0;
}

int nvrtcGetCUBINSize(program *p, size_t *size) {
    ENTER("nvrtcGetCUBINSize");
    *size = strlen(p->cubin) + 1;
    return leave(0);
}

int nvrtcGetCUBIN(program *p, char *cubin) {
    strcpy(cubin, p->cubin);
    return 0;
}
