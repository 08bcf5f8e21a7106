// Words of two bfloat16 numbers, with the instructions of AVX512_BF16: the first number is the low half.

#define WORD_UNITS 2
#define ADD_PRODUCT(sum, a, b) _mm512_dpbf16_ps(sum, (__m512bh)(a), (__m512bh)(b))
#define PAIR(a, b) pair_of(a, b)
#define PACK_UNITS(to, from) STORE(to, (Vector)_mm512_cvtne2ps_pbh(LOAD((from) + LANES), LOAD(from)))

static inline __attribute__((always_inline)) Vector pair_of(Vector a, Vector b) {
    // Both in one register, a first; then a's numbers to the even places.
    const __m512i halves = (__m512i)_mm512_cvtne2ps_pbh(b, a);
    const __m512i even = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(halves));
    const __m512i odd = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(halves, 1));
    return (Vector)_mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}
