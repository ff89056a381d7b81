// One row normalised: y = (x - mean) / deviation * weight. See README.md.
#pragma once
#include "core/columns.h"

namespace secretariat {

// Mirrors what the operations are told of a norm. `mean` 1: LayerNorm, 0: RMSNorm.
struct Normal {
    int32_t mean;
    float eps;
};

// y may be x.
INLINE void normalise(const float *x, int64_t width, const float *weight, Normal by, float *y) {
    float mean = 0;
    if (by.mean) {
        lane total{};
        for (int64_t i = 0; i < width; i += LANES) total += load_left(x + i, width - i);
        mean = sum(total) / width;
    }
    lane squares{};
    for (int64_t i = 0; i < width; i += LANES) {
        const lane v = load_left(x + i, width - i, mean) - mean;
        squares = fma(v, v, squares);
    }
    const float scale = 1.0f / sqrtf(sum(squares) / width + by.eps);
    for (int64_t i = 0; i < width; i += LANES) {
        const lane v = (load_left(x + i, width - i) - mean) * scale * load_left(weight + i, width - i);
        store_left(y + i, v, width - i);
    }
}

}  // namespace secretariat
