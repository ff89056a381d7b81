// Sixteen lanes for innermost loops, in as many registers as they take. GCC keeps a vector that is wider than a
// register in memory, which makes loops over a `lane` twenty times slower than they need be with AVX2. The results
// are those of `lane`, bit for bit.
#pragma once
#include "columns.h"

namespace secretariat {

#if defined(__AVX512F__)
typedef lane wide;
INLINE wide load_wide(const float *from) { return load(from); }
INLINE wide spread(float x) { return (lane)_mm512_set1_ps(x); }
INLINE lane joined(wide v) { return v; }
#else
#if defined(__AVX2__)
typedef float part __attribute__((vector_size(32)));
#else
typedef float part __attribute__((vector_size(16)));
#endif
constexpr int PART = sizeof(part) / sizeof(float), PARTS = LANES / PART;
struct wide { part parts[PARTS]; };

INLINE wide load_wide(const float *from) {
    wide v;
#pragma GCC unroll 4
    for (int i = 0; i < PARTS; i++) memcpy(&v.parts[i], from + i * PART, sizeof(part));
    return v;
}
INLINE void store(float *to, wide v) {
#pragma GCC unroll 4
    for (int i = 0; i < PARTS; i++) memcpy(to + i * PART, &v.parts[i], sizeof(part));
}
INLINE wide spread(float x) {
    wide v;
#pragma GCC unroll 4
    for (int i = 0; i < PARTS; i++) v.parts[i] = x - part{};
    return v;
}
INLINE part fma(part a, part b, part c) {
#if defined(__FMA__)
    return (part)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    for (int i = 0; i < PART; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}
INLINE wide fma(wide a, wide b, wide c) {
#pragma GCC unroll 4
    for (int i = 0; i < PARTS; i++) c.parts[i] = fma(a.parts[i], b.parts[i], c.parts[i]);
    return c;
}
INLINE wide operator*(wide a, wide b) {
#pragma GCC unroll 4
    for (int i = 0; i < PARTS; i++) a.parts[i] *= b.parts[i];
    return a;
}
INLINE lane joined(wide v) {
    lane all;
    memcpy(&all, &v, sizeof all);
    return all;
}
// The tree of sum(lane): halves onto halves.
INLINE float sum(wide v) {
#pragma GCC unroll 4
    for (int apart = PARTS / 2; apart > 0; apart /= 2)
#pragma GCC unroll 4
        for (int i = 0; i < apart; i++) v.parts[i] += v.parts[i + apart];
    typedef float four __attribute__((vector_size(16)));
    four a;
#if defined(__AVX2__)
    a = (four)_mm256_castps256_ps128((__m256)v.parts[0]) + (four)_mm256_extractf128_ps((__m256)v.parts[0], 1);
#else
    a = v.parts[0];
#endif
    const four b = a + __builtin_shuffle(a, ints4{2, 3, 2, 3});
    return b[0] + b[1];
}
#endif

INLINE wide load_wide_left(const float *from, int64_t left) {
    if (left >= LANES) return load_wide(from);
#if defined(__AVX512F__)
    return load_left(from, left);
#else
    float some[LANES] = {};
    memcpy(some, from, sizeof(float) * left);
    return load_wide(some);
#endif
}
INLINE void store_wide_left(float *to, wide v, int64_t left) {
    if (left >= LANES) return store(to, v);
    float some[LANES];
    store(some, v);
    memcpy(to, some, sizeof(float) * left);
}

}  // namespace secretariat
