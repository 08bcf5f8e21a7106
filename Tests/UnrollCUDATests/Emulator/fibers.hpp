// A GPU for tests: the primitives of prelude.cuh and exchange.cuh and the built-in names of CUDA, for a compiler of
// C++20. This file, blocks.hpp, barriers.hpp, transactions.hpp, copies.hpp, orders.hpp, launches.hpp and primitives.hpp
// stand, in this order, in front of a kernel's text in the place of both. All become a library whose functions `emulated_NAME`
// run a kernel.
//
// A CUDA thread is a fiber with a stack of its own. All fibers run on one thread of the processor, which changes
// between them only where a kernel waits for other threads, sends to them or loads what they may store. The blocks of a
// cluster, or of a cooperative launch, run at the same time; other blocks run one after the other.
//
// Orders stand in the place of random delays: with a seed, which block, warp and lane goes on, how far one runs ahead
// of the others, when a message arrives and which blocks are next are drawn again at every wait. A missing barrier then
// shows as a wrong number or as an error under some seed, always under the same one, and nothing waits for a clock.

#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned long long u64;

// Switches to another fiber: keeps the registers that a function must keep on the stack, stores the stack pointer in
// `saved`, and returns to where the fiber with the stack pointer `next` called it.
extern "C" __attribute__((visibility("hidden"))) void unroll_switch(void** saved, void* next);
#if defined(__x86_64__)
// It returns by a jump: the processor expects of `ret` that it goes to the last call, which another fiber made.
asm(R"(
    .text
    .p2align 4
    .hidden unroll_switch
    .globl unroll_switch
    .type unroll_switch, @function
unroll_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx
    .size unroll_switch, .-unroll_switch
)");
#elif defined(__aarch64__)
asm(R"(
    .text
    .p2align 4
    .hidden unroll_switch
    .globl unroll_switch
    .type unroll_switch, %function
unroll_switch:
    stp x29, x30, [sp, #-160]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #160
    ret
    .size unroll_switch, .-unroll_switch
)");
#else
#error "the emulator knows x86-64 and arm64"
#endif
