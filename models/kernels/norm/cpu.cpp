// y = normalised x * weight, row by row. See README.md.
#include "core/simd.h"
#include "core/step.h"

using namespace secretariat;

struct NormArgs {
    const float *x;       // [N, width], or the rows that `wanted` selects of it
    float *y;             // [rows, width]
    const float *weight;  // [width]
    int32_t width, mean;  // mean 1: LayerNorm, 0: RMSNorm
    float eps;
    int32_t wanted;       // 1: rows of the step whose logits are wanted, 0: all tokens
};

// Lanes behind the end read as `other`.
INLINE lane part(const float *row, int64_t i, int64_t width, float other = 0) {
    return i + LANES <= width ? load(row + i) : load_some(row + i, (int)(width - i), other);
}

static void normalise(const NormArgs &a, const float *x, float *y) {
    float mean = 0;
    if (a.mean) {
        lane total{};
        for (int64_t i = 0; i < a.width; i += LANES) total += part(x, i, a.width);
        mean = sum(total) / a.width;
    }
    lane squares{};
    for (int64_t i = 0; i < a.width; i += LANES) {
        const lane v = part(x, i, a.width, mean) - mean;
        squares = fma(v, v, squares);
    }
    const float scale = 1.0f / sqrtf(sum(squares) / a.width + a.eps);
    for (int64_t i = 0; i < a.width; i += LANES) {
        const lane v = (part(x, i, a.width) - mean) * scale * part(a.weight, i, a.width);
        store_some(y + i, v, a.width - i < LANES ? (int)(a.width - i) : LANES);
    }
}

OPERATION(norm) {
    const NormArgs &a = *(const NormArgs *)raw;
    int64_t begin, end;
    team.share(a.wanted ? step.wanted : step.tokens, 1, begin, end);
    for (int64_t row = begin; row < end; row++)
        normalise(a, a.x + (a.wanted ? step.rows[row] : row) * a.width, a.y + row * a.width);
}
