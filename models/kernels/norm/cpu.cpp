// y = normalised x * weight, row by row. See README.md.
#include "core/step.h"
#include "norm/row.h"

using namespace secretariat;

struct NormArgs {
    const float *x;       // [N, width], or the rows that `wanted` selects of it
    float *y;             // [rows, width]
    const float *weight;  // [width]
    int32_t width;
    Normal normal;
    int32_t wanted;       // 1: rows of the step whose logits are wanted, 0: all tokens
};

OPERATION(norm) {
    const NormArgs &a = *(const NormArgs *)raw;
    int64_t begin, end;
    team.share(a.wanted ? step.wanted : step.tokens, 1, begin, end);
    for (int64_t row = begin; row < end; row++)
        normalise(a.x + (a.wanted ? step.rows[row] : row) * a.width, a.width, a.weight, a.normal, a.y + row * a.width);
}
