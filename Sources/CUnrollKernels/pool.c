// The worker pool: threads that wait by spinning for a moment, then asleep.
//
// A training step has a barrier every few dozen microseconds, where waking a sleeping thread would take longer than
// the work; between steps the threads sleep, so that an idle trainer does not burn a processor.

#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "unroll_kernels.h"

// About 50 microseconds.
enum { SPINS = 2000 };

// A counter that threads wait on. Alone on its cache lines, so that waiting does not slow the others down.
typedef struct {
    _Alignas(128) atomic_uint value;
    atomic_int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} Signal;

struct UnrollPool {
    Signal start;     // counts runs
    Signal barrier;   // counts barriers passed
    _Alignas(128) atomic_int arrived;
    int32_t threads;
    int32_t spins;
    bool is_ending;
    void (*body)(void *context, int32_t thread);
    void *context;
    pthread_t *handles;   // [threads - 1]
};

typedef struct {
    UnrollPool *pool;
    int32_t thread;
} Worker;

static inline void relax(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void signal_init(Signal *signal) {
    atomic_init(&signal->value, 0);
    atomic_init(&signal->sleepers, 0);
    pthread_mutex_init(&signal->mutex, NULL);
    pthread_cond_init(&signal->changed, NULL);
}

static void signal_destroy(Signal *signal) {
    pthread_cond_destroy(&signal->changed);
    pthread_mutex_destroy(&signal->mutex);
}

static void signal_advance(Signal *signal) {
    // Both operations are sequentially consistent, as are their counterparts below: either the waiter sees the new
    // value, or this thread sees the sleeper.
    atomic_fetch_add(&signal->value, 1);
    if (atomic_load(&signal->sleepers) > 0) {
        pthread_mutex_lock(&signal->mutex);
        pthread_cond_broadcast(&signal->changed);
        pthread_mutex_unlock(&signal->mutex);
    }
}

static void signal_wait_past(Signal *signal, unsigned seen, int32_t spins) {
    for (int32_t i = 0; i < spins; i++) {
        if (atomic_load_explicit(&signal->value, memory_order_acquire) != seen) return;
        relax();
    }
    pthread_mutex_lock(&signal->mutex);
    atomic_fetch_add(&signal->sleepers, 1);
    while (atomic_load(&signal->value) == seen) pthread_cond_wait(&signal->changed, &signal->mutex);
    atomic_fetch_sub(&signal->sleepers, 1);
    pthread_mutex_unlock(&signal->mutex);
}

void unroll_pool_barrier(UnrollPool *pool) {
    if (pool->threads == 1) return;
    const unsigned seen = atomic_load_explicit(&pool->barrier.value, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) == pool->threads - 1) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        signal_advance(&pool->barrier);
    } else {
        signal_wait_past(&pool->barrier, seen, pool->spins);
    }
}

// Denormal numbers count as zero: ordinary training can make them, and they cost a hundredfold.
static void run_as(int32_t thread, void (*body)(void *context, int32_t thread), void *context) {
#if defined(__x86_64__)
    const unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | flush_to_zero | denormals_are_zero);
    body(context, thread);
    _mm_setcsr(before);
#elif defined(__aarch64__)
    const uint64_t flush_to_zero = 1u << 24;
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | flush_to_zero));
    body(context, thread);
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    body(context, thread);
#endif
}

static void *work(void *argument) {
    Worker worker = *(Worker *)argument;
    free(argument);
    UnrollPool *pool = worker.pool;
    for (unsigned run = 0;; run++) {
        signal_wait_past(&pool->start, run, pool->spins);
        if (pool->is_ending) return NULL;
        run_as(worker.thread, pool->body, pool->context);
        unroll_pool_barrier(pool);
    }
}

UnrollPool *unroll_pool_create(int32_t threads) {
    UnrollPool *pool = NULL;
    if (threads < 1 || threads > UNROLL_MAX_THREADS) return NULL;
    if (posix_memalign((void **)&pool, _Alignof(UnrollPool), sizeof(UnrollPool)) != 0) return NULL;
    *pool = (UnrollPool){.threads = 1};
    signal_init(&pool->start);
    signal_init(&pool->barrier);
    atomic_init(&pool->arrived, 0);
    // With more threads than processors, spinning would only keep the others from running.
    pool->spins = threads <= unroll_processor_count() ? SPINS : 0;
    pool->handles = calloc((size_t)threads, sizeof(pthread_t));
    for (int32_t thread = 1; pool->handles && thread < threads; thread++) {
        Worker *worker = malloc(sizeof(Worker));
        if (!worker) break;
        *worker = (Worker){pool, thread};
        if (pthread_create(&pool->handles[thread - 1], NULL, work, worker) != 0) {
            free(worker);
            break;
        }
        pool->threads = thread + 1;
    }
    if (pool->threads == threads && pool->handles) return pool;
    unroll_pool_destroy(pool);
    return NULL;
}

void unroll_pool_destroy(UnrollPool *pool) {
    pool->is_ending = true;
    signal_advance(&pool->start);
    for (int32_t thread = 1; thread < pool->threads; thread++) pthread_join(pool->handles[thread - 1], NULL);
    signal_destroy(&pool->start);
    signal_destroy(&pool->barrier);
    free(pool->handles);
    free(pool);
}

void unroll_pool_run(UnrollPool *pool, void (*body)(void *context, int32_t thread), void *context) {
    pool->body = body;
    pool->context = context;
    if (pool->threads > 1) signal_advance(&pool->start);
    run_as(0, body, context);
    unroll_pool_barrier(pool);
}

// Reads the first two numbers of a file; what is missing or not a number keeps its value.
static void read_numbers(const char *folder, const char *name, long long *first, long long *second) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return;
    FILE *file = fopen(path, "r");
    if (!file) return;
    (void)fscanf(file, "%lld %lld", first, second);
    fclose(file);
}

int32_t unroll_processor_quota(const char *folder) {
    // Microseconds of processor time in each period. Version 2 has both in one file, "max 100000" where there is no
    // quota; version 1 has a file each and the quota -1.
    long long quota = -1, period = 0;
    read_numbers(folder, "cpu.max", &quota, &period);
    read_numbers(folder, "cpu/cpu.cfs_quota_us", &quota, &period);
    read_numbers(folder, "cpu/cpu.cfs_period_us", &period, &period);
    if (quota <= 0 || period <= 0) return INT32_MAX;
    const long long processors = (quota - 1) / period + 1;
    return processors < INT32_MAX ? (int32_t)processors : INT32_MAX;
}

int32_t unroll_processor_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
#if defined(__linux__)
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) count = CPU_COUNT(&allowed);
    // A container sees its own group as the root of all.
    const int32_t quota = unroll_processor_quota("/sys/fs/cgroup");
    if (quota < count) count = quota;
#endif
    return count > 0 ? (int32_t)count : 1;
}

void unroll_run_alone(void (*body)(void *context, int32_t thread), void *context) { run_as(0, body, context); }
