// The primitives that kernels are written in: all that is particular to the GPU stands here and in exchange.cuh, and
// all of its assembly. No header is included, so that a compiler without CUDA's headers can read them. The emulator of
// the tests has the same primitives for the CPU.

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned long long u64;

// A kernel of blocks of up to `threads` threads; the compiler may give all registers to one block rather than spill.
#define KERNEL(threads, name, parameters) extern "C" __global__ void __launch_bounds__(threads, 1) name parameters
// A function of kernels.
#define DEVICE static __device__ __forceinline__
// A method of an object in kernels.
#define METHOD __device__ __forceinline__
// Memory that the threads of a block share.
#define SHARED __shared__

struct alignas(16) Float4 {
    float x, y, z, w;
};

// The high half of a product.
DEVICE u32 multiply_high(u32 a, u32 b) { return __umulhi(a, b); }

// The value that the thread `lane ^ mask` of the warp passes; all threads of a warp call it together.
DEVICE float warp_xor(float value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
DEVICE double warp_xor(double value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }

// Two numbers rounded to bfloat16, the nearest and of two the even one: the first in the low half.
DEVICE u32 bfloat16_pair(float low, float high) {
    u32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

// d += a b for tiles of 16 x 16 and 16 x 8 numbers in bfloat16, spread over the threads of a warp as PTX has them for
// mma.m16n8k16: with r = lane / 4 and q = lane % 4, a[0] holds row r, columns 2q and 2q + 1; a[1] row r + 8; a[2] and
// a[3] the same rows, 8 columns further on. b[0] holds column r, rows 2q and 2q + 1; b[1] 8 rows further on. d[0] and
// d[1] are row r, columns 2q and 2q + 1; d[2] and d[3] row r + 8. All threads of a warp call it together.
DEVICE void multiply_add(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
