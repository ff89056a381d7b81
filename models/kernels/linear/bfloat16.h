// Weights of 12 bits: groups of 32 inputs that share an exponent, unpacked to whole numbers. See README.md.
// Every sum within a group is whole, hence the same on every processor and however it is cut.
#pragma once
#include "linear/matrix.h"

namespace secretariat {

typedef uint16_t words __attribute__((vector_size(64)));  // a pair of inputs of each of 16 outputs
constexpr int PAIRS = GROUP / 2;
constexpr int64_t PACKED_BYTES = GROUP * LANES * 12 / 8;  // of a group
constexpr int QUAD = 4;                                   // groups whose exponents share 64 bytes before them
constexpr int64_t QUAD_BYTES = 64 + QUAD * PACKED_BYTES;
constexpr int EXPONENT = 0x4000, MANTISSA = 0x3f80, NEGATIVE = 0x4000;

INLINE const uint8_t *exponents(const uint8_t *panel, int64_t group) {
    return panel + group / QUAD * QUAD_BYTES + group % QUAD * LANES;
}
INLINE const uint8_t *packed(const uint8_t *panel, int64_t group) {
    return panel + group / QUAD * QUAD_BYTES + 64 + group % QUAD * PACKED_BYTES;
}

// What a group's whole numbers count, for sixteen outputs.
INLINE lane units(const uint8_t *panel, int64_t group) {
    typedef uint8_t bytes16 __attribute__((vector_size(16)));
    bytes16 stored;
    memcpy(&stored, exponents(panel, group), sizeof stored);
    return (lane)(__builtin_convertvector(stored, ints) << 23);
}

INLINE words swapped_bytes(words x) {
#if defined(__AVX512BW__)
    const __m512i order = _mm512_set4_epi32(0x0e0f0c0d, 0x0a0b0809, 0x06070405, 0x02030001);
    return (words)_mm512_shuffle_epi8((__m512i)x, order);
#else
    return x << 8 | x >> 8;
#endif
}

// Signed, below 2^14 in magnitude; 0 at distance 15.
INLINE words numbers(words x, words distance) {
#if defined(__AVX512BW__)
    constexpr int AND_OR = 0xea;  // (x & mantissa) | exponent
    const __m512i sign = _mm512_set1_epi16(NEGATIVE), zero = _mm512_setzero_si512();
    const __m512i number = _mm512_ternarylogic_epi32((__m512i)x, _mm512_set1_epi16(MANTISSA),
                                                     _mm512_set1_epi16(EXPONENT), AND_OR);
    const __m512i size = _mm512_srlv_epi16(number, (__m512i)distance);
    return (words)_mm512_mask_sub_epi16(size, _mm512_test_epi16_mask((__m512i)x, sign), zero, size);
#elif defined(__AVX2__)
    // There is no shift of 16-bit lanes by lanes: the high half of a product with 2^(16 - distance), looked up.
    const __m128i upper_bytes = _mm_setr_epi8(0, -128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0);
    const __m128i lower_bytes = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, -128, 64, 32, 16, 8, 4, 2);
    const __m256i high = _mm256_broadcastsi128_si256(upper_bytes), low = _mm256_broadcastsi128_si256(lower_bytes);
    union { words all; __m256i halves[2]; } v = {x}, d = {distance};
    for (int h = 0; h < 2; h++) {
        const __m256i upper = _mm256_slli_epi16(_mm256_shuffle_epi8(high, d.halves[h]), 8);
        const __m256i lower = _mm256_and_si256(_mm256_shuffle_epi8(low, d.halves[h]), _mm256_set1_epi16(255));
        const __m256i power = _mm256_or_si256(upper, lower);
        const __m256i mantissa = _mm256_and_si256(v.halves[h], _mm256_set1_epi16(MANTISSA));
        const __m256i number = _mm256_or_si256(mantissa, _mm256_set1_epi16(EXPONENT));
        const __m256i side = _mm256_or_si256(_mm256_slli_epi16(v.halves[h], 1), _mm256_set1_epi16(1));
        v.halves[h] = _mm256_sign_epi16(_mm256_mulhi_epu16(number, power), side);
    }
    return v.all;
#else
    const words size = ((x & MANTISSA) | EXPONENT) >> distance, sign = -((x & NEGATIVE) >> 14);
    return (size ^ sign) - sign;
#endif
}

// Four times: distances of four pairs, then twice the words of two pairs, those of the second with bytes swapped.
INLINE void unpack_group(const uint8_t *from, words pairs[PAIRS]) {
#pragma GCC unroll 4
    for (int j = 0; j < PAIRS; j += 4) {
        words at[3];
        memcpy(at, from + j * 48, sizeof at);
        pairs[j] = numbers(at[1], at[0] & 15);
        pairs[j + 1] = numbers(swapped_bytes(at[1]), at[0] >> 4 & 15);
        pairs[j + 2] = numbers(at[2], at[0] >> 8 & 15);
        pairs[j + 3] = numbers(swapped_bytes(at[2]), at[0] >> 12);
    }
}

// One weight of a panel.
INLINE float weight_of(const uint8_t *panel, int64_t input, int output) {
    const int64_t group = input / GROUP;
    const int pair = (int)(input % GROUP / 2), at = 2 * output + (int)(input % 2);
    uint16_t three[3][2 * LANES];
    memcpy(three, packed(panel, group) + pair / 4 * 192, sizeof three);
    const int distance = three[0][at] >> (pair % 4 * 4) & 15;
    const uint16_t stored = three[1 + pair % 4 / 2][at];
    const int x = pair % 2 ? (uint16_t)(stored << 8 | stored >> 8) : stored;
    const int size = ((x & MANTISSA) | EXPONENT) >> distance;
    return (float)(x & NEGATIVE ? -size : size) * units(panel, group)[output];
}

// To each of 16 sums the products of its pair with the same pair of x.
INLINE ints dot2(ints total, words pair, const int16_t *x) {
    int32_t two;
    memcpy(&two, x, 4);
#if defined(__AVX512VNNI__)
    return (ints)_mm512_dpwssd_epi32((__m512i)total, (__m512i)pair, _mm512_set1_epi32(two));
#elif defined(__AVX512BW__)
    return total + (ints)_mm512_madd_epi16((__m512i)pair, _mm512_set1_epi32(two));
#elif defined(__AVX2__)
    union { words all; __m256i halves[2]; } w = {pair};
    union { ints all; __m256i halves[2]; } t = {total};
    const __m256i values = _mm256_set1_epi32(two);
    for (int h = 0; h < 2; h++)
        t.halves[h] = _mm256_add_epi32(t.halves[h], _mm256_madd_epi16(w.halves[h], values));
    return t.all;
#else
    const ints both = (ints)pair;
    return total + (both << 16 >> 16) * x[0] + (both >> 16) * x[1];
#endif
}

}  // namespace secretariat
