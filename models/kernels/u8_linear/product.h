// Rows of x in eight bits against panels of weights in eight bits, a few rows at a time. See README.md.
#pragma once
#include "core/step.h"

namespace secretariat {

// Mirrors `U8MatrixArgs` of cpu.py. Panels of sixteen outputs one after the other, a panel's groups likewise:
// codes [group/4, 16, 4], and for each output its scale, then scale * sum of codes.
struct U8Matrix {
    const int8_t *codes;
    const float *scales;  // [panels, groups, 2, 16]
    int32_t inputs, outputs, group, unused;

    int64_t groups() const { return inputs / group; }
    int64_t panels() const { return (outputs + LANES - 1) / LANES; }
    const int8_t *codes_at(int64_t panel, int64_t g) const { return codes + (panel * groups() + g) * group * LANES; }
    const float *scales_at(int64_t panel, int64_t g) const { return scales + (panel * groups() + g) * 2 * LANES; }
};

#if defined(__AVX512VNNI__)
constexpr int TALL = 8, BROAD = 3;  // rows by panels: 24 sums, three vectors of weights and one of x
#else
constexpr int TALL = 4, BROAD = 1;
#endif
constexpr int64_t U8_ROWS = 64;    // of x at a time: its codes, and the sums of a few panels, stay near
constexpr int64_t U8_GROUP = 96;   // the largest

// Up to U8_ROWS rows laid in eight bits: codes [groups, U8_ROWS, group], x = low + scale * code.
struct U8Rows {
    uint8_t *codes;
    float *scales, *lows;  // [groups, U8_ROWS]
    int64_t group;

    U8Rows(const U8Matrix &w, uint8_t *memory) : codes(memory), group(w.group) {
        scales = (float *)(memory + U8_ROWS * w.inputs);
        lows = scales + U8_ROWS * w.groups();
    }
    static int64_t bytes(const U8Matrix &w) { return U8_ROWS * (w.inputs + w.groups() * 2 * (int64_t)sizeof(float)); }

    // Group g of a row, which begins at x.
    void lay(int64_t row, int64_t g, const float *x) const {
        typedef uint8_t bytes16 __attribute__((vector_size(16)));
        lane least = load(x), most = least;
        for (int64_t i = LANES; i < group; i += LANES) {
            least = smaller(least, load(x + i));
            most = larger(most, load(x + i));
        }
        const float low = folded(least, [](auto a, auto b) { return a < b ? a : b; }), span = largest(most) - low;
        const float inverse = span > 1e-30f ? 255.0f / span : 0.0f;
        uint8_t *to = codes + (g * U8_ROWS + row) * group;
        for (int64_t i = 0; i < group; i += LANES) {
            const bytes16 some = __builtin_convertvector(nearest((load(x + i) - low) * inverse), bytes16);
            memcpy(to + i, &some, 16);
        }
        scales[g * U8_ROWS + row] = span * (1.0f / 255);
        lows[g * U8_ROWS + row] = low;
    }

