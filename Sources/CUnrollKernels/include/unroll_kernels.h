// The leaf loops of Unroll's CPU engine: plain C, no flags, no dependency but libm and threads.
//
// Letters: T time steps, B batch rows, H hidden units, V vocabulary, G gates, P panels of 32 units.
//
// Activations are stored in *panels*: 32 neighboring units of all rows lie together as [row][32]. A tensor over time
// is [T][P][B][32]. One such buffer is the output of a tile, the left operand of the next step and both operands of
// the weight gradient, so nothing is ever repacked. Weights are panels of 32 outputs: [panel][input][32]. Units
// beyond H or V are padding; their weights are zero and stay zero. Every pointer is aligned to 64 bytes.
//
// Matrix products read *words* of 32 bits. In float32 a word is a number, and a tensor's words are the tensor itself.
// In bfloat16 a word is a pair of numbers, neighbors in the direction in which the product sums up, whose products
// are added to float32 sums; everything else stays float32. Shapes of words are those of float32; in bfloat16, the
// direction in which the product sums up is half as long.
//
// In int8 a word is four whole numbers of -127 to 127, the first in the lowest byte, that a scale is multiplied with, and
// the direction in which the product sums up is a quarter as long. Activations have a scale for each row, and their bytes
// are 128 above the numbers: [T][P + 1][B][8], with the scale first in the row of the panel after the others. Weights have
// a scale for each output: after the words of a panel, [inputs / 4][32], come the scales, [32], and 128 times the sum of
// each output's numbers, [32] of int32. Products of up to 65536 inputs are exact sums in int32. There are no kernels of
// training, and results have the same bits on every level.
//
// Pointers are of six kinds. A *parameter* is what training changes; only update writes it. What is *derived* is made
// of parameters after each update and read here. What is *given* was made by the caller and is read. What is
// *saved* is written by the forward pass and read by the backward pass. *Scratch* has no use after the call. A
// *result* is written for the caller.

#ifndef UNROLL_KERNELS_H
#define UNROLL_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    // Units of a panel.
    UNROLL_PANEL_WIDTH = 32,
    // Rows that one pass of a program covers, and that read weights once: 64 x 32 floats, a sixth of a common L1 cache.
    UNROLL_TILE_ROWS = 64,
    // The most slots that a program may have.
    UNROLL_MAX_SLOTS = 128,
    // Bytes to which every buffer is aligned.
    UNROLL_ALIGNMENT = 64,
    // The most threads that a pool may have.
    UNROLL_MAX_THREADS = 1024,
};

// A half-open range of panels, rows or units: one thread's share.
typedef struct {
    int32_t begin, end;
} UnrollRange;

// Where a tensor of panels lies: the tile of panel p and row r at step t is at base + t*time + p*panel + r*row, with
// strides in floats. Between panels there may be a gap. Scratch tiles have all strides zero; a vector, [P][32], has time
// and row strides of zero, and is read by a broadcast alone. The structure that has one says of which kind it is.
typedef struct {
    float *base;
    ptrdiff_t time, panel, row;
} UnrollPanels;

// A tensor and the words that matrix products read in its place; in float32 all three are the same.
typedef struct {
    UnrollPanels values;       // [T][P][B][32]
    UnrollPanels unit_words;   // [T][P][B][32 or 16], or [T][P + 1][B][8]: units of a row; for products over units
    // [T][P][B or ceil(B/2)][32]: a pair is a unit of two rows; for products over rows, which int8 has not
    UnrollPanels row_words;
} UnrollOperand;

typedef enum {
    UNROLL_FUNCTION_IDENTITY,
    UNROLL_FUNCTION_TANH,
    UNROLL_FUNCTION_SIGMOID,
    UNROLL_FUNCTION_RELU,
} UnrollFunction;

