// A range of columns of a row-major buffer, and lanes that end where a row ends.
#pragma once
#include "simd.h"

namespace secretariat {

// Mirrors `Columns` of columns.py.
struct Columns {
    float *first;
    int64_t stride;
    float *row(int64_t token) const { return first + token * stride; }
};

// As many of sixteen as are left; the rest are `other`.
INLINE lane load_left(const float *from, int64_t left, float other = 0) {
    return left >= LANES ? load(from) : load_some(from, (int)left, other);
}
INLINE void store_left(float *to, lane v, int64_t left) {
    if (left >= LANES) store(to, v);
    else store_some(to, v, (int)left);
}

}  // namespace secretariat
