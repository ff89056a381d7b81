// y = x Wᵀ + b in eight bits. See README.md.
#include "core/columns.h"
#include "u8_linear/product.h"

using namespace secretariat;

struct U8LinearArgs {
    U8Matrix w;
    const float *bias;  // [outputs]
    const float *x;     // [N, inputs]
    float *y;           // [N, outputs]
    uint8_t *scratch;   // [threads, scratch_bytes]
    int64_t scratch_bytes;
};

OPERATION(u8_linear) {
    const U8LinearArgs &a = *(const U8LinearArgs *)raw;
    const U8Rows laid(a.w, a.scratch + team.rank * a.scratch_bytes);
    const int64_t outputs = a.w.outputs;
    int64_t begin, end;
    team.share(step.tokens, TALL, begin, end);
    for (; begin < end; begin += U8_ROWS) {
        const int64_t rows = end - begin < U8_ROWS ? end - begin : U8_ROWS;
        laid.lay_all(a.x + begin * a.w.inputs, rows, a.w.inputs);
        const float *bias = a.bias;
        float *y = a.y + begin * outputs;
        u8_multiply(a.w, 0, a.w.panels(), laid, rows, [=](int64_t row, int64_t panel, lane sums) {
            const int64_t first = panel * LANES, left = outputs - first;
            store_left(y + row * outputs + first, sums + load_left(bias + first, left), left);
        });
    }
}

extern "C" int64_t u8_linear_bytes(const U8LinearArgs *a) { return (U8Rows::bytes(a->w) + 63) / 64 * 64; }