// Elementwise operations on tiles: d and a, b, c are slots.
typedef enum {
    UNROLL_OP_CONSTANT,             // d = offset
    UNROLL_OP_COPY,                 // d = a
    UNROLL_OP_BROADCAST,            // each row of d = the only row of a, [32]
    UNROLL_OP_ADD,                  // d = a + b
    UNROLL_OP_SUBTRACT,             // d = a - b
    UNROLL_OP_MULTIPLY,             // d = a b
    UNROLL_OP_DIVIDE,               // d = a / b
    UNROLL_OP_MINIMUM,              // d = min(a, b), NaN where either is
    UNROLL_OP_MAXIMUM,              // d = max(a, b), NaN where either is
    UNROLL_OP_MULTIPLY_ADD,         // d = a b + c
    UNROLL_OP_AFFINE,               // d = scale a + offset
    UNROLL_OP_TANH,                 // d = tanh a
    UNROLL_OP_SIGMOID,              // d = sigmoid a
    UNROLL_OP_RELU,                 // d = max(a, 0)
    UNROLL_OP_EXP,                  // d = e^a
    UNROLL_OP_LOG,                  // d = the natural logarithm of a
    UNROLL_OP_SQUARE_ROOT,          // d = sqrt a
    UNROLL_OP_ABSOLUTE,             // d = |a|
    UNROLL_OP_SOFTPLUS,             // d = log(1 + e^a)
    UNROLL_OP_POWER,                // d = a^scale
    UNROLL_OP_TANH_DERIVATIVE,      // d = b (1 - a^2), where a is the tanh's value
    UNROLL_OP_SIGMOID_DERIVATIVE,   // d = b a (1 - a), where a is the sigmoid's value
    UNROLL_OP_RELU_DERIVATIVE,      // d = a > 0 ? b : 0, where a is the rectifier's value
    UNROLL_OP_ABSOLUTE_DERIVATIVE,  // d = a > 0 ? b : a < 0 ? -b : 0, where a is the argument
    UNROLL_OP_GRADIENT_OF_GREATER,  // d = a > b ? c : a < b ? 0 : c / 2
    UNROLL_OP_TANH_DERIVATIVE_OF_PRODUCT,      // d = b c (1 - a^2)
    UNROLL_OP_SIGMOID_DERIVATIVE_OF_PRODUCT,   // d = b c a (1 - a)
    UNROLL_OP_COUNT,
} UnrollOpcode;

typedef struct {
    int32_t opcode;
    int32_t d, a, b, c;
    float scale, offset;
} UnrollInstruction;

// A cell's pointwise formula, run tile by tile. What it makes of the units that pad the last panel need not be finite:
// results that matrix products read are made zero there, unless a fused derivative takes the program's place.
typedef struct {
    const UnrollInstruction *instructions;   // given, [instruction_count]
    int32_t instruction_count;
    int32_t slot_count;
    // Given, [slot_count]: where states and gates (saved), gradients (results) and tiles of one thread (scratch,
    // [32][32]) lie. Each thread has a table of its own.
    const UnrollPanels *slots;
} UnrollProgram;

// A recurrent layer. No pointer of its own is scratch; what the program keeps is in the program's slots.
typedef struct {
    int32_t hidden;       // H
    int32_t panels;       // P = ceil(H / 32)
    int32_t gates;        // G
    // What the input gives to the gates of each token, [G P][input_rows][32]: a parameter over one-hot tokens, given
    // over an embedding. NULL where it has been written into the gates' places in gate_gradient, biases included,
    // before the layer runs.
    const float *input;
    int32_t input_rows;
    const float *bias;         // derived, [G P][32]: both of PyTorch's biases added; of split gates, the second alone
    const float *input_bias;   // parameter, [G P][32]: PyTorch's first bias, read for split gates
    const float *recurrent;    // words, [G P][32 P][32]: the parameter itself in float32, otherwise derived
    const float *transposed;   // derived, words, [P][32 G P][32]: the same with inputs and outputs exchanged
    UnrollOperand output;      // saved, [T+1][P][B][32]: the first state, at t its value before step t
    // [T][G P and more][B][32]: the gates, then the input's halves of split gates. Forward: what the input gives
    // (given) and then what slots of the program keep here (saved). Backward: the gradients, a result.
    UnrollOperand gate_gradient;
    // Where the gradient of the output comes from, beside later steps. Either may be absent.
    UnrollPanels output_gradient;   // given, [T][P][B][32], or base NULL
    UnrollPanels above;             // given, unit words, [T][ceil(above_units/32)][B][32], multiplied by ...
    int32_t above_units;            // ... 0 for none
    const float *above_weights;     // derived, words, [P][32 ceil(above_units/32)][32]
    // Forward: gate g goes through gate_functions[g] into the program's slot gate_slots[g].
    const int32_t *gate_slots;       // given, [G]
    const int32_t *gate_functions;   // given, [G], UnrollFunction
    // A split gate is stored without what comes from the input, which goes into this slot; negative: not split.
    const int32_t *gate_input_slots;    // given, [G]
    // Given, [G]: the first panel of gate_gradient that is the input's half, or the gate.
    const int32_t *gate_input_panels;
    // Backward: the gradient of the output at step t arrives in slot output_gradient_slot, added to the slot
    // direct_gradient_slot where that is not negative. With a fused function there is no program: the gradient,
    // times that function's derivative at the output, goes straight into gate_gradient.
    int32_t output_gradient_slot;
    int32_t direct_gradient_slot;
    int32_t fused_derivative;   // UnrollFunction; identity: not fused
} UnrollRecurrence;

