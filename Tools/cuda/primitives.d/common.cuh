// What the kernels that measure have in common; this text stands before each of them. No header of CUDA is needed.

typedef unsigned u32;
typedef unsigned short u16;
typedef unsigned long long u64;

#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__

// After this many nanoseconds, a kernel that waits ends with a trap, so that a wrong protocol cannot hang the GPU.
#define LIMIT 1000000000ull

DEVICE u64 nanoseconds() {
    u64 time;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
    return time;
}

// Counts the turns of a waiting loop, and looks at the clock now and then.
struct Watchdog {
    u64 start;
    u32 turns;
};

DEVICE Watchdog watchdog() {
    Watchdog dog;
    dog.start = nanoseconds();
    dog.turns = 0;
    return dog;
}

DEVICE void turn(Watchdog& dog) {
    if ((++dog.turns & 255) == 0 && nanoseconds() - dog.start > LIMIT) asm volatile("trap;");
}

DEVICE u32 shared_address(const void* p) { return (u32)__cvta_generic_to_shared(p); }

DEVICE u16 bf16(float x) {
    u16 bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}

DEVICE float from_bf16(u16 bits) { return __uint_as_float((u32)bits << 16); }

DEVICE u32 tf32(float x) {
    u32 bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

DEVICE void mma_bf16(float (&d)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

DEVICE void mma_tf32(float (&d)[4], u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
