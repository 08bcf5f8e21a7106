// Any processor in float32.

#include <stdint.h>

#define LEVEL unroll_portable
#define LEVEL_NAME "portable"
#include "vectors_portable.h"
#include "../bodies/kernels.h"
