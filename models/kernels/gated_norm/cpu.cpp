// norm(y silu(z)), norm(y) silu(z) or y silu(z), the norm over each group of channels. See README.md.
#include "core/columns.h"
#include "core/step.h"

using namespace secretariat;

enum Gate : int32_t { ALONE, BEFORE, AFTER };  // as cpu.py numbers them

struct GatedNormArgs {
    Columns y, z, out;    // [N, groups * width]
    const float *weight;  // [groups * width], null where ALONE
    int32_t groups, width;
    Gate gate;
    float eps;
};

template <Gate GATE>
static void gated(const GatedNormArgs &a, const float *y, const float *z, const float *weight, float *out) {
    lane scale = all(1.0f);
    if (GATE != ALONE) {
        lane squares{};
        for (int64_t i = 0; i < a.width; i += LANES) {
            lane v = load_left(y + i, a.width - i);
            if (GATE == BEFORE) v = v * silu(load_left(z + i, a.width - i));
            squares = fma(v, v, squares);
            if (GATE == BEFORE) store_left(out + i, v, a.width - i);
        }
        scale = all(1.0f / sqrtf(sum(squares) / a.width + a.eps));
    }
    for (int64_t i = 0; i < a.width; i += LANES) {
        lane v = load_left((GATE == BEFORE ? out : y) + i, a.width - i);
        if (GATE != ALONE) v = v * scale * load_left(weight + i, a.width - i);
        if (GATE != BEFORE) v = v * silu(load_left(z + i, a.width - i));
        store_left(out + i, v, a.width - i);
    }
}

OPERATION(gated_norm) {
    const GatedNormArgs &a = *(const GatedNormArgs *)raw;
    int64_t begin, end;
    team.share((int64_t)step.tokens * a.groups, 1, begin, end);
    for (int64_t index = begin; index < end; index++) {
        const int64_t token = index / a.groups, first = index % a.groups * a.width;
        const float *y = a.y.row(token) + first, *z = a.z.row(token) + first;
        float *out = a.out.row(token) + first;
        const float *weight = a.weight ? a.weight + first : nullptr;
        switch (a.gate) {
            case ALONE: gated<ALONE>(a, y, z, weight, out); break;
            case BEFORE: gated<BEFORE>(a, y, z, weight, out); break;
            case AFTER: gated<AFTER>(a, y, z, weight, out); break;
        }
    }
}
