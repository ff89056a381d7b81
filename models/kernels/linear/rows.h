// Rows of x in the layout that the products read, quantised where the weights are.
// What a row is laid as depends on that row alone.
#pragma once
#include "core/step.h"
#include "linear/matrix.h"

namespace secretariat {

#if defined(__AVX512F__)
constexpr int FLOAT_BLOCK = 12, GROUP_BLOCK = 16, PAIR = 2;  // 24 or 16 sums and the weights fill 32 registers
#else
constexpr int FLOAT_BLOCK = 4, GROUP_BLOCK = 4, PAIR = 1;
#endif

INLINE int block_rows(int32_t form) { return form >= Q8 ? GROUP_BLOCK : FLOAT_BLOCK; }

// Rows are laid in blocks; the last one is as wide as the next product that exists.
INLINE int block_width(int64_t rows) {
    constexpr int WIDTHS[] = {1, 2, 3, 4, 6, 8, 12};
    for (int width : WIDTHS)
        if (rows <= width) return width;
    return 16;
}

INLINE int64_t even(int64_t inputs) { return (inputs + 1) & ~(int64_t)1; }

// One block of laid rows. Float forms: [inputs, width]. Quantised: codes [groups, width, 32] int8, then
// scales [groups, width] float32, then [groups, width]: scale * sum of codes (Q4), -128 * sum of codes (Q8).
struct Block {
    uint8_t *at;
    int64_t inputs, groups;
    int width;

    float *values() const { return (float *)at; }
    int8_t *codes(int64_t group) const { return (int8_t *)at + group * width * GROUP; }
    float *scales(int64_t group) const { return (float *)(at + groups * width * GROUP) + group * width; }
    float *shifts(int64_t group) const { return scales(groups) + group * width; }
};

INLINE int64_t row_bytes(const Matrix &w) {
    return w.quantised() ? w.groups() * (GROUP + 8) : even(w.inputs) * 4;
}

// Bytes that `rows` laid rows take at most.
INLINE int64_t laid_bytes(const Matrix &w, int64_t rows) { return (rows + LANES) * row_bytes(w); }

INLINE Block laid_block(const Matrix &w, uint8_t *laid, int64_t first, int64_t rows) {
    const int64_t left = rows - first < block_rows(w.form) ? rows - first : block_rows(w.form);
    return {laid + first * row_bytes(w), w.inputs, w.groups(), block_width(left)};
}

// Thirty-two numbers as int8 by the largest of them; returns scale and sum of codes.
INLINE float quantise(const float *x, int8_t *codes, int32_t &total) {
    typedef int8_t bytes16 __attribute__((vector_size(16)));
    const lane a = load(x), b = load(x + LANES);
    const float peak = largest(larger(larger(a, -a), larger(b, -b)));
    const float inverse = peak > 1e-30f ? 127.0f / peak : 0.0f;
    const ints p = whole(rounded(a * inverse)), q = whole(rounded(b * inverse));
    const bytes16 low = __builtin_convertvector(p, bytes16), high = __builtin_convertvector(q, bytes16);
    memcpy(codes, &low, 16);
    memcpy(codes + 16, &high, 16);
    total = (int32_t)sum(floats(p + q));
    return peak > 1e-30f ? peak / 127.0f : 0.0f;
}

INLINE void lay_group(const Matrix &w, const Block &block, int64_t group, int r, const float *x) {
    if (w.quantised()) {
        int32_t total;
        const float scale = quantise(x + group * GROUP, block.codes(group) + r * GROUP, total);
        block.scales(group)[r] = scale;
        if (w.form == Q4) {
            block.shifts(group)[r] = scale * total;
        } else {
            const int32_t shift = -128 * total;
            memcpy(block.shifts(group) + r, &shift, 4);
        }
        return;
    }
    const int64_t begin = group * GROUP, end = begin + GROUP < w.inputs ? begin + GROUP : w.inputs;
    float *to = block.values() + r;
    for (int64_t i = begin; i < end; i++) to[i * block.width] = x[i];
    if (end == w.inputs && (end & 1)) to[end * block.width] = 0;
}

INLINE void lay_nothing(const Matrix &w, const Block &block, int64_t group, int r) {
    if (w.quantised()) {
        memset(block.codes(group) + r * GROUP, 0, GROUP);
        block.scales(group)[r] = block.shifts(group)[r] = 0;
        return;
    }
    const int64_t begin = group * GROUP, all = even(w.inputs), end = begin + GROUP < all ? begin + GROUP : all;
    for (int64_t i = begin; i < end; i++) block.values()[i * block.width + r] = 0;
}

// Lays `rows` rows of x, `width` floats apart: row i is number `from[i]` of x, or i where `from` is null.
// The team shares the work; a barrier must follow before multiply().
static void lay(const Matrix &w, const float *x, int64_t width, const int32_t *from, int64_t rows, uint8_t *laid,
                const Team &team) {
    const int64_t groups = w.groups(), blocks = (rows + block_rows(w.form) - 1) / block_rows(w.form);
    int64_t begin, end;
    team.share(blocks * groups, 1, begin, end);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit / groups * block_rows(w.form), group = unit % groups;
        const Block block = laid_block(w, laid, first, rows);
        for (int r = 0; r < block.width; r++) {
            const int64_t row = first + r;
            if (row < rows) lay_group(w, block, group, r, x + (from ? from[row] : row) * width);
            else lay_nothing(w, block, group, r);
        }
    }
}

}  // namespace secretariat
