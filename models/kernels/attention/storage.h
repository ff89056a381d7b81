// How pages of either precision are multiplied. A register of a page holds pairs of neighbours: COLUMNS columns
// (tokens of a key page, numbers of a value page), two to each, so one step adds a two-element dot product to
// every column. PARTS lanes hold a column's sum.
#pragma once
#include "core/simd.h"

namespace secretariat {

#if defined(__AVX512F__)
constexpr int TILE = 8;  // rows worked on together, as many as registers hold
#else
constexpr int TILE = 4;
#endif

INLINE lane spread(float x) {
#if defined(__AVX512F__)
    return (lane)_mm512_set1_ps(x);  // `all` adds to zero where x is not a constant
#else
    return all(x);
#endif
}

INLINE lane spread_pair(const float *from) {
    double both;
    memcpy(&both, from, sizeof both);
#if defined(__AVX512F__)
    return (lane)_mm512_set1_pd(both);
#else
    typedef double doubles __attribute__((vector_size(64)));
    return (lane)(doubles{both, both, both, both, both, both, both, both});
#endif
}

// float32 pages: a register is 8 columns, both halves of a pair in lanes of their own until `fold`.
struct FloatPages {
    typedef FloatPages Wide;
    typedef float number;
    typedef float factor;  // what queries and probabilities are held in
    typedef lane Left;
    typedef lane Right;
    static constexpr int COLUMNS = 8, PARTS = 2, STEPS = 1;
    static constexpr bool FETCHED = true;

    INLINE Left left(const factor *pair, int) { return spread_pair(pair); }
    INLINE Right right(const number *from, int) { return load(from); }
    INLINE Right right_some(const number *from, int numbers, int) { return load_some(from, numbers); }
    INLINE lane step(lane total, Left l, Right r) { return fma(l, r, total); }
    INLINE lane put(factor *to, lane v) { store(to, v); return v; }  // what is then read back
    INLINE factor put(float v) { return v; }

    INLINE lane fold(const lane *two) {
        constexpr ints even = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
        return __builtin_shuffle(two[0], two[1], even) + __builtin_shuffle(two[0], two[1], even + 1);
    }
};

// bfloat16 pages, 16 columns a register.
#if defined(__AVX512BF16__)
// Queries and probabilities are rounded to bfloat16 too; a step is one VDPBF16PS.
struct HalfPages {
    typedef HalfPages Wide;
    typedef bf16 number;
    typedef bf16 factor;
    typedef __m512bh Left;
    typedef __m512bh Right;
    static constexpr int COLUMNS = 16, PARTS = 1, STEPS = 1;
    static constexpr bool FETCHED = true;

    INLINE Left left(const factor *pair, int) {
        int32_t both;
        memcpy(&both, pair, sizeof both);
        return (__m512bh)_mm512_set1_epi32(both);
    }
    INLINE Right right(const number *from, int) { return (__m512bh)_mm512_loadu_si512(from); }
    INLINE Right right_some(const number *from, int numbers, int) {
        return (__m512bh)_mm512_maskz_loadu_epi16((__mmask32)((1ull << numbers) - 1), from);
    }
    INLINE lane step(lane total, Left l, Right r) { return (lane)_mm512_dpbf16_ps((__m512)total, l, r); }
    INLINE lane put(factor *to, lane v) {
        const __m256i half = (__m256i)_mm512_cvtneps_pbh((__m512)v);
        memcpy(to, &half, sizeof half);
        return (lane)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
    }
    INLINE factor put(float v) { return narrowed(v); }
    INLINE lane fold(const lane *one) { return one[0]; }
};
#else
// Widened: a pair takes two float32 multiply-adds, the first of it first.
struct WidePages;
struct HalfPages {
    typedef WidePages Wide;
    typedef bf16 number;
    typedef float factor;
    typedef lane Left;
    typedef lane Right;
    static constexpr int COLUMNS = 16, PARTS = 1, STEPS = 2;
    static constexpr bool FETCHED = true;

    INLINE Left left(const factor *pair, int step) { return spread(pair[step]); }
    INLINE Right right(const number *from, int step) {
        ints raw;
        memcpy(&raw, from, sizeof raw);
        return step ? (lane)(raw & (int32_t)0xffff0000) : (lane)(raw << 16);
    }
    INLINE Right right_some(const number *from, int numbers, int step) {
        number some[2 * LANES] = {};
        memcpy(some, from, sizeof(number) * numbers);
        return right(some, step);
    }
    INLINE lane step(lane total, Left l, Right r) { return fma(l, r, total); }
    INLINE lane put(factor *to, lane v) { store(to, v); return v; }
    INLINE factor put(float v) { return v; }
    INLINE lane fold(const lane *one) { return one[0]; }
};

// Widened beforehand, for many rows: of each register's pairs all first numbers, then all second ones. The very
// arithmetic of HalfPages.
struct WidePages : HalfPages {
    typedef float number;
    static constexpr bool FETCHED = false;

    INLINE Right right(const number *from, int step) { return load(from + step * LANES); }
    INLINE Right right_some(const number *from, int, int step) { return right(from, step); }
};
#endif

// 2^x for x <= 0 to one unit in the last place, at least 2^-126.
INLINE lane power_of_two(lane x) {
    const lane bounded = larger(x, all(-126.0f));
    const lane shifted = bounded + all(12582912.0f);  // 1.5 * 2^23: the low bits are the nearest integer
    const lane r = bounded - (shifted - all(12582912.0f));
    lane p = all(1.326472615e-3f);
    p = fma(p, r, all(9.671512991e-3f));
    p = fma(p, r, all(5.550733581e-2f));
    p = fma(p, r, all(2.402224243e-1f));
    p = fma(p, r, all(6.931470037e-1f));
    p = fma(p, r, all(1.0f));
    return (lane)((ints)p + ((ints)shifted << 23));
}

// 2^x for an integer x <= 0; 0 below -126.
INLINE float shrink(float x) {
    if (x < -126.0f) return 0.0f;
    const uint32_t bits = (uint32_t)(127 + (int)x) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

}  // namespace secretariat
