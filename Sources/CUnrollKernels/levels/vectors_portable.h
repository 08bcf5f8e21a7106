// Any processor, through the compiler's vectors: 4 lanes, which SSE2 and NEON both have.

typedef float Vector __attribute__((vector_size(16)));
// The same at any address of a float.
typedef float LooseVector __attribute__((vector_size(16), aligned(4)));
typedef int32_t Mask __attribute__((vector_size(16)));

// Without arithmetic, which would be paid for in every inner loop.
static inline Vector portable_broadcast(float x) { return (Vector){x, x, x, x}; }

// As on x86, the second operand is the answer when either is not a number.
static inline Vector portable_max(Vector a, Vector b) {
    Mask choice = a > b;
    return (Vector)((choice & (Mask)a) | (~choice & (Mask)b));
}

static inline Vector portable_min(Vector a, Vector b) {
    Mask choice = a < b;
    return (Vector)((choice & (Mask)a) | (~choice & (Mask)b));
}

#define LANES 4
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define LOAD(p) (*(const Vector *)(p))
#define STORE(p, v) (*(Vector *)(p) = (v))
#define LOAD_ANYWHERE(p) ((Vector)(*(const LooseVector *)(p)))
#define STORE_ANYWHERE(p, v) (*(LooseVector *)(p) = (v))
#define BROADCAST(x) portable_broadcast(x)
#if defined(__FP_FAST_FMAF)
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define NEGATED_MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(-(a), b, c)
#else
// Without a fused instruction, elementwise_fma would call the C library for every lane.
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define NEGATED_MULTIPLY_ADD(a, b, c) ((c) - (a) * (b))
#define TANH_LIMIT UNFUSED_TANH_LIMIT
#endif
#define MAX(a, b) portable_max(a, b)
#define MIN(a, b) portable_min(a, b)
#define SQUARE_ROOT(a) __builtin_elementwise_sqrt(a)
// Adding and taking away 1.5 * 2^23 leaves a whole number, for magnitudes below 2^22.
#define ROUND(a) (((a) + BROADCAST(12582912.f)) - BROADCAST(12582912.f))
#define KEEP_WHERE_LESS(value, a, b) ((Vector)((Mask)(value) & ((a) < (b))))
#define ZERO_WHERE_LESS(value, a, b) ((Vector)((Mask)(value) & ~((a) < (b))))
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
