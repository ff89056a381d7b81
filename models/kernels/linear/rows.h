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

// One block of laid rows. FLOAT32: [inputs, width]. BFLOAT16: codes [groups, width, 32] int16, then scales
// [groups, width] float32. Quantised: codes [groups, width, 32] int8, then scales [groups, width] float32, then
// [groups, width]: scale * sum of codes (Q4), -128 * sum of codes (Q8).
struct Block {
    uint8_t *at;
    int64_t inputs, groups;
    int width;

    float *values() const { return (float *)at; }
    int8_t *codes(int64_t group) const { return (int8_t *)at + group * width * GROUP; }
    float *scales(int64_t group) const { return (float *)(at + groups * width * GROUP) + group * width; }
    float *shifts(int64_t group) const { return scales(groups) + group * width; }
    int16_t *wide_codes(int64_t group) const { return (int16_t *)at + group * width * GROUP; }
    float *wide_scales(int64_t group) const { return (float *)wide_codes(groups) + group * width; }
};

INLINE int64_t row_bytes(const Matrix &w) {
    if (w.form == FLOAT32) return (int64_t)w.inputs * 4;
    return w.groups() * (w.form == BFLOAT16 ? 2 * GROUP + 4 : GROUP + 8);
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
    const float peak = largest(larger(magnitude(a), magnitude(b)));
    const bool some = peak > 1e-30f;
    const float inverse = some ? 127.0f / peak : 0.0f;
    const ints p = nearest(a * inverse), q = nearest(b * inverse);
    const bytes16 low = __builtin_convertvector(p, bytes16), high = __builtin_convertvector(q, bytes16);
    memcpy(codes, &low, 16);
    memcpy(codes + 16, &high, 16);
    total = sum(p + q);
    return some ? peak * (1.0f / 127) : 0.0f;
}

// Groups of row r of the block; zeros where `x` is null.
static void lay_codes(const Block &block, int32_t form, int64_t begin, int64_t end, int r, const float *x) {
    for (int64_t group = begin; group < end; group++) {
        int8_t *codes = block.codes(group) + r * GROUP;
        float *shift = block.shifts(group) + r, scale = 0;
        int32_t total = 0;
        if (x) scale = quantise(x + group * GROUP, codes, total);
        else memset(codes, 0, GROUP);
        block.scales(group)[r] = scale;
        const int32_t offset = -128 * total;
        if (form == Q4) *shift = scale * total;
        else memcpy(shift, &offset, 4);
    }
}

// The most that 32 products with weights below 2^14 can be multiplied by in 31 bits.
constexpr float WIDE_CODES = 4095;

// Thirty-two numbers as int16 by the largest of them; returns the scale. One that isn't finite makes it NaN or
// infinite: compared as whole numbers, NaN is the largest magnitude.
INLINE float quantise_wide(const float *x, int16_t *codes) {
    typedef int16_t words16 __attribute__((vector_size(32)));
    const lane a = load(x), b = load(x + LANES);
    const ints p = (ints)magnitude(a), q = (ints)magnitude(b);
    const int32_t bits = folded(p > q ? p : q, [](auto m, auto n) { return m > n ? m : n; });
    float peak;
    memcpy(&peak, &bits, 4);
    const bool none = peak <= 1e-30f;
    const float inverse = none ? 0.0f : WIDE_CODES / peak;
    const words16 low = __builtin_convertvector(nearest(a * inverse), words16);
    const words16 high = __builtin_convertvector(nearest(b * inverse), words16);
    memcpy(codes, &low, 32);
    memcpy(codes + 16, &high, 32);
    return none ? 0.0f : peak * (1.0f / WIDE_CODES);
}

