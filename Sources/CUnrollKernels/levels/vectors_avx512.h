// AVX-512: 16 lanes, tiles of 8 rows x 32 columns in 16 of the 32 registers.

typedef __m512 Vector;

#define LANES 16
#define TILE_ROWS 8
#define TILE_VECTORS 2
#define LOAD(p) _mm512_load_ps(p)
#define STORE(p, v) _mm512_store_ps(p, v)
#define LOAD_ANYWHERE(p) _mm512_loadu_ps(p)
#define STORE_ANYWHERE(p, v) _mm512_storeu_ps(p, v)
#define LOAD_FIRST(p, count) _mm512_maskz_loadu_ps((__mmask16)((1u << (count)) - 1), p)
#define STORE_FIRST(p, count, v) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (count)) - 1), v)
#define BROADCAST(x) _mm512_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm512_fmadd_ps(a, b, c)
#define NEGATED_MULTIPLY_ADD(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define MAX(a, b) _mm512_max_ps(a, b)
#define MIN(a, b) _mm512_min_ps(a, b)
#define SQUARE_ROOT(a) _mm512_sqrt_ps(a)
#define ROUND(a) _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define KEEP_WHERE_LESS(value, a, b) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), value)
#define ZERO_WHERE_LESS(value, a, b) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ), value)
// value * 2^exponent, the exponent whole and within the range of normal numbers.
#define SCALE(value, exponent) _mm512_scalef_ps(value, exponent)
#define REDUCE_ADD(v) _mm512_reduce_add_ps(v)
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
