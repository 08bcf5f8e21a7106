// Types of NCCL that its functions are called with, as there is no header of it when this is compiled. Swift has no way to
// declare them: an array by value, and a layout that is C's.
#ifndef UNROLL_NCCL_TYPES_H
#define UNROLL_NCCL_TYPES_H

#include <stddef.h>

/// `ncclUniqueId`, which functions take by value: what the processes of a communicator have in common.
typedef struct {
    char bytes[128];
} UnrollCommunicatorID;

/// The beginning of `ncclConfig_t`, as NCCL 2.14 had it; later versions read no more than `size` bytes.
typedef struct {
    size_t size;
    unsigned magic, version;
    int blocking;
} UnrollCommunicatorSettings;

#endif
