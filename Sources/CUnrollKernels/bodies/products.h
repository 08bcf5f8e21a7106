// Products of row-major matrices of any size: the right operand in panels, the result in rows.

// Values of the inner index whose panel of weights stays in the L2 cache while all rows pass by.
enum { INNER_BLOCK = 1024 };

// Up to so many, the result is the matrix that costs most to read and write.
enum { SHORT_INNER = 64 };

// The first lanes at any address, one at least but not all; the others are zero, or stay as they are.
#ifndef LOAD_FIRST
INLINE Vector load_first(const float *from, ptrdiff_t count) {
    float lanes[LANES] __attribute__((aligned(UNROLL_ALIGNMENT))) = {0};
    for (ptrdiff_t i = 0; i < count; i++) lanes[i] = from[i];
    return LOAD(lanes);
}

INLINE void store_first(float *to, ptrdiff_t count, Vector value) {
    float lanes[LANES] __attribute__((aligned(UNROLL_ALIGNMENT)));
    STORE(lanes, value);
    for (ptrdiff_t i = 0; i < count; i++) to[i] = lanes[i];
}
#define LOAD_FIRST(p, count) load_first(p, count)
#define STORE_FIRST(p, count, v) store_first(p, count, v)
#endif

// Rows of the result, of which some vectors may have fewer columns than lanes, or none. from, to: [rows][columns] at
// any address, stride floats a row.
INLINE void load_rows(
    const int rows, const float *from, ptrdiff_t stride, const ptrdiff_t columns, Accumulators sums) {
    UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
        const ptrdiff_t left = columns - v * LANES;
        UNROLLED for (int r = 0; r < rows; r++) {
            const float *address = from + r * stride + v * LANES;
            sums[r][v] = left >= LANES ? LOAD_ANYWHERE(address) : left > 0 ? LOAD_FIRST(address, left) : BROADCAST(0.f);
        }
    }
}

INLINE void store_rows(
    const int rows, Accumulators sums, float *to, ptrdiff_t stride, const ptrdiff_t columns) {
    UNROLLED for (int v = 0; v < TILE_VECTORS; v++) {
        const ptrdiff_t left = columns - v * LANES;
        UNROLLED for (int r = 0; r < rows; r++) {
            float *address = to + r * stride + v * LANES;
            if (left >= LANES) {
                STORE_ANYWHERE(address, sums[r][v]);
            } else if (left > 0) {
                STORE_FIRST(address, left, sums[r][v]);
            }
        }
    }
}

// With two values of the inner index at a time, the portable level would spill an accumulator.
#define ONE_AT_A_TIME _Pragma("clang loop unroll(disable)")

// rows rows of one panel of the result, for the inner index from begin to end.
INLINE void product_tile(
    const int rows, const UnrollMatrixProduct *product, ptrdiff_t row, ptrdiff_t panel, ptrdiff_t begin,
    ptrdiff_t end) {
    const bool continues = product->accumulates || begin > 0;
    for (int pass = 0; pass < PASSES; pass++) {
        const ptrdiff_t column = panel * WIDTH + pass * PASS_WIDTH;
        const ptrdiff_t columns = product->columns - column;
        if (columns <= 0) return;
        float *to = product->c + row * product->columns + column;
        // Whole tiles have code of their own, without a branch for every vector.
        const bool is_whole = columns >= PASS_WIDTH;
        Accumulators sums;
        if (!continues) {
            UNROLLED for (int r = 0; r < rows; r++) {
                UNROLLED for (int v = 0; v < TILE_VECTORS; v++) sums[r][v] = BROADCAST(0.f);
            }
        } else if (is_whole) {
            load_rows(rows, to, product->columns, PASS_WIDTH, sums);
        } else {
            load_rows(rows, to, product->columns, columns, sums);
        }
        const float *b = product->b + (panel * product->inner + begin) * WIDTH + pass * PASS_WIDTH;
        if (product->a_is_transposed) {
            const float *a = product->a + (row / WIDTH * product->inner + begin) * WIDTH + row % WIDTH;
            ONE_AT_A_TIME
            for (ptrdiff_t k = begin; k < end; k++, a += WIDTH, b += WIDTH) accumulate_one(rows, a, 1, b, sums);
        } else {
            const float *a = product->a + row * product->a_stride + begin;
            ONE_AT_A_TIME
            for (ptrdiff_t k = begin; k < end; k++, a++, b += WIDTH)
                accumulate_one(rows, a, product->a_stride, b, sums);
        }
        if (is_whole) {
            store_rows(rows, sums, to, product->columns, PASS_WIDTH);
        } else {
            store_rows(rows, sums, to, product->columns, columns);
        }
    }
}

#undef ONE_AT_A_TIME

// The tile that begins at row, of those before end_row.
NOINLINE void product_tile_at(
    const UnrollMatrixProduct *product, ptrdiff_t row, ptrdiff_t end_row, ptrdiff_t panel, ptrdiff_t begin,
    ptrdiff_t end) {
    const ptrdiff_t rows = end_row - row;
#define CALL(ROWS) product_tile(ROWS, product, row, panel, begin, end)
    // Any greater number means a whole tile.
    FOR_CONSTANT_ROWS(rows, CALL)
#undef CALL
}

static void multiply(const UnrollMatrixProduct *product, UnrollSpan rows, UnrollSpan panels) {
    if (product->inner <= SHORT_INNER) {
        // Row by row, as the result lies in memory. Without inner values too, so that an empty sum is written as zero.
        for (ptrdiff_t row = rows.begin; row < rows.end; row += TILE_ROWS) {
            for (ptrdiff_t panel = panels.begin; panel < panels.end; panel++)
                product_tile_at(product, row, rows.end, panel, 0, product->inner);
        }
        return;
    }
    for (ptrdiff_t begin = 0; begin < product->inner; begin += INNER_BLOCK) {
        const ptrdiff_t left = product->inner - begin;
        const ptrdiff_t end = begin + (left < INNER_BLOCK ? left : INNER_BLOCK);
        for (ptrdiff_t panel = panels.begin; panel < panels.end; panel++) {
            for (ptrdiff_t row = rows.begin; row < rows.end; row += TILE_ROWS)
                product_tile_at(product, row, rows.end, panel, begin, end);
        }
    }
}
