// The layout that NCCL's own header gives its types, for the compiler to check.

#include "nccl_types.h"

_Static_assert(sizeof(UnrollCommunicatorID) == 128, "ncclUniqueId has 128 bytes");
_Static_assert(sizeof(UnrollCommunicatorSettings) == 24, "ncclConfig_t of NCCL 2.14 has 24 bytes");
_Static_assert(offsetof(UnrollCommunicatorSettings, blocking) == 16, "it begins with a size, a magic number and a version");
