// Any processor in int8.

#include <stdint.h>

#define LEVEL unroll_portable_int8
#define LEVEL_NAME "portable"
#include "vectors_portable.h"
#include "words_int8.h"
#include "../bodies/kernels.h"
