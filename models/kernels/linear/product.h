// Products of one block of laid rows with one or two panels of weights.
// Each sum runs over the inputs in order, with the same operations for every number of rows and panels.
#pragma once
#include "linear/bfloat16.h"
#include "linear/rows.h"

namespace secretariat {

// Few rows wait for the weights to come from memory, and the processor's own guess of what is next ends with
// each page. Asking a page ahead brought a product of one row from 0.6-0.8 of the plain reading speed to 0.85-1.
template <int R> INLINE void ask_ahead(const uint8_t *weights, int64_t size) {
    if (R <= 4)
        for (int64_t i = 0; i < size; i += 64) __builtin_prefetch(weights + 4096 + i);
}

// Writes sums[panel][row].
typedef void Product(const Matrix &w, const uint8_t *panel, const Block &x, lane *sums);

template <int R, int P>
static void float32_product(const Matrix &w, const uint8_t *panel, const Block &x, lane *sums) {
    lane totals[P][R] = {};
    const float *weights[P], *values = x.values();
    for (int p = 0; p < P; p++) weights[p] = (const float *)(panel + p * w.stride);
    for (int64_t i = 0; i < w.inputs; i++) {
        lane column[P];
#pragma GCC unroll 2
        for (int p = 0; p < P; p++) column[p] = load(weights[p] + i * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
            const lane value = all(values[i * R + r]);
#pragma GCC unroll 2
            for (int p = 0; p < P; p++) totals[p][r] = fma(column[p], value, totals[p][r]);
        }
    }
#pragma GCC unroll 2
    for (int p = 0; p < P; p++)
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) sums[p * R + r] = totals[p][r];
}

// More rows than these are worth unpacking weights for (unpacked.h): than fit into one block. These unpack in
// registers, and two panels in turn are two streams for the processor to foresee.
constexpr int FEW_ROWS = FLOAT_BLOCK;

template <int R, int P>
static void bfloat16_product(const Matrix &w, const uint8_t *panel, const Block &x, lane *sums) {
    constexpr int SIDE = R % 4 == 0 ? 4 : R % 2 == 0 ? 2 : 1;  // rows in turn: a sum waits for the one before
    lane totals[P][R] = {};
    for (int64_t g = 0; g < w.groups(); g++) {
        const int16_t *values = x.wide_codes(g);
        const float *scales = x.wide_scales(g);
#pragma GCC unroll 2
        for (int p = 0; p < P; p++) {
            const uint8_t *from = packed(panel + p * w.stride, g);
            words pairs[PAIRS];
            unpack_group(from, pairs);
            for (int64_t i = 0; i < PACKED_BYTES; i += 64) __builtin_prefetch(from + 4096 + i, 0, 2);
            const lane unit = units(panel + p * w.stride, g);
#pragma GCC unroll 16
            for (int r = 0; r < R; r += SIDE) {
                ints dots[SIDE] = {};
#pragma GCC unroll 16
                for (int j = 0; j < PAIRS; j++)
#pragma GCC unroll 4
                    for (int k = 0; k < SIDE; k++)
                        dots[k] = dot2(dots[k], pairs[j], values + (r + k) * GROUP + 2 * j);
#pragma GCC unroll 4
                for (int k = 0; k < SIDE; k++)
                    totals[p][r + k] = fma(floats(dots[k]) * scales[r + k], unit, totals[p][r + k]);
            }
        }
    }
#pragma GCC unroll 2
    for (int p = 0; p < P; p++)
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) sums[p * R + r] = totals[p][r];
}

typedef uint8_t bytes __attribute__((vector_size(64)));

// To each of 16 sums the products of its four unsigned bytes with the same four signed bytes of x.
INLINE ints dot4(ints total, bytes weights, const int8_t *x) {
    int32_t four;
    memcpy(&four, x, 4);
#if defined(__AVX512VNNI__)
    return (ints)_mm512_dpbusd_epi32((__m512i)total, (__m512i)weights, _mm512_set1_epi32(four));
#elif defined(__AVX512BW__)
    const __m512i values = _mm512_set1_epi32(four), odd = _mm512_srai_epi16(values, 8);
    const __m512i even = _mm512_srai_epi16(_mm512_slli_epi16(values, 8), 8);
    const __m512i w_odd = _mm512_srli_epi16((__m512i)weights, 8);
    const __m512i w_even = _mm512_and_si512((__m512i)weights, _mm512_set1_epi16(255));
    return total + (ints)_mm512_madd_epi16(w_even, even) + (ints)_mm512_madd_epi16(w_odd, odd);
#elif defined(__AVX2__)
    const __m256i values = _mm256_set1_epi32(four), odd = _mm256_srai_epi16(values, 8);
    const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(values, 8), 8);
    union { bytes whole; __m256i halves[2]; } w = {weights};
    union { ints whole; __m256i halves[2]; } t = {total};
    for (int h = 0; h < 2; h++) {
        const __m256i w_odd = _mm256_srli_epi16(w.halves[h], 8);
        const __m256i w_even = _mm256_and_si256(w.halves[h], _mm256_set1_epi16(255));
        const __m256i both = _mm256_add_epi32(_mm256_madd_epi16(w_even, even), _mm256_madd_epi16(w_odd, odd));
        t.halves[h] = _mm256_add_epi32(t.halves[h], both);
    }
    return t.whole;
