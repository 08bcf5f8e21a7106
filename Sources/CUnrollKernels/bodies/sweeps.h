// Passes over parameters, and the probe of the processor's speed.

// Exchanges rows and columns of a block of LANES x LANES: log2(LANES) rounds of the perfect shuffle. from: given, to:
// the result, at any address.
INLINE void transpose_lanes(const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride) {
    Vector block[LANES], shuffled[LANES];
    UNROLLED for (int i = 0; i < LANES; i++) block[i] = LOAD_ANYWHERE(from + i * from_stride);
    UNROLLED for (int round = 1; round < LANES; round *= 2) {
        UNROLLED for (int i = 0; i < LANES / 2; i++) {
            shuffled[2 * i] = ZIP_LOW(block[i], block[i + LANES / 2]);
            shuffled[2 * i + 1] = ZIP_HIGH(block[i], block[i + LANES / 2]);
        }
        UNROLLED for (int i = 0; i < LANES; i++) block[i] = shuffled[i];
    }
    UNROLLED for (int i = 0; i < LANES; i++) STORE_ANYWHERE(to + i * to_stride, block[i]);
}

static void transpose(
    const float *from, ptrdiff_t from_stride, float *to, ptrdiff_t to_stride, ptrdiff_t rows, ptrdiff_t columns) {
    for (ptrdiff_t i = 0; i < rows; i += LANES) {
        for (ptrdiff_t j = 0; j < columns; j += LANES) {
            const float *block = from + i * from_stride + j;
            float *transposed = to + j * to_stride + i;
            if (i + LANES <= rows && j + LANES <= columns) {
                transpose_lanes(block, from_stride, transposed, to_stride);
                continue;
            }
            for (ptrdiff_t row = 0; row < LANES && i + row < rows; row++) {
                for (ptrdiff_t column = 0; column < LANES && j + column < columns; column++)
                    transposed[column * to_stride + row] = block[row * from_stride + column];
            }
        }
    }
}

static double sum_of_squares(const float *values, ptrdiff_t count) {
    Vector sums[WIDTH / LANES];
    UNROLLED for (int v = 0; v < WIDTH / LANES; v++) sums[v] = BROADCAST(0.f);
    for (ptrdiff_t i = 0; i < count; i += WIDTH) {
        UNROLLED for (int v = 0; v < WIDTH / LANES; v++) {
            Vector x = LOAD(values + i + v * LANES);
            sums[v] = MULTIPLY_ADD(x, x, sums[v]);
        }
    }
    double total = 0;
    UNROLLED for (int v = 0; v < WIDTH / LANES; v++) total += REDUCE_ADD(sums[v]);
    return total;
}

static double probe(int64_t iterations) {
    // Twelve independent sums hide the latency of two multiply-adds a cycle and fit into sixteen registers.
    enum { SUMS = 12 };
    Vector sums[SUMS];
    UNROLLED for (int i = 0; i < SUMS; i++) sums[i] = BROADCAST((float)i);
    Vector factor = BROADCAST(0.999f), addend = BROADCAST(1e-3f);  // in bfloat16, any words will do
    // The compiler must not see that these are constants: it would find the sum that they leave as it is, one, and drop
    // it, and the peak would come out a twelfth too high.
    __asm__ volatile("" : : "r"(&factor), "r"(&addend) : "memory");
    for (int64_t n = 0; n < iterations; n++) {
#if WORD_UNITS == 1
        UNROLLED for (int i = 0; i < SUMS; i++) sums[i] = MULTIPLY_ADD(sums[i], factor, addend);
#else
        UNROLLED for (int i = 0; i < SUMS; i++) sums[i] = ADD_PRODUCT(sums[i], factor, addend);
#endif
    }
    Vector total = sums[0];
    UNROLLED for (int i = 1; i < SUMS; i++) total += sums[i];
    volatile float result = REDUCE_ADD(total);
    (void)result;
    return (double)iterations * SUMS * LANES * 2 * WORD_UNITS;
}
