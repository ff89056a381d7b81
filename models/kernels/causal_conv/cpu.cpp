// y_t = silu(bias + sum over taps of weight * x), with the last inputs of a sequence in its slot. See README.md.
#include "core/columns.h"
#include "core/step.h"

using namespace secretariat;

struct CausalConvArgs {
    Columns x, y;                  // [N, C]
    const float *weight;           // [taps, C], oldest first
    const float *bias;             // [C]
    float *state;                  // [S, taps - 1, C]
    float *kept;                   // [S, held, C]
    int32_t channels, taps, held;
};

constexpr int MAX_TAPS = 8;

struct Range {
    int64_t begin, end;
    int64_t bytes() const { return (end - begin) * (int64_t)sizeof(float); }
};

static Range shared(const CausalConvArgs &a, const Team &team) {
    Range range;
    team.share(a.channels, LANES, range.begin, range.end);
    return range;
}

// Moves `count` inputs in at the end of the window. `fresh`: the window held zeros.
static void shift(const CausalConvArgs &a, float *state, const Columns &x, int count, bool fresh, Range channels) {
    const int window = a.taps - 1;
    for (int w = 0; w < window; w++) {
        const int from = count + w;  // in the old window, then in the inputs
        float *to = state + (int64_t)w * a.channels + channels.begin;
        if (from >= window) memcpy(to, x.row(from - window) + channels.begin, channels.bytes());
        else if (fresh) memset(to, 0, channels.bytes());
        else memmove(to, state + (int64_t)from * a.channels + channels.begin, channels.bytes());
    }
}

// One token. `inputs`: for each tap its row of inputs, null for zeros.
template <int TAPS>
static void convolve(const CausalConvArgs &a, const float *const *inputs, float *y, Range channels) {
    const int taps = TAPS ? TAPS : a.taps;
    for (int64_t c = channels.begin; c < channels.end; c += LANES) {
        const int64_t left = channels.end - c;
        lane total = load_left(a.bias + c, left);
        for (int k = 0; k < taps; k++) {
            const lane x = inputs[k] ? load_left(inputs[k] + c, left) : lane{};
            total = fma(load_left(a.weight + (int64_t)k * a.channels + c, left), x, total);
        }
        store_left(y + c, silu(total), left);
    }
}

OPERATION(causal_conv) {
    const CausalConvArgs &a = *(const CausalConvArgs *)raw;
    const Range channels = shared(a, team);
    if (channels.begin == channels.end) return;
    const int window = a.taps - 1;
    for (int run = 0; run < step.runs; run++) {
        const int start = step.starts[run], count = step.starts[run + 1] - start;
        const bool fresh = step.begins[run] == 0;
        float *state = a.state + (int64_t)step.slots[run] * window * a.channels;
        const Columns x{a.x.row(start), a.x.stride};
        for (int t = 0; t < count; t++) {
            const float *inputs[MAX_TAPS];
            for (int k = 0; k < a.taps; k++) {
                const int at = t - window + k;
                inputs[k] = at >= 0 ? x.row(at) : fresh ? nullptr : state + (int64_t)(at + window) * a.channels;
            }
            if (a.taps == 4) convolve<4>(a, inputs, a.y.row(start + t), channels);
            else convolve<0>(a, inputs, a.y.row(start + t), channels);
        }
        if (step.held[run]) {
            if (fresh) shift(a, state, x, 0, true, channels);
            float *kept = a.kept + (int64_t)step.slots[run] * a.held * a.channels;
            for (int t = 0; t < count; t++)
                memcpy(kept + (int64_t)t * a.channels + channels.begin, x.row(t) + channels.begin, channels.bytes());
        } else {
            shift(a, state, x, count, fresh, channels);
        }
    }
}

// Of the step only runs, starts and slots are read: the first starts[r+1] - starts[r] kept tokens of each slot.
OPERATION(causal_conv_commit) {
    const CausalConvArgs &a = *(const CausalConvArgs *)raw;
    const Range channels = shared(a, team);
    if (channels.begin == channels.end) return;
    for (int run = 0; run < step.runs; run++) {
        const int64_t slot = step.slots[run];
        const Columns kept{a.kept + slot * a.held * a.channels, a.channels};
        const int count = step.starts[run + 1] - step.starts[run];
        shift(a, a.state + slot * (a.taps - 1) * a.channels, kept, count, false, channels);
    }
}
