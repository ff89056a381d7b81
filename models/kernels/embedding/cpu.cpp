// Rows of a packed matrix for the step's ids. See README.md.
#include "core/step.h"
#include "linear/bfloat16.h"

using namespace secretariat;

struct EmbeddingArgs {
    Matrix w;
    float *x;  // [N, inputs]
    float scale;
    int32_t unused;
};

// Group g of the panel's output o, where weights are codes: as many as `to` has room for.
static void quantised_group(const Matrix &w, const uint8_t *panel, int64_t g, int o, float *to) {
    panel += g * GROUP_BYTES[w.form];
    const uint16_t *scales = (const uint16_t *)(panel + CODES[w.form]);
    const float scale = half(scales[o]);
    if (w.form == Q8) {
        for (int i = 0; i < GROUP; i++) to[i] = (float)(panel[i / 4 * 64 + o * 4 + i % 4] - 128) * scale;
        return;
    }
    const float minimum = half(scales[LANES + o]);
    for (int i = 0; i < GROUP / 2; i++) {
        const int pair = panel[i / 4 * 64 + o * 4 + i % 4];
        to[i] = __builtin_fmaf((float)(pair & 15), scale, minimum);
        to[i + GROUP / 2] = __builtin_fmaf((float)(pair >> 4), scale, minimum);
    }
}

static float weight(const Matrix &w, const uint8_t *panel, int64_t i, int o) {
    if (w.form == FLOAT32) return ((const float *)panel)[i * LANES + o];
    return weight_of(panel, i, o);
}

OPERATION(embedding) {
    const EmbeddingArgs &a = *(const EmbeddingArgs *)raw;
    const int64_t groups = a.w.groups();
    int64_t begin, end;
    team.share(step.tokens * groups, 1, begin, end);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t token = unit / groups, first = unit % groups * GROUP;
        const int32_t id = step.ids[token];
        const uint8_t *panel = a.w.panel(id / LANES);
        const int64_t last = first + GROUP < a.w.inputs ? first + GROUP : a.w.inputs;
        float *to = a.x + token * a.w.inputs;
        if (a.w.quantised()) quantised_group(a.w, panel, unit % groups, id % LANES, to + first);
        else
            for (int64_t i = first; i < last; i++) to[i] = weight(a.w, panel, i, id % LANES);
        for (int64_t i = first; i < last; i++) to[i] *= a.scale;
    }
}
