// Products of many rows with weights of 12 bits: some groups of two panels are unpacked into the first-level cache
// and taken against block after block. Bits are those of bfloat16_product: whole sums in any order, then one fma a
// group, in order.
#pragma once
#include "linear/bfloat16.h"
#include "linear/rows.h"

namespace secretariat {

constexpr int NEAR_GROUPS = 8, NEAR_BLOCKS = 8;

// Groups from `first` on of up to PAIR panels.
struct Unpacked {
    words pairs[PAIR][NEAR_GROUPS][PAIRS];
    lane units[PAIR][NEAR_GROUPS];
    int64_t first, groups;

    void read(const Matrix &w, const uint8_t *panel, int count, int64_t from) {
        first = from;
        groups = w.groups() - from < NEAR_GROUPS ? w.groups() - from : NEAR_GROUPS;
        for (int p = 0; p < count; p++)
            for (int64_t g = 0; g < groups; g++) {
                unpack_group(packed(panel + p * w.stride, from + g), pairs[p][g]);
                units[p][g] = secretariat::units(panel + p * w.stride, from + g);
            }
    }
};

typedef void UnpackedProduct(const Unpacked &w, const Block &x, lane *sums);

// Adds to sums[panel][row].
template <int R, int P> static void unpacked_product(const Unpacked &w, const Block &x, lane *sums) {
    for (int64_t g = 0; g < w.groups; g++) {
        const int16_t *values = x.wide_codes(w.first + g);
        const float *scales = x.wide_scales(w.first + g);
        ints dots[P][R] = {};
        for (int j = 0; j < PAIRS; j++) {
            words pair[P];
#pragma GCC unroll 2
            for (int p = 0; p < P; p++) pair[p] = w.pairs[p][g][j];
#pragma GCC unroll 12
            for (int r = 0; r < R; r++)
#pragma GCC unroll 2
                for (int p = 0; p < P; p++) dots[p][r] = dot2(dots[p][r], pair[p], values + r * GROUP + 2 * j);
        }
#pragma GCC unroll 2
        for (int p = 0; p < P; p++)
#pragma GCC unroll 12
            for (int r = 0; r < R; r++)
                sums[p * R + r] = fma(floats(dots[p][r]) * scales[r], w.units[p][g], sums[p * R + r]);
    }
}

template <int P> static UnpackedProduct *unpacked_for(int width) {
    switch (width) {
        case 1: return unpacked_product<1, P>;
        case 2: return unpacked_product<2, P>;
        case 3: return unpacked_product<3, P>;
        case 4: return unpacked_product<4, P>;
#if defined(__AVX512F__)
        case 6: return unpacked_product<6, P>;
        case 8: return unpacked_product<8, P>;
        case 12: return unpacked_product<12, P>;
#endif
    }
    return nullptr;
}

}  // namespace secretariat