// A product for all steps at once: c[t][j][b][32] = bias[j] + a[t][.][b][.] W[j].
typedef struct {
    UnrollPanels a;   // given, unit words, [T][ceil(inner/32)][B][32]
    int32_t inner;    // units of a
    int32_t steps, batch;
    const float *weights;     // words, [panels of c][inner and padding][32]: parameter or derived
    ptrdiff_t weight_panel;   // floats from one panel of weights to the next
    const float *bias;        // derived, [panels of c][32], or NULL for zero
    bool accumulates;         // adds to c, without a bias
    UnrollPanels c;           // result, [T][panels of c][B][32]; read first where it accumulates
} UnrollProjection;

// A weight gradient: C[j][i][32] = sum over t, b of A[t][i/32][b][i%32] * B[t][j][b][32].
typedef struct {
    UnrollPanels a, b;   // row words, [T][panels][B][32]: what was multiplied, saved; the result's gradient, given
    int32_t steps, batch;
    int32_t b_panels;
    float *c;            // result, [b_panels][c_panel / 32][32]: the gradient of the weights
    ptrdiff_t c_panel;   // floats from one panel of c to the next
} UnrollProduct;

// The decoder: logits, softmax, cross-entropy.
typedef struct {
    int32_t batch, hidden, vocabulary;
    const float *weight;      // words, [ceil(V/32)][32 P][32]: the parameter itself in float32, otherwise derived
    ptrdiff_t weight_panel;   // floats from one panel of weight to the next
    const float *bias;        // derived, [ceil(V/32)][32], -infinity in the padding
    UnrollPanels input;       // saved by the last layer, unit words of the output of step t, [T][P][B][32]
    // Result, [T][ceil(V/32)][B][32]: overwritten by cross_entropy, by the gradient of the mean loss if that is wanted,
    // and otherwise by what is of no use.
    UnrollOperand logits;
    const int32_t *targets;   // given, [T][B]
    double *losses;           // result of cross_entropy, [T][B], nats
    float gradient_scale;     // 1 / (T B), or 0 when no gradient is wanted
    // The share of the target's probability that the gradient is made to spread over all tokens; losses are without.
    float label_smoothing;
} UnrollDecoder;

// Which numbers of a tensor are kept: eight neighboring units by the 128 bits that ten rounds of Philox4x32 make of
// the counter (unit / 8, row, t, 0), each unit by 16 of them, if these are not below the threshold.
typedef struct {
    uint32_t key[2];
    uint32_t threshold;
    float scale;   // what kept numbers are multiplied with
} UnrollMask;

// A half-open range of rows or panels of an array of any size.
typedef struct {
    ptrdiff_t begin, end;
} UnrollSpan;

// A product of matrices of any size: c = a b, or c += a b. a and c may be at any address, b is aligned.
typedef struct {
    // Given, [rows][inner], a_stride floats a row; with a_is_transposed panels, [ceil(rows/32)][inner][32].
    const float *a;
    ptrdiff_t a_stride;
    bool a_is_transposed;
    const float *b;   // given, panels, [ceil(columns/32)][inner][32], anything finite beyond the columns
    float *c;         // result, [rows][columns]; read first where it accumulates
    ptrdiff_t inner, columns;
    bool accumulates;
} UnrollMatrixProduct;

// Elementwise operations on two arrays at any address.
typedef enum {
    UNROLL_COMBINE_ADD,        // d = a + b
    UNROLL_COMBINE_SUBTRACT,   // d = a - b
    UNROLL_COMBINE_MULTIPLY,   // d = a b
    UNROLL_COMBINE_DIVIDE,     // d = a / b
    UNROLL_COMBINE_POWER,      // d = a^b
    UNROLL_COMBINE_MINIMUM,    // d = min(a, b), NaN where either is
    UNROLL_COMBINE_MAXIMUM,    // d = max(a, b), NaN where either is
} UnrollCombination;

