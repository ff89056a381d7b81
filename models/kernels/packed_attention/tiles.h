// Tiles of numbers: products with their sums in registers, turning round, and powers of two. See README.md.
#pragma once
#include "core/registers.h"

namespace secretariat {

#if defined(__AVX512F__)
constexpr int QUERIES = 8, ACROSS = 3;  // sums in registers: rows by vectors of sixteen, of scores
constexpr int ROWS = 6, WIDE = 4;       // and of outputs
typedef lane piece;
#elif defined(__AVX2__)
constexpr int QUERIES = 6, ACROSS = 1, ROWS = 6, WIDE = 1;
typedef part piece;
#else
constexpr int QUERIES = 2, ACROSS = 1, ROWS = 2, WIDE = 1;
typedef part piece;
#endif
constexpr int64_t PANEL = 48;             // keys whose numbers lie side by side; queries of a tile
constexpr int64_t STRETCH = 4 * PANEL;    // keys that a tile is held against at a time on the way forth
constexpr int64_t PIECE = sizeof(piece) / sizeof(float);
static_assert(PANEL % QUERIES == 0 && PANEL % ROWS == 0 && PANEL % LANES == 0, "tiles are whole");

INLINE piece take(const float *from) { piece v; memcpy(&v, from, sizeof v); return v; }
INLINE void put(float *to, piece v) { memcpy(to, &v, sizeof v); }
INLINE piece filled(float x) { return x - piece{}; }
alignas(64) constexpr float COUNTED[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
INLINE piece greater(piece a, piece b) {
#if defined(__AVX512F__)
    return larger(a, b);
#else
    return a > b ? a : b;
#endif
}
INLINE float summed(piece v) {
    float some[LANES] = {};
    put(some, v);
    return sum(load(some));
}
INLINE float greatest(piece v) {
#if defined(__AVX512F__)
    return largest(v);
#else
    float most = v[0];
    for (int i = 1; i < PIECE; i++) most = v[i] > most ? v[i] : most;
    return most;
#endif
}

// 2^x for x <= 0 or next to it, to 2 units in the last place; 0 below -100: no sum notices, and what would be made of
// such numbers, below the normal ones, takes processors a hundred times as long.
INLINE piece power(piece x) {
    const piece least = filled(-100.0f), bounded = greater(x, least);
#if defined(__AVX512F__)
    const lane r = (lane)_mm512_reduce_ps((__m512)bounded, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    const piece magic = filled(12582912.0f), n = (bounded + magic) - magic, r = bounded - n;  // magic: 1.5 * 2^23
#endif
    piece p = filled(1.326472731307149e-3f);
    p = fma(p, r, filled(9.671512991189957e-3f));
    p = fma(p, r, filled(5.550733581185341e-2f));
    p = fma(p, r, filled(2.4022242426872253e-1f));
    p = fma(p, r, filled(6.931470036506653e-1f));
    p = fma(p, r, filled(1.0f));
#if defined(__AVX512F__)
    const __mmask16 counts = _mm512_cmp_ps_mask((__m512)x, (__m512)least, _CMP_GE_OQ);
    return (lane)_mm512_maskz_scalef_ps(counts, (__m512)p, (__m512)(bounded - r));
#else
    typedef int32_t numbers __attribute__((vector_size(sizeof(piece))));
    const piece whole = (piece)((__builtin_convertvector(n, numbers) + 127) << 23);
    return x < least ? piece{} : p * whole;
#endif
}

// Sixteen rows by sixteen columns, turned round.
INLINE void transposed(const float *from, int64_t from_row, float *to, int64_t to_row) {
#if defined(__AVX512F__)
    // Four times the rows of the first half go between those of the second.
    const ints low = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}, high = low + 8;
    lane rows[LANES], mixed[LANES];
    for (int r = 0; r < LANES; r++) rows[r] = load(from + r * from_row);
    for (int stage = 0; stage < 2; stage++) {
        for (int r = 0; r < 8; r++) {
            mixed[2 * r] = __builtin_shuffle(rows[r], rows[r + 8], low);
            mixed[2 * r + 1] = __builtin_shuffle(rows[r], rows[r + 8], high);
        }
        for (int r = 0; r < 8; r++) {
            rows[2 * r] = __builtin_shuffle(mixed[r], mixed[r + 8], low);
            rows[2 * r + 1] = __builtin_shuffle(mixed[r], mixed[r + 8], high);
        }
    }
    for (int r = 0; r < LANES; r++) store(to + r * to_row, rows[r]);
#else
    for (int r = 0; r < LANES; r++)
        for (int c = 0; c < LANES; c++) to[c * to_row + r] = from[r * from_row + c];
#endif
}

// to[r][j] = or += sum over i in order of left[r * row + i * step] right[i][j], for one strip of j.
template <int R, int C>
INLINE void product(const float *left, int64_t row, int64_t step, const float *right, int64_t right_row,
                    int64_t count, float *to, int64_t to_row, bool more) {
    wide sums[R][C];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) sums[r][c] = more ? load_wide(to + r * to_row + c * LANES) : spread(0.0f);
    for (int64_t i = 0; i < count; i++) {
        wide column[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) column[c] = load_wide(right + i * right_row + c * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const wide value = spread(left[r * row + i * step]);
#pragma GCC unroll 4
            for (int c = 0; c < C; c++) sums[r][c] = fma(column[c], value, sums[r][c]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) store(to + r * to_row + c * LANES, sums[r][c]);
}

// As many strips as there are: of C vectors, and one of those left.
template <int R, int C>
INLINE void products(int64_t vectors, const float *left, int64_t row, int64_t step, const float *right,
                     int64_t right_row, int64_t count, float *to, int64_t to_row, bool more) {
    for (; vectors >= C; vectors -= C, right += C * LANES, to += C * LANES)
        product<R, C>(left, row, step, right, right_row, count, to, to_row, more);
    if constexpr (C > 1)
        if (vectors) products<R, C - 1>(vectors, left, row, step, right, right_row, count, to, to_row, more);
}

}  // namespace secretariat
