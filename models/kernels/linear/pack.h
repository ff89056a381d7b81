// bfloat16 numbers into panels of 12 bits. See README.md.
#pragma once
#include "linear/bfloat16.h"

namespace secretariat {

constexpr int BEFORE_POINT = 13;  // 2^13 of a group's units are its largest power of two
constexpr int LEAST = 16;           // biased exponent that a group has at least: its unit is a normal number
constexpr int EXACT_BELOW = 6;      // octaves below the largest; further down mantissas lose bits
constexpr int ZERO = 15;

// Pair j of inputs of sixteen outputs lies `width` numbers apart in their rows; zeros behind the last input.
INLINE void turn(const uint16_t *rows, int64_t width, int64_t inputs, words pairs[PAIRS]) {
    uint32_t turned[PAIRS][LANES];
    for (int o = 0; o < LANES; o++) {
        uint32_t row[PAIRS] = {};
        memcpy(row, rows + o * width, inputs < GROUP ? inputs * 2 : GROUP * 2);
        for (int j = 0; j < PAIRS; j++) turned[j][o] = row[j];
    }
    memcpy(pairs, turned, sizeof turned);
}

// The largest magnitude of each output's group, for both inputs of a pair.
INLINE words peaks(const words pairs[PAIRS]) {
    words most{};
    for (int j = 0; j < PAIRS; j++) {
        const words size = pairs[j] & 0x7fff;
        most = size > most ? size : most;
    }
    const ints even = (ints)most & 0xffff, odd = (ints)most >> 16;
    const ints larger = even > odd ? even : odd;
    return (words)(larger | larger << 16);
}

// What `numbers` takes of one pair, and its distances.
INLINE words shortened(words pair, words top, words &distance) {
    const words zero{}, one = zero + 1, size = pair & 0x7fff, below = top - (size >> 7);
    const words lost = below > EXACT_BELOW ? below - EXACT_BELOW : zero, all = zero + 8;
    const words nearest = size + ((one << (lost < all ? lost : all)) >> 1);  // a carry is an octave more
    const words far = top + 1 - (nearest >> 7), most = zero + ZERO;
    distance = far < most ? far : most;
    return (nearest & 0x7f) << 7 | pair >> 15 << 14;
}

// False where a number isn't finite.
static bool pack_group(const uint16_t *rows, int64_t width, int64_t inputs, uint8_t *to, uint8_t *exponents) {
    words pairs[PAIRS];
    turn(rows, width, inputs, pairs);
    const words top = peaks(pairs) >> 7, least = words{} + LEAST, bound = top > least ? top : least;
    for (int j = 0; j < PAIRS; j += 4) {
        words at[3] = {};
        for (int k = 0; k < 4; k++) {
            words distance;
            const words half = shortened(pairs[j + k], bound, distance);
            at[0] |= distance << (4 * k);
            at[1 + k / 2] |= k % 2 ? swapped_bytes(half) : half;
        }
        memcpy(to + j * 48, at, sizeof at);
    }
    bool finite = true;
    for (int o = 0; o < LANES; o++) {
        exponents[o] = (uint8_t)(bound[2 * o] - BEFORE_POINT);
        finite = finite && bound[2 * o] < 255;
    }
    return finite;
}

}  // namespace secretariat

// `panels` panels of sixteen rows of `inputs` bfloat16 numbers. 1, or 0 where a number isn't finite.
extern "C" int32_t pack_bfloat16(const uint16_t *rows, int64_t panels, int64_t inputs, uint8_t *to,
                                 int64_t stride) {
    using namespace secretariat;
    bool finite = true;
    for (int64_t p = 0; p < panels; p++)
        for (int64_t i = 0; i < inputs; i += GROUP) {
            uint8_t *panel = to + p * stride;
            const uint16_t *from = rows + p * LANES * inputs + i;
            finite &= pack_group(from, inputs, inputs - i, (uint8_t *)packed(panel, i / GROUP),
                                 (uint8_t *)exponents(panel, i / GROUP));
        }
    return finite;
}