// What an update does with each parameter p, its gradient g and its slots m (momentum) and v (square).
typedef enum {
    UNROLL_RULE_SGD,        // p -= rate g
    UNROLL_RULE_MOMENTUM,   // p -= rate m
    UNROLL_RULE_NESTEROV,   // p -= rate (g + momentum m)
    UNROLL_RULE_RMSPROP,    // p -= rate g / (root_scale sqrt(v) + epsilon)
    UNROLL_RULE_ADAM,       // p -= rate m / (root_scale sqrt(v) + epsilon)
} UnrollRule;

// Before that: g = gradient_scale g + weight_decay p, but for plain SGD, whose rate has the scale in it;
// p -= shrinkage p; m = momentum m + momentum_share g; v = square_decay v + square_share g^2. After it:
// average += average_share (p - average). What is zero stays zero, and with it the padding; epsilon is a positive normal
// number.
typedef struct {
    UnrollRule rule;
    float gradient_scale, weight_decay, shrinkage;
    float rate;
    float momentum, momentum_share;
    float square_decay, square_share, root_scale, epsilon;
    float average_share;   // zero: no average
} UnrollUpdate;

// The kernels of one instruction set. A share of rows or units begins at a multiple of 8, so that the tiles, and with
// them every bit, are the same however the work is shared. Pointers to const are read, others are results, unless the
// comment says more.
typedef struct {
    const char *name;
    // Numbers in a word: 1 in float32, 2 in bfloat16, 4 in int8.
    int32_t word_units;
    // Words after a panel of weights: those of the scales in int8, otherwise 0.
    int32_t scale_words;
    // Forward step t for a share of panels and rows. tokens: the rows of the layer's input, [B]; not read without one.
    void (*forward_step)(
        const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, const int32_t *tokens,
        UnrollRange panels, UnrollRange rows);
    // Backward step t for a share of panels and rows; is_last: no later step contributes. NULL in int8.
    void (*backward_step)(
        const UnrollRecurrence *layer, const UnrollProgram *program, int32_t t, bool is_last, UnrollRange panels,
        UnrollRange rows);
    // Some panels of a product for all steps.
    void (*project)(const UnrollProjection *projection, UnrollRange panels);
    // Logits, for a share of rows of step t and some panels.
    void (*decode)(const UnrollDecoder *decoder, int32_t t, UnrollRange rows, UnrollRange panels);
    // Losses and, if wanted, the gradient of the logits, which are there, for a share of rows of step t.
    void (*cross_entropy)(const UnrollDecoder *decoder, int32_t t, UnrollRange rows);
    // to = from, masked, for count rows of a panel of step t, or without from the mask times its scale. Both are
    // [count][32] and may be the same.
    void (*mask)(
        const UnrollMask *mask, int32_t t, int32_t panel, int32_t row, int32_t count, const float *from, float *to);
    // The words of a tensor's values, for a share of panels and rows of step t; nothing to do in float32. In int8, all
    // panels of each row, and steps do not pack their results. Units that pad the last panel must be zero there.
    void (*pack)(const UnrollOperand *operand, int32_t t, UnrollRange panels, UnrollRange rows);
    // The words of a block of weights, [32 inputs][32], as right operand of a product over inputs (forward, [32][32];
    // in float32 the block itself, and nothing is written) and over outputs (transposed, [32 outputs][32]). NULL in int8.
    void (*pack_weights)(const float *block, float *forward, float *transposed);
    // The rows of c that belong to a share of units of a. NULL in int8.
    void (*weight_gradient)(const UnrollProduct *product, UnrollRange units);
    // For one panel: gradient[token][32] = sum of the rows with that token, zero without one. rows: [T][..][B][32].
    // tokens: [T], token_stride apart, of [B]. gradient: [vocabulary][32]. NULL in int8.
    void (*input_gradient)(
        UnrollPanels rows, int32_t panel, int32_t steps, int32_t batch, const int32_t *tokens, ptrdiff_t token_stride,
        int32_t vocabulary, float *gradient);
    // sums[32] = sum of all rows of one panel. rows: [T][..][B][32]. NULL in int8.
    void (*column_sums)(UnrollPanels rows, int32_t panel, int32_t steps, int32_t batch, float *sums);
    // to[j][i] = from[i][j] for a block of rows x columns at any address; strides in floats.
    void (*transpose)(
        const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride, ptrdiff_t rows, ptrdiff_t columns);
    // to[i][j] = from[i][j] for a block of rows x columns at any address; strides in floats.
    void (*copy)(
        const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride, ptrdiff_t rows, ptrdiff_t columns);
    // The sum of the squares of count numbers, count a multiple of 32.
    double (*sum_of_squares)(const float *values, ptrdiff_t count);
    // Updates parameters and the slots of the rule, all [count], count a multiple of 32; slots that the rule does not
    // have, and an average whose share is zero, are neither read nor written.
    void (*update)(
        const UnrollUpdate *update, float *parameters, const float *gradients, float *momentum, float *square,
        float *average, ptrdiff_t count);
    // One elementwise operation on count numbers, count a multiple of 32. d may be a, b or c; operands that the
    // operation does not have are not read.
    void (*operate)(
        const UnrollInstruction *instruction, float *d, const float *a, const float *b, const float *c,
        ptrdiff_t count);
    // Some rows of some panels of a product. NULL in int8.
    void (*multiply)(const UnrollMatrixProduct *product, UnrollSpan rows, UnrollSpan panels);
    // count elements at any address; a single operand is one number, used for all. d may be a or b.
    void (*combine)(
        UnrollCombination operation, float *d, const float *a, bool a_is_single, const float *b, bool b_is_single,
        ptrdiff_t count);
    // The sum of count numbers at any address.
    double (*sum)(const float *values, ptrdiff_t count);
    // For one row of logits, [panels][32], -infinity in the padding: returns the cross-entropy in nats and leaves its
    // gradient in their place.
    double (*softmax)(float *row, int32_t panels, int32_t target);
    // Runs multiply-adds at full speed and returns how many floating-point operations they were.
    double (*probe)(int64_t iterations);
} UnrollKernels;

