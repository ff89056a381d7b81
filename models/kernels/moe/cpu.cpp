// y = sum over a token's experts of weight * down(act(gate x) * (up x)). See README.md.
#include "linear/linear.h"
#include "glu/activation.h"
#include "moe/route.h"

using namespace secretariat;

struct ExpertsArgs {
    Choice choice;
    Matrix gate_up, down;  // [X, 2, hidden, E], [X, E, hidden]
    Columns x, y;          // [N, E]
    float *hidden;         // [N * K, 2 hidden] of the sorted choices
    float *outputs;        // [N * K, E]
    uint8_t *scratch;      // laid rows
    Activation activation;
    int32_t add;           // 1: y += factor * sum, 0: y = factor * sum
    float factor;
};

struct SharedArgs {
    Columns gate_up;    // [N, 2 hidden]; the first half becomes what `down` takes
    const float *gate;  // [N] before its sigmoid, or null
    int32_t hidden;
    Activation activation;
};

OPERATION(moe_route) {
    const RouteArgs &a = *(const RouteArgs *)raw;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t token = begin; token < end; token++) choose(a, token);
    team.barrier();
    if (team.rank == 0) sort(a.choice, step.tokens);
}

constexpr int64_t PANELS = 2;               // taken together: as many as the products of float forms can pair
constexpr int64_t LAID_IN_CACHE = 512 << 10;

// The rows of one expert that somebody chose, and where they are laid.
struct Busy {
    int expert;
    int64_t first, rows;
    uint8_t *laid;
};

// Calls `each` for every expert with rows, lowest first. Each has room for a block that isn't full.
template <class Each> static void busy(const ExpertsArgs &a, const Matrix &w, Each each) {
    int64_t room = 0;
    for (int x = 0; x < a.choice.experts; x++) {
        const int64_t first = a.choice.first[x], rows = a.choice.first[x + 1] - first;
        if (rows == 0) continue;
        each(Busy{x, first, rows, a.scratch + room * row_bytes(w)});
        room += rows + LANES;
    }
}

// As many rows of one expert at a time as stay in the second-level cache.
template <class Each> static void parts(const Matrix &w, const Busy &expert, Each each) {
    const int64_t block = block_rows(w.form), fit = LAID_IN_CACHE / row_bytes(w) / block * block;
    const int64_t at_once = fit < block ? block : fit;
    for (int64_t begin = 0; begin < expert.rows; begin += at_once)
        each(Range{begin, begin + at_once < expert.rows ? begin + at_once : expert.rows});
}

// The gate's columns become what down takes; those of up lie `hidden` further on.
static void activate(float *gate_up, int64_t begin, int64_t end, int64_t hidden, Activation activation, float factor) {
    for (int64_t i = begin; i < end; i += LANES) {
        const lane up = load_left(gate_up + hidden + i, end - i);
        store_left(gate_up + i, activated(load_left(gate_up + i, end - i), activation) * up * factor, end - i);
    }
}

// Gate, up and activation of this thread's columns, for all experts.
static void widen(const ExpertsArgs &a, const Team &team) {
    const int64_t count = a.gate_up.count(), hidden = a.gate_up.outputs;
    int64_t begin, end;
    team.share(count, PANELS, begin, end);
    busy(a, a.gate_up, [&](const Busy &expert) {
        float *const y = a.hidden + expert.first * 2 * hidden;
        const Target gate{y, 2 * hidden, nullptr, nullptr, 1, false};
        const Target up{y + hidden, 2 * hidden, nullptr, nullptr, 1, false};
        const int64_t base = expert.expert * 2 * count;
        parts(a.gate_up, expert, [&](Range rows) {
            for (int64_t p = begin; p < end; p += PANELS) {
                const Range panels{p, p + PANELS < end ? p + PANELS : end};
                multiply(a.gate_up, base, panels, expert.laid, expert.rows, rows, gate);
                multiply(a.gate_up, base + count, panels, expert.laid, expert.rows, rows, up);
                const int64_t last = panels.end * LANES < hidden ? panels.end * LANES : hidden;
                for (int64_t r = rows.begin; r < rows.end; r++)
                    activate(y + r * 2 * hidden, p * LANES, last, hidden, a.activation, 1);
            }
        });
    });
}

// Down, of this thread's columns, for all experts; then the same columns of every token's sum.
static void narrow(const ExpertsArgs &a, const Step &step, const Team &team) {
    const int64_t width = a.down.outputs;
    int64_t begin, end;
    team.share(a.down.count(), PANELS, begin, end);
    busy(a, a.down, [&](const Busy &expert) {
        const Target target{a.outputs + expert.first * width, width, nullptr, nullptr, 1, false};
        const int64_t base = expert.expert * a.down.count();
        parts(a.down, expert, [&](Range rows) {
            for (int64_t p = begin; p < end; p += PANELS)
                multiply(a.down, base, {p, p + PANELS < end ? p + PANELS : end}, expert.laid, expert.rows, rows,
                         target);
        });
    });
    const int64_t columns = end * LANES < width ? end * LANES : width;
    for (int64_t token = 0; token < step.tokens; token++) {
        const int32_t *rows = a.choice.row + token * a.choice.top;
        const float *weights = a.choice.weights + token * a.choice.top;
        for (int64_t i = begin * LANES; i < columns; i += LANES) {
            lane total{};
            for (int k = 0; k < a.choice.top; k++)
                total = fma(all(weights[k]), load_left(a.outputs + rows[k] * width + i, columns - i), total);
            float *y = a.y.row(token) + i;
            if (a.add) total = fma(all(a.factor), total, load_left(y, columns - i));
            else total = total * a.factor;
            store_left(y, total, columns - i);
        }
    }
}

OPERATION(moe_experts) {
    const ExpertsArgs &a = *(const ExpertsArgs *)raw;
    busy(a, a.gate_up, [&](const Busy &expert) {
        lay(a.gate_up, a.x.first, a.x.stride, a.choice.token + expert.first, expert.rows, expert.laid, team);
    });
    team.barrier();
    widen(a, team);
    team.barrier();
    const int64_t stride = 2 * a.down.inputs;
    busy(a, a.down, [&](const Busy &expert) {
        lay(a.down, a.hidden + expert.first * stride, stride, nullptr, expert.rows, expert.laid, team);
    });
    team.barrier();
    narrow(a, step, team);
}

OPERATION(moe_shared) {
    const SharedArgs &a = *(const SharedArgs *)raw;
    int64_t begin, end;
    team.share(a.hidden, LANES, begin, end);
    for (int64_t token = 0; token < step.tokens; token++) {
        const float factor = a.gate ? sigmoid(all(a.gate[token]))[0] : 1;
        activate(a.gate_up.row(token), begin, end, a.hidden, a.activation, factor);
    }
}
