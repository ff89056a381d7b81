// Singular-value vectors: a token's product scaled, and its leading directions weighted anew. See README.md.
#include "core/simd.h"
#include "core/step.h"

using namespace secretariat;

struct SvfArgs {
    float *y;            // rows y_width apart: columns first … first + count are one matrix's product
    float *t;            // [N, rank]: x V
    const float *table;  // [adapters, stride]: for this matrix from `offset` on, the base's factor, then [rank] gains
    int64_t stride, offset, y_width;
    int32_t first, count, rank;
};

// y *= factor, t *= gains, for each token with its adapter's numbers. Row 0 of the table is 1 and zeros.
OPERATION(svf) {
    const SvfArgs &a = *(const SvfArgs *)raw;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t token = begin; token < end; token++) {
        const float *row = a.table + step.adapters[step.run_of[token]] * a.stride + a.offset;
        float *t = a.t + token * a.rank, *y = a.y + token * a.y_width + a.first;
        for (int i = 0; i < a.rank; i++) t[i] *= row[1 + i];
        if (row[0] != 1.0f)
            for (int i = 0; i < a.count; i++) y[i] *= row[0];
    }
}

struct AccumulateArgs {
    const float *x;  // [N, width]
    float *y;        // [N, width], rows y_width apart
    int64_t y_width;
    int32_t width;
    float add;
};

// y += add * x: what a product that had to be scaled first adds to the residual.
OPERATION(accumulate) {
    const AccumulateArgs &a = *(const AccumulateArgs *)raw;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t token = begin; token < end; token++)
        for (int i = 0; i < a.width; i += LANES) {
            const int count = a.width - i < LANES ? a.width - i : LANES;
            const float *x = a.x + token * a.width + i;
            float *y = a.y + token * a.y_width + i;
            store_some(y, fma(load_some(x, count), all(a.add), load_some(y, count)), count);
        }
}