#else
    const ints words = (ints)weights;
    for (int b = 0; b < 4; b++) total += ((words >> (8 * b)) & 255) * x[b];
    return total;
#endif
}

// A group's codes: eight rows of four inputs for sixteen outputs. Q4 keeps rows 0-3 in the low nibbles, 4-7 in
// the high ones.
template <bool NIBBLES> INLINE void unpack(const uint8_t *from, bytes codes[8]) {
#pragma GCC unroll 8
    for (int j = 0; j < (NIBBLES ? 4 : 8); j++) {
        bytes raw;
        memcpy(&raw, from + j * 64, 64);
        if (NIBBLES) {
            typedef uint16_t shorts __attribute__((vector_size(64)));
            codes[j] = raw & 15;
            codes[j + 4] = (bytes)((shorts)raw >> 4) & 15;
        } else {
            codes[j] = raw;
        }
    }
}

template <bool NIBBLES, int R>
static void group_product(const Matrix &w, const uint8_t *panel, const Block &x, lane *sums) {
    constexpr int SIDE = R % 4 == 0 ? 4 : R % 2 == 0 ? 2 : 1;  // rows in turn: a sum waits for the one before
    lane totals[R] = {};
    const int64_t groups = w.groups();
    constexpr Form FORM = NIBBLES ? Q4 : Q8;
    const int8_t *values = x.codes(0);
    const float *x_scales = x.scales(0), *x_shifts = x.shifts(0);
    for (int64_t g = 0; g < groups; g++) {
        bytes codes[8];
        unpack<NIBBLES>(panel, codes);
        const uint16_t *scales = (const uint16_t *)(panel + CODES[FORM]);
        const lane scale = halves(scales), minimum = NIBBLES ? halves(scales + LANES) : lane{};
        ask_ahead<R>(panel, GROUP_BYTES[FORM]);
        panel += GROUP_BYTES[FORM];
#pragma GCC unroll 16
        for (int r = 0; r < R; r += SIDE) {
            ints dots[SIDE];
#pragma GCC unroll 4
            for (int k = 0; k < SIDE; k++) {
                int32_t shift = 0;
                if (!NIBBLES) memcpy(&shift, x_shifts + g * R + r + k, 4);
                dots[k] = ints{} + shift;
            }
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++)
#pragma GCC unroll 4
                for (int k = 0; k < SIDE; k++)
                    dots[k] = dot4(dots[k], codes[j], values + (g * R + r + k) * GROUP + j * 4);
#pragma GCC unroll 4
            for (int k = 0; k < SIDE; k++) {
                lane &total = totals[r + k];
                total = fma(floats(dots[k]), scale * x_scales[g * R + r + k], total);
                if (NIBBLES) total = fma(minimum, all(x_shifts[g * R + r + k]), total);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) sums[r] = totals[r];
}

template <int R, int P> INLINE Product *product_of(int32_t form) {
    if (form == FLOAT32) return float32_product<R, P>;
    if (form == BFLOAT16) return bfloat16_product<R, P>;
    return form == Q8 ? group_product<false, R> : group_product<true, R>;
}

template <int P> static Product *product_for(int32_t form, int width) {
    switch (width) {
        case 1: return product_of<1, P>(form);
        case 2: return product_of<2, P>(form);
        case 3: return product_of<3, P>(form);
        case 4: return product_of<4, P>(form);
#if defined(__AVX512F__)
        case 6: return product_of<6, P>(form);
        case 8: return product_of<8, P>(form);
        case 12: return product_of<12, P>(form);
        case 16: return form == Q8 ? group_product<false, 16> : group_product<true, 16>;
#endif
    }
    return nullptr;
}

}  // namespace secretariat