typedef enum {
    UNROLL_LEVEL_PORTABLE,
    UNROLL_LEVEL_AVX2,
    UNROLL_LEVEL_AVXVNNI,
    UNROLL_LEVEL_AVX512,
    UNROLL_LEVEL_AVX512BF16,
    UNROLL_LEVEL_AVX512VNNI,
} UnrollLevel;

// What matrix products read; they add up in float32, in int8 in int32, and everything else is float32.
typedef enum {
    UNROLL_PRECISION_FLOAT32,
    UNROLL_PRECISION_BFLOAT16,
    UNROLL_PRECISION_INT8,
} UnrollPrecision;

// The kernels of a level, or NULL where the processor or the operating system lacks it, or where it has none of its own
// for that precision.
const UnrollKernels *unroll_kernels(UnrollLevel level, UnrollPrecision precision);

// A fixed set of threads that run one function together. The caller is thread 0.
typedef struct UnrollPool UnrollPool;

// Creates threads - 1 threads; returns NULL when the system refuses them or threads is not 1 to UNROLL_MAX_THREADS.
UnrollPool *unroll_pool_create(int32_t threads);
void unroll_pool_destroy(UnrollPool *pool);

// Runs body(context, thread) on every thread and returns when all are done. While it runs, denormal numbers count as
// zero on every thread alike. Not reentrant.
void unroll_pool_run(UnrollPool *pool, void (*body)(void *context, int32_t thread), void *context);

// Runs body(context, 0) on the calling thread alone, which treats denormal numbers as a pool does.
void unroll_run_alone(void (*body)(void *context, int32_t thread), void *context);

// Waits, inside a body, until every thread has come here: first spinning, then asleep.
void unroll_pool_barrier(UnrollPool *pool);

// Processors whose time this process may use: those it may run on, or its container's quota where that is less.
int32_t unroll_processor_count(void);

// The quota of the control group in a folder, rounded up to whole processors; INT32_MAX without a quota.
int32_t unroll_processor_quota(const char *folder);

// Allocates zeroed memory aligned to UNROLL_ALIGNMENT, or NULL.
float *unroll_allocate(size_t floats);

// Frees memory of unroll_allocate.
void unroll_free(float *memory);

#endif
