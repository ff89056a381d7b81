// Rows of a step's tokens as an encoder begins, and unit vectors of its runs and tokens. See README.md.
#include "core/step.h"
#include "norm/row.h"

using namespace secretariat;

struct TextRowsArgs {
    const float *words;      // [vocab, width]
    const float *positions;  // [most, width], the token type added
    const float *weight, *bias;
    float *x;  // [N, width]
    int32_t width;
    float eps;
};

struct UnitVectorsArgs {
    const float *x;    // [N, width]
    float *texts;      // [N, width], the first R of it
    uint16_t *tokens;  // [N, width] float16, or null
    int32_t width, unused;
};

OPERATION(text_rows) {
    const TextRowsArgs &a = *(const TextRowsArgs *)raw;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t token = begin; token < end; token++) {
        const float *word = a.words + (int64_t)step.ids[token] * a.width;
        const float *position = a.positions + (int64_t)step.positions[token] * a.width;
        float *x = a.x + token * a.width;
        for (int64_t i = 0; i < a.width; i += LANES)
            store_left(x + i, load_left(word + i, a.width - i) + load_left(position + i, a.width - i), a.width - i);
        normalise(x, a.width, a.weight, {1, a.eps}, x);
        for (int64_t i = 0; i < a.width; i += LANES)
            store_left(x + i, load_left(x + i, a.width - i) + load_left(a.bias + i, a.width - i), a.width - i);
    }
}

// What a row is multiplied by to have length one; 0 for a row of zeros.
static float unit(const float *x, int64_t width) {
    lane squares{};
    for (int64_t i = 0; i < width; i += LANES) {
        const lane v = load_left(x + i, width - i);
        squares = fma(v, v, squares);
    }
    const float length = sqrtf(sum(squares));
    return length > 0 ? 1.0f / length : 0.0f;
}

static uint16_t narrowed16(float x) {
#if defined(__F16C__)
    return (uint16_t)_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT));
#else
    const _Float16 v = (_Float16)x;
    uint16_t bits;
    memcpy(&bits, &v, 2);
    return bits;
#endif
}

static void token_vectors(const UnitVectorsArgs &a, int64_t first, int64_t last) {
    for (int64_t token = first; token < last; token++) {
        const float *x = a.x + token * a.width, scale = unit(x, a.width);
        for (int64_t i = 0; i < a.width; i++) a.tokens[token * a.width + i] = narrowed16(x[i] * scale);
    }
}

OPERATION(unit_vectors) {
    const UnitVectorsArgs &a = *(const UnitVectorsArgs *)raw;
    int64_t begin, end;
    team.share(step.runs, 1, begin, end);
    for (int64_t run = begin; run < end; run++) {
        const int64_t first = step.starts[run], last = step.starts[run + 1];
        float *to = a.texts + run * a.width;
        for (int64_t i = 0; i < a.width; i += LANES) {
            lane total{};
            for (int64_t token = first; token < last; token++)
                total += load_left(a.x + token * a.width + i, a.width - i);
            store_left(to + i, total, a.width - i);
        }
        const float scale = unit(to, a.width);  // that of the mean: dividing by the tokens changes no direction
        for (int64_t i = 0; i < a.width; i++) to[i] *= scale;
        if (a.tokens) token_vectors(a, first, last);
    }
}