    // `rows` rows of x, one after the other.
    void lay_all(const float *x, int64_t rows, int64_t inputs) const {
        for (int64_t row = 0; row < rows; row++)
            for (int64_t g = 0; g * group < inputs; g++) lay(row, g, x + row * inputs + g * group);
    }
};

typedef int8_t codes64 __attribute__((vector_size(64)));

// To each of 16 sums the products of its four signed bytes with the same four unsigned bytes of x.
INLINE ints dot4(ints total, codes64 weights, int32_t x) {
#if defined(__AVX512VNNI__)
    return (ints)_mm512_dpbusd_epi32((__m512i)total, _mm512_set1_epi32(x), (__m512i)weights);
#elif defined(__AVX512BW__)
    const __m512i values = _mm512_set1_epi32(x), odd = _mm512_srli_epi16(values, 8);
    const __m512i even = _mm512_and_si512(values, _mm512_set1_epi16(255));
    const __m512i w_odd = _mm512_srai_epi16((__m512i)weights, 8);
    const __m512i w_even = _mm512_srai_epi16(_mm512_slli_epi16((__m512i)weights, 8), 8);
    return total + (ints)_mm512_madd_epi16(w_even, even) + (ints)_mm512_madd_epi16(w_odd, odd);
#elif defined(__AVX2__)
    const __m256i values = _mm256_set1_epi32(x), odd = _mm256_srli_epi16(values, 8);
    const __m256i even = _mm256_and_si256(values, _mm256_set1_epi16(255));
    union { codes64 whole; __m256i halves[2]; } w = {weights};
    union { ints whole; __m256i halves[2]; } t = {total};
    for (int h = 0; h < 2; h++) {
        const __m256i w_odd = _mm256_srai_epi16(w.halves[h], 8);
        const __m256i w_even = _mm256_srai_epi16(_mm256_slli_epi16(w.halves[h], 8), 8);
        const __m256i both = _mm256_add_epi32(_mm256_madd_epi16(w_even, even), _mm256_madd_epi16(w_odd, odd));
        t.halves[h] = _mm256_add_epi32(t.halves[h], both);
    }
    return t.whole;
#else
    const ints words = (ints)weights;
    for (int b = 0; b < 4; b++) total += (words << (24 - 8 * b) >> 24) * (int32_t)((uint32_t)x >> (8 * b) & 255);
    return total;
#endif
}

// One group of TALL rows from `row` on and P panels from `panel` on, added to totals[P][TALL]. GROUP: its inputs,
// where they are known ahead.
template <int P, int GROUP>
INLINE void u8_tile(const U8Matrix &w, int64_t panel, int64_t g, const U8Rows &x, int64_t row, lane *totals) {
    const int64_t group = GROUP ? GROUP : w.group, apart = w.inputs * LANES;
    const int8_t *codes = w.codes_at(panel, g);
    const uint8_t *values = x.codes + (g * U8_ROWS + row) * group;
    ints dots[P][TALL] = {};
#pragma GCC unroll 4
    for (int64_t i = 0; i < group; i += 4) {
        codes64 weights[P];
#pragma GCC unroll 3
        for (int p = 0; p < P; p++) memcpy(&weights[p], codes + p * apart + i * LANES, 64);
#pragma GCC unroll 8
        for (int r = 0; r < TALL; r++) {
            int32_t four;
            memcpy(&four, values + r * group + i, 4);
#pragma GCC unroll 3
            for (int p = 0; p < P; p++) dots[p][r] = dot4(dots[p][r], weights[p], four);
        }
    }
    const float *scales = x.scales + g * U8_ROWS + row, *lows = x.lows + g * U8_ROWS + row;
#pragma GCC unroll 3
    for (int p = 0; p < P; p++) {
        const float *of_panel = w.scales_at(panel + p, g);
        const lane scale = load(of_panel), whole = load(of_panel + LANES);
#pragma GCC unroll 8
        for (int r = 0; r < TALL; r++) {
            lane &total = totals[p * TALL + r];
            total = fma(whole, all(lows[r]), total);
            total = fma(floats(dots[p][r]), scale * scales[r], total);
        }
    }
}

template <int P, class Finish>
static void u8_panels(const U8Matrix &w, int64_t panel, const U8Rows &x, int64_t rows, Finish finish) {
    lane totals[U8_ROWS / TALL][P][TALL];
    memset(totals, 0, (rows + TALL - 1) / TALL * sizeof totals[0]);
    const int64_t groups = w.groups();
    for (int64_t g = 0; g < groups; g++)
        for (int64_t row = 0; row < rows; row += TALL)
            if (w.group == U8_GROUP) u8_tile<P, U8_GROUP>(w, panel, g, x, row, totals[row / TALL][0]);
            else u8_tile<P, 0>(w, panel, g, x, row, totals[row / TALL][0]);
    for (int64_t row = 0; row < rows; row++)
#pragma GCC unroll 3
        for (int p = 0; p < P; p++) finish(row, panel + p, totals[row / TALL][p][row % TALL]);
}

// Panels `begin` to `end` against `rows` laid rows. `finish(row, panel, sums)` takes sixteen outputs of a row.
template <class Finish>
static void u8_multiply(const U8Matrix &w, int64_t begin, int64_t end, const U8Rows &x, int64_t rows, Finish finish) {
    for (; begin + BROAD <= end; begin += BROAD) u8_panels<BROAD>(w, begin, x, rows, finish);
    for (; begin < end; begin++) u8_panels<1>(w, begin, x, rows, finish);
}

}  // namespace secretariat
