// y = x Wᵀ in two phases, with a barrier between them: lay() brings rows of x into the layout the products read,
// multiply() takes laid rows against a range of panels. See README.md.
#pragma once
#include "linear/product.h"
#include "linear/unpacked.h"

namespace secretariat {

// Row i of the product becomes row to[i] of y (i where null), `width` floats apart:
// y = factor * (x Wᵀ + bias), or y += factor * (x Wᵀ + bias) where `add`.
struct Target {
    float *y;
    int64_t width;
    const int32_t *to;
    const float *bias;  // [outputs] or null
    float factor;
    bool add;
};

INLINE void finish(const Target &target, int64_t row, int64_t first, int64_t outputs, lane total) {
    const int count = outputs - first < LANES ? (int)(outputs - first) : LANES;
    float *y = target.y + (target.to ? target.to[row] : row) * target.width + first;
    if (target.bias) total += load_some(target.bias + first, count);
    if (target.add) total = fma(all(target.factor), total, load_some(y, count));
    else total = total * target.factor;
    store_some(y, total, count);
}

// One block of rows against `count` panels from number p on.
INLINE void tile(const Matrix &w, int64_t base, int64_t p, int count, uint8_t *laid, int64_t rows, int64_t first,
                 const Target &target) {
    const Block block = laid_block(w, laid, first, rows);
    const int used = rows - first < block.width ? (int)(rows - first) : block.width;
    Product *product =
        count == PAIR ? product_for<PAIR>(w.form, block.width) : product_for<1>(w.form, block.width);
    lane sums[PAIR * LANES];
    product(w, w.panel(base + p), block, sums);
    for (int q = 0; q < count; q++)
        for (int r = 0; r < used; r++)
            finish(target, first + r, (p + q) * LANES, w.outputs, sums[q * block.width + r]);
}

struct Range {
    int64_t begin, end;
};

// `count` panels of bfloat16 from number p on, unpacked once, against as many rows as have sums that stay near.
static void multiply_unpacked(const Matrix &w, int64_t base, int64_t p, int count, uint8_t *laid, int64_t rows,
                              Range some, const Target &target) {
    Unpacked unpacked;
    lane sums[NEAR_BLOCKS][PAIR * FLOAT_BLOCK] = {};
    for (int64_t group = 0; group < w.groups(); group += NEAR_GROUPS) {
        unpacked.read(w, w.panel(base + p), count, group);
        for (int64_t first = some.begin; first < some.end; first += FLOAT_BLOCK) {
            const Block block = laid_block(w, laid, first, rows);
            UnpackedProduct *const product =
                count == PAIR ? unpacked_for<PAIR>(block.width) : unpacked_for<1>(block.width);
            product(unpacked, block, sums[(first - some.begin) / FLOAT_BLOCK]);
        }
    }
    for (int64_t first = some.begin; first < some.end; first += FLOAT_BLOCK) {
        const int width = laid_block(w, laid, first, rows).width;
        const lane *totals = sums[(first - some.begin) / FLOAT_BLOCK];
        for (int q = 0; q < count; q++)
            for (int r = 0; r < width && first + r < some.end; r++)
                finish(target, first + r, (p + q) * LANES, w.outputs, totals[q * width + r]);
    }
}

// As multiply(), of bfloat16.
static void multiply_many(const Matrix &w, int64_t base, Range panels, uint8_t *laid, int64_t rows, Range some,
                          const Target &target) {
    constexpr int64_t NEAR_ROWS = NEAR_BLOCKS * FLOAT_BLOCK;
    for (int64_t p = panels.begin; p < panels.end; p += PAIR)
        for (int64_t first = some.begin; first < some.end; first += NEAR_ROWS) {
            const Range part{first, first + NEAR_ROWS < some.end ? first + NEAR_ROWS : some.end};
            multiply_unpacked(w, base, p, panels.end - p < PAIR ? (int)(panels.end - p) : PAIR, laid, rows, part,
                              target);
        }
}

// Panels of the matrix whose first panel is number `base`, against some of `laid`, all of them `rows` rows. The
// range of rows begins on a block.
static void multiply(const Matrix &w, int64_t base, Range panels, uint8_t *laid, int64_t rows, Range some,
                     const Target &target) {
    if (w.form == BFLOAT16 && some.end - some.begin > FEW_ROWS)
        return multiply_many(w, base, panels, laid, rows, some, target);
    const int step = w.quantised() ? 1 : PAIR, height = block_rows(w.form);
    const int64_t blocks = (some.end - some.begin + height - 1) / height;
    const int64_t pieces = (panels.end - panels.begin + step - 1) / step;
    const bool by_panel = step * w.stride > height * row_bytes(w);  // the larger of the two stays near
    for (int64_t k = 0; k < blocks * pieces; k++) {
        const int64_t first = some.begin + (by_panel ? k % blocks : k / pieces) * height;
        const int64_t p = panels.begin + (by_panel ? k / blocks : k % pieces) * step;
        tile(w, base, p, panels.end - p < step ? (int)(panels.end - p) : step, laid, rows, first, target);
    }
}

}  // namespace secretariat
