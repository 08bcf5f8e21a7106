// What the kernels of step_products.cu share: the sizes of their tiles, and which elements a thread has.
//
// `ProductLayout` defines, above this text, the layer's HIDDEN units, ROWS of a block, FORWARD_UNITS of a block of
// `product_forward`, which has all of their gates, and the stages of both kernels' tiles.

#define FORWARD_COLUMNS ((GATES * FORWARD_UNITS + 31) / 32 * 32)
#define BACKWARD_UNITS 64
#define GATE_COUNT (GATES * HIDDEN)
// Rows of factors begin at multiples of 16 bytes.
#define HIDDEN_PITCH ((HIDDEN + 7) / 8 * 8)
#define GATE_PITCH ((GATE_COUNT + 7) / 8 * 8)

typedef PipelinedTile<ROWS, FORWARD_COLUMNS, FORWARD_STAGES, false, false> ForwardTile;
typedef PipelinedTile<ROWS, BACKWARD_UNITS, BACKWARD_STAGES, false, true> BackwardTile;

// Elements of a thread where a block has so many units, and of how many it reads what the formula needs before it computes
// the first: as many as there are registers for, of so many values each.
#define ELEMENTS(units) ((ROWS * (units) + PIPELINE_THREADS - 1) / PIPELINE_THREADS)
#define AT_ONCE(elements, values)                \
    ((values) <= 14 && (elements) >= 8 ? 8       \
         : (values) <= 28 && (elements) >= 4 ? 4 \
         : (values) <= 56 && (elements) >= 2 ? 2 : 1)

// Registers in which random numbers are drawn for an element.
DEVICE constexpr int mask_registers() {
    int count = 0;
    for (int state = 0; state < STATES; state++) count += IS_MASKED(state) ? 8 : 0;
    return count;
}

// A pair of a unit and a row.
struct Element {
    // The row and the unit among those of the block, and of all.
    int own_row, own_unit, row, unit;
    // Whether the block, the minibatch and the layer have it.
    bool is_live;

    // That of a thread, by its index, where a block has so many units: neighboring threads have neighboring units.
    METHOD Element(int index, int units, int batch) {
        const int number = threadIdx.x + index * PIPELINE_THREADS;
        own_row = number / units;
        own_unit = number % units;
        row = blockIdx.y * ROWS + own_row;
        unit = blockIdx.x * units + own_unit;
        is_live = own_row < ROWS && row < batch && unit < HIDDEN;
    }
};
