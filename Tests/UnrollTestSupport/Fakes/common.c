// What the stand-ins for NVIDIA's libraries have in common: they record calls, fail when they are told to, and count what
// was made and not given back. This text stands in front of each.

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static char *calls;
static size_t calls_size;

static void append(const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof line) abort();
    calls = realloc(calls, calls_size + size + 1);
    memcpy(calls + calls_size, line, size + 1);
    calls_size += size;
}

// The calls so far, a line each; the caller frees them.
char *fake_calls(void) {
    pthread_mutex_lock(&mutex);
    char *copy = strdup(calls ? calls : "");
    calls_size = 0;
    if (calls) *calls = 0;
    pthread_mutex_unlock(&mutex);
    return copy;
}

// Settings, and counts of what is alive.
struct number {
    const char *name;
    long long value;
};
static struct number numbers[];

static long long *number(const char *name) {
    struct number *n = numbers;
    while (n->name && strcmp(n->name, name)) n++;
    if (!n->name) abort();
    return &n->value;
}

void fake_set(const char *name, long long value) {
    pthread_mutex_lock(&mutex);
    *number(name) = value;
    pthread_mutex_unlock(&mutex);
}

long long fake_get(const char *name) {
    pthread_mutex_lock(&mutex);
    long long value = *number(name);
    pthread_mutex_unlock(&mutex);
    return value;
}

static struct {
    char function[64];
    int calls_left, code;
} failure;

// The n-th call of a function from now, from 1, returns a code and does nothing.
void fake_fail(const char *function, int n, int code) {
    pthread_mutex_lock(&mutex);
    snprintf(failure.function, sizeof failure.function, "%s", function);
    failure.calls_left = n;
    failure.code = code;
    pthread_mutex_unlock(&mutex);
}

static int planned_failure(const char *function) {
    if (!failure.calls_left || strcmp(failure.function, function)) return 0;
    return --failure.calls_left ? 0 : failure.code;
}

static int leave(int code) {
    pthread_mutex_unlock(&mutex);
    return code;
}

// Begins a function: takes the lock, records the call and fails if that is planned.
#define ENTER(function, ...)                                \
    pthread_mutex_lock(&mutex);                             \
    append(function " " __VA_ARGS__);                       \
    append("\n");                                           \
    do {                                                    \
        int planned = planned_failure(function);            \
        if (planned) return leave(planned);                 \
    } while (0)
