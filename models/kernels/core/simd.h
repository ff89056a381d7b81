// Sixteen float lanes on any processor, with one arithmetic: every multiply-add below is fused and every sum has
// a fixed order, so a value doesn't depend on how many rows or tokens were worked on together.
// Built with -ffp-contract=off: the compiler fuses nothing by itself.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace secretariat {

constexpr int LANES = 16;
typedef float lane __attribute__((vector_size(64)));
typedef int32_t ints __attribute__((vector_size(64)));
typedef int32_t ints4 __attribute__((vector_size(16)));
#define INLINE static inline __attribute__((always_inline))

INLINE lane load(const float *from) { lane v; memcpy(&v, from, sizeof v); return v; }
INLINE void store(float *to, lane v) { memcpy(to, &v, sizeof v); }
INLINE lane all(float x) { return x - lane{}; }  // not 0 + x, which is an addition: it turns -0 into 0

INLINE lane fma(lane a, lane b, lane c) {
#if defined(__AVX512F__)
    return (lane)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__FMA__)
    typedef float half __attribute__((vector_size(32)));
    union both { lane whole; half halves[2]; } x = {a}, y = {b}, z = {c};
    for (int i = 0; i < 2; i++)
        z.halves[i] = (half)_mm256_fmadd_ps((__m256)x.halves[i], (__m256)y.halves[i], (__m256)z.halves[i]);
    return z.whole;
#else
    for (int i = 0; i < LANES; i++) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

INLINE lane larger(lane a, lane b) {
#if defined(__AVX512F__)
    return (lane)_mm512_max_ps((__m512)a, (__m512)b);
#else
    return a > b ? a : b;
#endif
}
INLINE lane smaller(lane a, lane b) { return a < b ? a : b; }

INLINE lane magnitude(lane x) { return (lane)((ints)x & 0x7fffffff); }

// Halves onto halves: the same tree whatever the instruction set.
template <class Whole, class Join> INLINE auto folded(Whole v, Join join) -> decltype(v[0] + v[0]) {
    typedef decltype(v[0] + v[0]) number;
    typedef number l8 __attribute__((vector_size(32)));
    typedef number l4 __attribute__((vector_size(16)));
    union { Whole whole; l8 parts[2]; } a = {v};
    union { l8 whole; l4 parts[2]; } b = {join(a.parts[0], a.parts[1])};
    const l4 c = join(b.parts[0], b.parts[1]);
    const l4 d = join(c, __builtin_shuffle(c, ints4{2, 3, 2, 3}));
    return join(d, __builtin_shuffle(d, ints4{1, 1, 1, 1}))[0];
}
INLINE float sum(lane v) { return folded(v, [](auto a, auto b) { return a + b; }); }
INLINE int32_t sum(ints v) { return folded(v, [](auto a, auto b) { return a + b; }); }
INLINE float largest(lane v) { return folded(v, [](auto a, auto b) { return a > b ? a : b; }); }

// The first `count` of sixteen; the rest are `other`.
INLINE lane load_some(const float *from, int count, float other = 0) {
#if defined(__AVX512F__)
    return (lane)_mm512_mask_loadu_ps((__m512)all(other), (__mmask16)((1u << count) - 1), from);
#else
    if (count == LANES) return load(from);
    lane v = all(other);
    memcpy(&v, from, sizeof(float) * count);
    return v;
#endif
}
INLINE void store_some(float *to, lane v, int count) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), (__m512)v);
#else
    if (count == LANES) store(to, v);
    else memcpy(to, &v, sizeof(float) * count);
#endif
}

INLINE lane rounded(lane x) {
#if defined(__AVX512F__)
    return (lane)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    const lane magic = all(12582912.0f);  // 1.5 * 2^23; |x| < 2^22
    return (x + magic) - magic;
#endif
}

INLINE ints whole(lane x) { return __builtin_convertvector(x, ints); }  // x is whole already
// To the nearest whole number, ties to even; |x| < 2^22.
INLINE ints nearest(lane x) {
#if defined(__AVX512F__)
    return (ints)_mm512_cvtps_epi32((__m512)x);
#else
    return whole(rounded(x));
#endif
}
INLINE lane floats(ints x) { return __builtin_convertvector(x, lane); }

// e^x to 2 units in the last place; 0 below -87.3, finite up to 88.
INLINE lane exp(lane x) {
    const lane bounded = smaller(larger(x, all(-87.3f)), all(88.0f));
    const lane n = rounded(bounded * all(1.44269504f));
    lane r = fma(n, all(-0.693145752f), bounded);
    r = fma(n, all(-1.42860677e-6f), r);
    lane p = all(1.9875691500e-4f);
    p = fma(p, r, all(1.3981999507e-3f));
    p = fma(p, r, all(8.3334519073e-3f));
    p = fma(p, r, all(4.1665795894e-2f));
    p = fma(p, r, all(1.6666665459e-1f));
    p = fma(p, r, all(5.0000001201e-1f));
    p = fma(p, r * r, r + all(1.0f));
    const lane power = (lane)((whole(n) + 127) << 23);
    return x < all(-87.3f) ? lane{} : p * power;
}
INLINE float exp(float x) { return exp(all(x))[0]; }

INLINE lane sigmoid(lane x) { return all(1.0f) / (all(1.0f) + exp(-x)); }
INLINE lane silu(lane x) { return x * sigmoid(x); }

// ln(1 + e^x): by the series of atanh for log1p of u = e^-|x| <= 1: ln(1+u) = 2 atanh(u / (2+u)).
INLINE lane softplus(lane x) {
    const lane magnitude = x < lane{} ? -x : x;
    const lane u = exp(-magnitude);
    const lane s = u / (all(2.0f) + u), q = s * s;  // s <= 1/3
    lane p = all(2.0f / 15);
    p = fma(p, q, all(2.0f / 13));
    p = fma(p, q, all(2.0f / 11));
    p = fma(p, q, all(2.0f / 9));
    p = fma(p, q, all(2.0f / 7));
    p = fma(p, q, all(2.0f / 5));
    p = fma(p, q, all(2.0f / 3));
    p = fma(p, q, all(2.0f));
    return fma(p, s, larger(x, lane{}));
}

typedef uint16_t bf16;
INLINE float widened(bf16 x) { uint32_t bits = (uint32_t)x << 16; float v; memcpy(&v, &bits, 4); return v; }
// To nearest, ties to even; NaN stays NaN.
INLINE bf16 narrowed(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000) return (bf16)((bits >> 16) | 64);
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
INLINE lane widened16(const bf16 *from) {
    typedef uint16_t shorts __attribute__((vector_size(32)));
    shorts raw;
    memcpy(&raw, from, sizeof raw);
    return (lane)(__builtin_convertvector(raw, ints) << 16);
}

INLINE float half(uint16_t bits) {
#if defined(__F16C__)
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
#else
    _Float16 v;
    memcpy(&v, &bits, 2);
    return (float)v;
#endif
}
INLINE lane halves(const uint16_t *from) {
#if defined(__AVX512F__)
    return (lane)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
#else
    lane v;
    for (int i = 0; i < LANES; i++) v[i] = half(from[i]);
    return v;
#endif
}

}  // namespace secretariat