// As lay_codes; zeros behind the last input as well.
static void lay_wide_codes(const Block &block, int64_t begin, int64_t end, int r, const float *x) {
    for (int64_t group = begin; group < end; group++) {
        int16_t *codes = block.wide_codes(group) + r * GROUP;
        float padded[GROUP] = {}, scale = 0;
        const int64_t left = block.inputs - group * GROUP;
        if (x && left < GROUP) memcpy(padded, x + group * GROUP, left * 4);
        if (x) scale = quantise_wide(left < GROUP ? padded : x + group * GROUP, codes);
        else memset(codes, 0, GROUP * 2);
        block.wide_scales(group)[r] = scale;
    }
}

// Rows r to r + 3 of the block, four inputs of each: turned round.
INLINE void lay_four(float *to, int width, const float *const x[4]) {
    typedef float l4 __attribute__((vector_size(16)));
    l4 a[4], b[4];
    for (int r = 0; r < 4; r++) memcpy(&a[r], x[r], 16);
    for (int h = 0; h < 2; h++) {
        b[2 * h] = __builtin_shuffle(a[h], a[h + 2], ints4{0, 4, 1, 5});
        b[2 * h + 1] = __builtin_shuffle(a[h], a[h + 2], ints4{2, 6, 3, 7});
    }
    for (int h = 0; h < 2; h++) {
        a[2 * h] = __builtin_shuffle(b[h], b[h + 2], ints4{0, 4, 1, 5});
        a[2 * h + 1] = __builtin_shuffle(b[h], b[h + 2], ints4{2, 6, 3, 7});
    }
    for (int i = 0; i < 4; i++) memcpy(to + i * width, &a[i], 16);
}

// Groups of up to four rows from r on; zeros where a row is null.
static void lay_floats(const Block &block, int64_t begin, int64_t end, int r, int rows, const float *const *x) {
    const int64_t inputs = block.inputs, laid = end == block.groups ? inputs : end * GROUP;
    float *to = block.values() + r;
    int64_t i = begin * GROUP;
    if (rows == 4 && x[0] && x[1] && x[2] && x[3])
        for (; i + 4 <= inputs && i < laid; i += 4) {
            const float *const at[] = {x[0] + i, x[1] + i, x[2] + i, x[3] + i};
            lay_four(to + i * block.width, block.width, at);
        }
    for (; i < laid; i++)
        for (int k = 0; k < rows; k++) to[i * block.width + k] = x[k] ? x[k][i] : 0;
}

// Lays `rows` rows of x, `width` floats apart: row i is number `from[i]` of x, or i where `from` is null.
// The team shares the work; a barrier must follow before multiply().
static void lay(const Matrix &w, const float *x, int64_t width, const int32_t *from, int64_t rows, uint8_t *laid,
                const Team &team) {
    const int64_t groups = w.groups(), blocks = (rows + block_rows(w.form) - 1) / block_rows(w.form);
    int64_t begin, end;
    team.share(blocks * groups, 1, begin, end);
    while (begin < end) {
        const int64_t first = begin / groups * block_rows(w.form), group = begin % groups;
        // Codes of a row lie apart by the width of the block anyway; floats are turned round in the near cache.
        const int64_t most = w.form != FLOAT32 ? end - begin : 1;
        const int64_t last = groups - group < most ? groups : group + most;
        const Block block = laid_block(w, laid, first, rows);
        for (int r = 0; r < block.width; r += 4) {
            const float *four[4];
            const int count = block.width - r < 4 ? block.width - r : 4;
            for (int k = 0; k < count; k++) {
                const int64_t row = first + r + k;
                four[k] = row < rows ? x + (from ? from[row] : row) * width : nullptr;
            }
            if (w.form == FLOAT32) lay_floats(block, group, last, r, count, four);
            for (int k = 0; k < count; k++) {
                if (w.form == BFLOAT16) lay_wide_codes(block, group, last, r + k, four[k]);
                if (w.quantised()) lay_codes(block, w.form, group, last, r + k, four[k]);
            }
        }
        begin += last - group;
    }
}

}  // namespace secretariat
