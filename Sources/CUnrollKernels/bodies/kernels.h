// Everything that the levels share. Each level file defines its vectors and includes this once.

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../levels/levels.h"
#include "unroll_kernels.h"

#define WIDTH UNROLL_PANEL_WIDTH
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
// Loops over accumulators must disappear entirely: one that stays keeps them all in memory, at a third of the speed.
#define UNROLLED _Pragma("clang loop unroll(full)")

typedef int32_t Integers __attribute__((vector_size(LANES * sizeof(int32_t))));

#include "elementary.h"
#include "tiles.h"
#include "sweeps.h"
#include "mask.h"
#include "update.h"
#include "program.h"
#include "pack.h"
#include "recurrence.h"
#include "projection.h"
#include "decoder.h"
#include "arrays.h"
#if TRAINS
#include "backward.h"
#include "gradients.h"
#include "products.h"
#endif

const UnrollKernels LEVEL = {
    .name = LEVEL_NAME,
    .word_units = WORD_UNITS,
    .scale_words = SCALE_WORDS,
    .forward_step = forward_step,
    .project = project,
    .decode = decode,
    .cross_entropy = cross_entropy,
    .mask = mask,
    .pack = pack,
    .transpose = transpose,
    .copy = copy,
    .sum_of_squares = sum_of_squares,
    .update = update,
    .operate = operate,
    .combine = combine,
    .sum = sum,
    .softmax = softmax,
    .probe = probe,
#if TRAINS
    .backward_step = backward_step,
    .pack_weights = pack_weights,
    .weight_gradient = weight_gradient,
    .input_gradient = input_gradient,
    .column_sums = column_sums,
    .multiply = multiply,
#endif
};
