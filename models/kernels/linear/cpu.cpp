// y = factor * (x Wᵀ + bias), or added to y. See README.md.
#include "linear/linear.h"
#include "linear/pack.h"

using namespace secretariat;

struct LinearArgs {
    Matrix w;
    const float *x;
    float *y;
    const float *bias;  // [outputs] or null
    uint8_t *scratch;   // laid rows
    int64_t x_width, y_width;  // floats between rows
    float factor;
    int32_t add;
    int32_t wanted;  // 1: as many rows as logits are wanted, 0: as many as the step has tokens
};

constexpr int64_t LAID_IN_CACHE = 512 << 10;

// Rows that are taken against all panels before the next: few enough to stay in the second-level cache, many
// enough pieces of work for every thread.
static int64_t rows_at_once(const Matrix &w, int64_t rows, int64_t panels, const Team &team) {
    const int64_t block = block_rows(w.form);
    int64_t at_once = LAID_IN_CACHE / row_bytes(w);
    if (panels < 8 * team.size) {
        const int64_t pieces = (8 * team.size + panels - 1) / panels;
        if (rows / pieces < at_once) at_once = rows / pieces;
    }
    return at_once < block ? block : at_once / block * block;
}

OPERATION(linear) {
    const LinearArgs &a = *(const LinearArgs *)raw;
    const int64_t rows = a.wanted ? step.wanted : step.tokens;
    if (rows == 0) return;
    lay(a.w, a.x, a.x_width, nullptr, rows, a.scratch, team);
    team.barrier();
    const Target target{a.y, a.y_width, nullptr, a.bias, a.factor, a.add != 0};
    const int64_t grain = a.w.quantised() ? 1 : PAIR, units = (a.w.count() + grain - 1) / grain;
    const int64_t at_once = rows_at_once(a.w, rows, units, team), chunks = (rows + at_once - 1) / at_once;
    int64_t begin, end;
    team.share(units * chunks, 1, begin, end);
    while (begin < end) {
        const int64_t chunk = begin / units, first = begin % units;
        const int64_t last = units - first < end - begin ? units : first + end - begin;
        const int64_t rows_end = (chunk + 1) * at_once < rows ? (chunk + 1) * at_once : rows;
        const int64_t panels_end = last * grain < a.w.count() ? last * grain : a.w.count();
        multiply(a.w, 0, {first * grain, panels_end}, a.scratch, rows, {chunk * at_once, rows_end}, target);
        begin += last - first;
    }
}
