// Any processor in bfloat16, whose products are computed in float32.

#include <stdint.h>

#define LEVEL unroll_portable_bfloat16
#define LEVEL_NAME "portable"
#include "vectors_portable.h"
#include "words_bfloat16.h"
#include "../bodies/kernels.h"
