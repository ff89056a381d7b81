// y = f(gate) * up or f(x), and C tanh(x / C), number by number. See README.md.
#include "core/columns.h"
#include "core/step.h"
#include "glu/activation.h"

using namespace secretariat;

struct GluArgs {
    const float *x;  // [N, hidden], or [N, 2 hidden] where gated
    float *y;        // [N, hidden]
    int32_t hidden, gated;
    Activation activation;
    int32_t unused;
};

struct CapArgs {
    float *x;  // [M, width] of the rows whose logits are wanted
    int64_t width;
    float cap;
    int32_t unused;
};

constexpr int64_t COLUMNS = 256;

// Calls `each` with this thread's pieces of rows: row, first and last column.
template <class Each> static void pieces(int64_t rows, int64_t width, const Team &team, Each each) {
    const int64_t across = (width + COLUMNS - 1) / COLUMNS;
    int64_t begin, end;
    team.share(rows * across, 1, begin, end);
    for (int64_t piece = begin; piece < end; piece++) {
        const int64_t first = piece % across * COLUMNS;
        each(piece / across, first, first + COLUMNS < width ? first + COLUMNS : width);
    }
}

OPERATION(glu) {
    const GluArgs &a = *(const GluArgs *)raw;
    pieces(step.tokens, a.hidden, team, [&](int64_t row, int64_t first, int64_t last) {
        const float *x = a.x + row * a.hidden * (a.gated ? 2 : 1), *up = x + a.hidden;
        for (int64_t i = first; i < last; i += LANES) {
            lane v = activated(load_left(x + i, last - i), a.activation);
            if (a.gated) v *= load_left(up + i, last - i);
            store_left(a.y + row * a.hidden + i, v, last - i);
        }
    });
}

OPERATION(soft_cap) {
    const CapArgs &a = *(const CapArgs *)raw;
    pieces(step.wanted, a.width, team, [&](int64_t row, int64_t first, int64_t last) {
        float *x = a.x + row * a.width;
        for (int64_t i = first; i < last; i += LANES) {
            const lane half = sigmoid(load_left(x + i, last - i) * all(2 / a.cap));
            store_left(x + i, all(a.cap) * (half + half - 1.0f), last - i);
        }
    });
}
