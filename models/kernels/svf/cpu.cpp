// Singular-value vectors: a token's product scaled, and its leading directions weighted anew. See README.md.
#include "core/simd.h"
#include "core/step.h"

using namespace secretariat;

struct SvfPart {
    int64_t offset;  // in a row of the table: the base's factor, then [rank] gains
    int32_t first, count, rank, unused;  // columns first … first + count of the product are this part's
};

struct SvfArgs {
    float *product;      // rows product_width apart
    float *t;            // [N, sum of ranks]: x V of all parts, one after the other
    float *y;            // null, or where add * factor * product is added, rows y_width apart
    const float *table;  // [adapters, stride]
    const SvfPart *parts;
    int64_t stride, product_width, y_width, t_width;
    int32_t count, unused;
    float add;
};

// y += add * factor * x, or x *= factor.
static void scale(float *x, float *y, int count, float factor, float add) {
    if (!y && factor == 1.0f) return;
    for (int i = 0; i < count; i += LANES) {
        const int some = count - i < LANES ? count - i : LANES;
        const lane scaled = load_some(x + i, some) * all(factor);
        if (y) store_some(y + i, fma(scaled, all(add), load_some(y + i, some)), some);
        else store_some(x + i, scaled, some);
    }
}

// For each token with its adapter's numbers. Row 0 of the table is 1 and zeros: the base model's product stays.
OPERATION(svf) {
    const SvfArgs &a = *(const SvfArgs *)raw;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t token = begin; token < end; token++) {
        const float *row = a.table + step.adapters[step.run_of[token]] * a.stride;
        float *t = a.t + token * a.t_width;
        for (int p = 0; p < a.count; p++) {
            const SvfPart &part = a.parts[p];
            for (int i = 0; i < part.rank; i++) t[i] *= row[part.offset + 1 + i];
            t += part.rank;
            float *y = a.y ? a.y + token * a.y_width + part.first : nullptr;
            scale(a.product + token * a.product_width + part.first, y, part.count, row[part.offset], a.add);
        }
    }
}
