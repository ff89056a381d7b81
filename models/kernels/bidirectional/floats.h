// A text's attention over itself in float32. See README.md.
#pragma once
#include "bidirectional/args.h"
#include "core/registers.h"

namespace secretariat {

#if defined(__AVX512F__)
constexpr int ROWS = 8, ACROSS = 2;  // sums in registers: rows by vectors of sixteen
#elif defined(__AVX2__)
constexpr int ROWS = 4, ACROSS = 1;
#else
constexpr int ROWS = 2, ACROSS = 1;
#endif
constexpr int64_t STRIP = ACROSS * LANES;

static int64_t padded(int64_t tokens) { return (tokens + 2 * LANES - 1) / (2 * LANES) * (2 * LANES); }

// to[r][j] = sum over i in order of left[r][i] right[i][j], for one strip of j.
template <int R>
INLINE void strip(const float *left, int64_t left_row, const float *right, int64_t right_row, int64_t count,
                  float *to, int64_t to_row) {
    wide sums[R][ACROSS];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int p = 0; p < ACROSS; p++) sums[r][p] = spread(0.0f);
    for (int64_t i = 0; i < count; i++) {
        wide column[ACROSS];
#pragma GCC unroll 2
        for (int p = 0; p < ACROSS; p++) column[p] = load_wide(right + i * right_row + p * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const wide value = spread(left[r * left_row + i]);
#pragma GCC unroll 2
            for (int p = 0; p < ACROSS; p++) sums[r][p] = fma(column[p], value, sums[r][p]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 2
        for (int p = 0; p < ACROSS; p++) store(to + r * to_row + p * LANES, sums[r][p]);
}

// e^x of x <= 0 to 2 units in the last place, 0 far below. Where there is an instruction that scales by a power of
// two, nothing needs bounds but what lies far below.
INLINE lane falling_exp(lane x) {
#if defined(__AVX512F__)
    const lane bounded = larger(x, all(-110.0f)), n = rounded(bounded * all(1.44269504f));
    lane r = fma(n, all(-0.693145752f), bounded);
    r = fma(n, all(-1.42860677e-6f), r);
    lane p = all(1.3981999507e-3f);
    p = fma(p, r, all(8.3334519073e-3f));
    p = fma(p, r, all(4.1665795894e-2f));
    p = fma(p, r, all(1.6666665459e-1f));
    p = fma(p, r, all(5.0000001201e-1f));
    p = fma(p, r * r, r + all(1.0f));
    return (lane)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    return exp(x);
#endif
}

// One thread's working memory, and the work on one head of one run.
template <int> struct Worker {
    const BidirectionalArgs &a;
    float *keys;      // [dim, padded(tokens)]
    float *values;    // [tokens, dim]
    float *queries;   // [ROWS, dim], scaled
    float *chances;   // [ROWS, padded(tokens)]
    float *mixed;     // [ROWS, dim]

    Worker(const BidirectionalArgs &a, uint8_t *memory) : a(a) {
        const int64_t size = padded(a.most) * a.dim;
        keys = (float *)memory;
        values = keys + size;
        queries = values + size;
        chances = queries + ROWS * a.dim;
        mixed = chances + ROWS * padded(a.most);
    }

    static int64_t bytes(const BidirectionalArgs &a) {
        const int64_t floats = 2 * padded(a.most) * a.dim + 2 * ROWS * a.dim + ROWS * padded(a.most);
        return floats * (int64_t)sizeof(float);
    }

    void work(int64_t first, int64_t tokens, int head) {
        const int64_t width = (int64_t)a.heads * a.dim, across = padded(tokens);
        const float *q = a.qkv + first * 3 * width + head * a.dim;
        take(q + width, tokens);
        for (int64_t row = 0; row < tokens; row += ROWS) {
            const int rows = tokens - row < ROWS ? (int)(tokens - row) : ROWS;
            for (int r = 0; r < ROWS; r++)  // the last tile repeats its last row
                for (int d = 0; d < a.dim; d++)
                    queries[r * a.dim + d] = q[(row + (r < rows ? r : rows - 1)) * 3 * width + d] * a.scale;
            for (int64_t j = 0; j < across; j += STRIP)
                strip<ROWS>(queries, a.dim, keys + j, across, a.dim, chances + j, across);
            float parts[ROWS];
            for (int r = 0; r < rows; r++) parts[r] = weigh(chances + r * across, tokens);
            for (int d = 0; d < a.dim; d += STRIP)
                strip<ROWS>(chances, across, values + d, a.dim, tokens, mixed + d, a.dim);
            for (int r = 0; r < rows; r++) {
                float *to = a.out + (first + row + r) * width + head * a.dim;
                for (int d = 0; d < a.dim; d += LANES) store(to + d, load(mixed + r * a.dim + d) * all(parts[r]));
            }
        }
    }

    // Keys with a head's numbers one below the other, values close together.
    void take(const float *k, int64_t tokens) {
        const int64_t width = (int64_t)a.heads * a.dim, across = padded(tokens);
        for (int64_t j = 0; j < tokens; j++) {
            const float *from = k + j * 3 * width;
            for (int d = 0; d < a.dim; d++) keys[d * across + j] = from[d];
            memcpy(values + j * a.dim, from + width, sizeof(float) * a.dim);
        }
        for (int d = 0; d < a.dim; d++)
            for (int64_t j = tokens; j < across; j++) keys[d * across + j] = 0;
    }

    // Scores become e^(score - largest); returns one over their sum.
    static float weigh(float *row, int64_t tokens) {
        lane top = all(row[0]);
        for (int64_t j = 0; j < tokens; j += LANES) top = larger(top, load_left(row + j, tokens - j, row[0]));
        const lane most = all(largest(top));
        lane total{};
        for (int64_t j = 0; j < tokens; j += LANES) {
            const lane e = falling_exp(load_left(row + j, tokens - j, -INFINITY) - most);
            total += e;
            store(row + j, e);
        }
        return 1.0f / sum(total);
    }
};

}  // namespace secretariat
