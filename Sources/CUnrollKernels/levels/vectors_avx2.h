// AVX2 with FMA: 8 lanes, tiles of 4 rows x 16 columns in 8 of the 16 registers.

typedef __m256 Vector;

#define LANES 8
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define LOAD(p) _mm256_load_ps(p)
#define STORE(p, v) _mm256_store_ps(p, v)
#define LOAD_ANYWHERE(p) _mm256_loadu_ps(p)
#define STORE_ANYWHERE(p, v) _mm256_storeu_ps(p, v)
#define FIRST(count) \
    _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD_FIRST(p, count) _mm256_maskload_ps(p, FIRST(count))
#define STORE_FIRST(p, count, v) _mm256_maskstore_ps(p, FIRST(count), v)
#define BROADCAST(x) _mm256_set1_ps(x)
#define MULTIPLY_ADD(a, b, c) _mm256_fmadd_ps(a, b, c)
#define NEGATED_MULTIPLY_ADD(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define MAX(a, b) _mm256_max_ps(a, b)
#define MIN(a, b) _mm256_min_ps(a, b)
#define SQUARE_ROOT(a) _mm256_sqrt_ps(a)
#define ROUND(a) _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define KEEP_WHERE_LESS(value, a, b) _mm256_and_ps(value, _mm256_cmp_ps(a, b, _CMP_LT_OQ))
#define ZERO_WHERE_LESS(value, a, b) _mm256_andnot_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ), value)
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVENS(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
