// The tile interpreter: a cell's pointwise formula as a list of operations on tiles of 32 units x up to 64 rows.
//
// Tiles are contiguous, so operations read and write tensors directly and no load or store is needed. What costs is
// the traffic with the L1 cache, hence the operations with three operands, the forms that the chain rule emits.
//
// d is the result, a, b and c are read, all [count] and aligned; d may be any of them. Of a broadcast, a is [32]. Their
// kinds are the slots'.

typedef void Operation(
    const UnrollInstruction *instruction, float *d, const float *a, const float *b, const float *c, ptrdiff_t count);

#define OPERATION(NAME, RESULT)                                                                                       \
    NOINLINE void NAME(                                                                                               \
        const UnrollInstruction *instruction, float *d, const float *a, const float *b, const float *c,              \
        ptrdiff_t count) {                                                                                            \
        const Vector scale = BROADCAST(instruction->scale), offset = BROADCAST(instruction->offset);                 \
        (void)scale, (void)offset;                                                                                    \
        for (ptrdiff_t start = 0; start < count; start += WIDTH) {                                                    \
            UNROLLED for (int lane = 0; lane < WIDTH; lane += LANES) {                                                \
                const ptrdiff_t i = start + lane;                                                                     \
                STORE(d + i, RESULT);                                                                                 \
            }                                                                                                         \
        }                                                                                                             \
    }

#define A LOAD(a + i)
#define B LOAD(b + i)
#define C LOAD(c + i)

OPERATION(operate_constant, offset)
OPERATION(operate_copy, A)
OPERATION(operate_broadcast, LOAD(a + lane))
OPERATION(operate_add, A + B)
OPERATION(operate_subtract, A - B)
OPERATION(operate_multiply, A * B)
OPERATION(operate_divide, A / B)
OPERATION(operate_minimum, vector_minimum(A, B))
OPERATION(operate_maximum, vector_maximum(A, B))
OPERATION(operate_multiply_add, MULTIPLY_ADD(A, B, C))
OPERATION(operate_affine, MULTIPLY_ADD(A, scale, offset))
OPERATION(operate_tanh, vector_tanh(A))
OPERATION(operate_sigmoid, vector_sigmoid(A))
OPERATION(operate_relu, vector_relu(A))
OPERATION(operate_square_root, SQUARE_ROOT(A))
OPERATION(operate_absolute, vector_absolute(A))
OPERATION(operate_softplus, vector_softplus(A))
OPERATION(operate_tanh_derivative, tanh_derivative(A, B))
OPERATION(operate_sigmoid_derivative, sigmoid_derivative(A, B))
OPERATION(operate_relu_derivative, relu_derivative(A, B))
OPERATION(operate_absolute_derivative, absolute_derivative(A, B))
OPERATION(operate_gradient_of_greater, gradient_of_greater(A, B, C))
OPERATION(operate_tanh_derivative_of_product, tanh_derivative(A, B * C))
OPERATION(operate_sigmoid_derivative_of_product, sigmoid_derivative(A, B * C))

OPERATION(operate_exp, vector_exp_unbounded(A))

NOINLINE void operate_log(
    const UnrollInstruction *instruction, float *d, const float *a, const float *b, const float *c, ptrdiff_t count) {
    (void)instruction, (void)b, (void)c;
    for (ptrdiff_t i = 0; i < count; i++) d[i] = logf(a[i]);
}

NOINLINE void operate_power(
    const UnrollInstruction *instruction, float *d, const float *a, const float *b, const float *c, ptrdiff_t count) {
    (void)b, (void)c;
    for (ptrdiff_t i = 0; i < count; i++) d[i] = powf(a[i], instruction->scale);
}

#undef A
#undef B
#undef C

static Operation *const operations[UNROLL_OP_COUNT] = {
    [UNROLL_OP_CONSTANT] = operate_constant,
    [UNROLL_OP_COPY] = operate_copy,
    [UNROLL_OP_BROADCAST] = operate_broadcast,
    [UNROLL_OP_ADD] = operate_add,
    [UNROLL_OP_SUBTRACT] = operate_subtract,
    [UNROLL_OP_MULTIPLY] = operate_multiply,
    [UNROLL_OP_DIVIDE] = operate_divide,
    [UNROLL_OP_MINIMUM] = operate_minimum,
    [UNROLL_OP_MAXIMUM] = operate_maximum,
    [UNROLL_OP_MULTIPLY_ADD] = operate_multiply_add,
    [UNROLL_OP_AFFINE] = operate_affine,
    [UNROLL_OP_TANH] = operate_tanh,
    [UNROLL_OP_SIGMOID] = operate_sigmoid,
    [UNROLL_OP_RELU] = operate_relu,
    [UNROLL_OP_EXP] = operate_exp,
    [UNROLL_OP_LOG] = operate_log,
    [UNROLL_OP_SQUARE_ROOT] = operate_square_root,
    [UNROLL_OP_ABSOLUTE] = operate_absolute,
    [UNROLL_OP_SOFTPLUS] = operate_softplus,
    [UNROLL_OP_POWER] = operate_power,
    [UNROLL_OP_TANH_DERIVATIVE] = operate_tanh_derivative,
    [UNROLL_OP_SIGMOID_DERIVATIVE] = operate_sigmoid_derivative,
    [UNROLL_OP_RELU_DERIVATIVE] = operate_relu_derivative,
    [UNROLL_OP_ABSOLUTE_DERIVATIVE] = operate_absolute_derivative,
    [UNROLL_OP_GRADIENT_OF_GREATER] = operate_gradient_of_greater,
    [UNROLL_OP_TANH_DERIVATIVE_OF_PRODUCT] = operate_tanh_derivative_of_product,
    [UNROLL_OP_SIGMOID_DERIVATIVE_OF_PRODUCT] = operate_sigmoid_derivative_of_product,
};

static void operate(
    const UnrollInstruction *instruction, float *d, const float *a, const float *b, const float *c, ptrdiff_t count) {
    operations[instruction->opcode](instruction, d, a, b, c, count);
}

// The address of a panel's tile at step t, starting at a row.
INLINE float *tile_of(UnrollPanels panels, int32_t t, int32_t panel, int32_t row) {
    return panels.base + t * panels.time + panel * panels.panel + row * panels.row;
}

// tiles: the result, [slot_count].
INLINE void locate_slots(const UnrollProgram *program, int32_t t, int32_t panel, int32_t row, float **tiles) {
    for (int32_t slot = 0; slot < program->slot_count; slot++)
        tiles[slot] = tile_of(program->slots[slot], t, panel, row);
}

// tiles: the slots' tiles, [slot_count] of [rows][32].
INLINE void run_program(const UnrollProgram *program, float *const *tiles, int32_t rows) {
    for (int32_t index = 0; index < program->instruction_count; index++) {
        const UnrollInstruction *next = &program->instructions[index];
        operate(next, tiles[next->d], tiles[next->a], tiles[next->b], tiles[next->c], (ptrdiff_t)rows * WIDTH);
    }
}
