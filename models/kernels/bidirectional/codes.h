// A text's attention over itself in whole numbers: queries and keys of eight bits, chances of thirteen, values of
// nine and a sign. See README.md.
#pragma once
#include <type_traits>

#include "bidirectional/args.h"
#include "core/columns.h"

namespace secretariat {

constexpr int ROWS = 8, PAIR = 2 * LANES;  // of queries at a time; two vectors of keys make pairs
constexpr int64_t SUMMED = 512;            // tokens whose chances times values fit into 31 bits together
constexpr int MOST_DIM = 256;               // of a head
constexpr float CHANCE = 4096, VALUE = 511;

static int64_t padded(int64_t tokens) { return (tokens + PAIR - 1) / PAIR * PAIR; }

// 4096 * 2^x of x <= 0 to 1e-4 of it, 0 far below.
INLINE lane falling_power(lane x) {
    const lane n = rounded(x), r = x - n;
    lane p = all(CHANCE * 0.05517166f);
    p = fma(p, r, all(CHANCE * 0.24261112f));
    p = fma(p, r, all(CHANCE * 0.69326099f));
    p = fma(p, r, all(CHANCE * 0.99992807f));
    return (lane)_mm512_scalef_ps((__m512)p, (__m512)n);
}

INLINE ints dot4(ints total, uint32_t values, const int8_t *codes) {
    return (ints)_mm512_dpbusd_epi32((__m512i)total, _mm512_set1_epi32((int32_t)values), _mm512_load_si512(codes));
}
INLINE ints dot2(ints total, int32_t pair, const int16_t *codes) {
    return (ints)_mm512_dpwssd_epi32((__m512i)total, _mm512_set1_epi32(pair), _mm512_load_si512(codes));
}

// One thread's working memory, and the work on one head of one run. DIM: its numbers, where they are known ahead.
template <int DIM> struct Worker {
    const BidirectionalArgs &a;
    int8_t *keys;       // [dim/4, padded(tokens), 4]
    int16_t *values;    // [padded(tokens)/32, 16, dim, 2]: tokens j and j + 16 of a block side by side
    int32_t *chances;   // [ROWS, padded(tokens)/2]: likewise
    float *scores;      // [ROWS, padded(tokens)]
    float *key_scales;  // [padded(tokens)]
    int32_t *shifts;    // [padded(tokens)]: -128 times the sum of a key's codes
    float *value_scales;  // [dim]
    uint32_t *queries;  // [ROWS, dim/4]: codes + 128
    float query_scales[ROWS];

    Worker(const BidirectionalArgs &a, uint8_t *memory) : a(a) {
        const int64_t most = padded(a.most);
        const auto next = [&](auto *&field, int64_t count) {
            field = (std::remove_reference_t<decltype(field)>)memory;
            memory += (count * (int64_t)sizeof(*field) + 63) / 64 * 64;
        };
        next(keys, most * dim());
        next(values, most * dim());
        next(chances, ROWS * most / 2);
        next(scores, ROWS * most);
        next(key_scales, most);
        next(shifts, most);
        next(value_scales, dim());
        next(queries, ROWS * dim() / 4);
    }

    static int64_t bytes(const BidirectionalArgs &a) {
        const int64_t most = padded(a.most), aligning = 8 * 64;
        return most * (a.dim * 3 + ROWS * 6 + 8) + a.dim * (4 + ROWS) + aligning;
    }

    int dim() const { return DIM ? DIM : a.dim; }

    void work(int64_t first, int64_t tokens, int head) {
        const int64_t width = (int64_t)a.heads * dim(), across = padded(tokens);
        const float *q = a.qkv + first * 3 * width + head * dim();
        take_keys(q + width, tokens);
        take_values(q + 2 * width, tokens);
        for (int64_t row = 0; row < tokens; row += ROWS) {
            const int rows = tokens - row < ROWS ? (int)(tokens - row) : ROWS;
            for (int r = 0; r < ROWS; r++)  // the last tile repeats its last row
                take_query(q + (row + (r < rows ? r : rows - 1)) * 3 * width, r);
            for (int64_t j = 0; j < across; j += PAIR) score(j, across);
            int32_t totals[ROWS];
            for (int r = 0; r < ROWS; r++) totals[r] = weigh(r, tokens);
            for (int d = 0; d < dim(); d += PAIR) mix(d, across, totals, rows, a.out + (first + row) * width + head * dim());
        }
    }

    // A row of the head's numbers as codes of eight bits, `zero` added; returns the scale.
    float coded(const float *x, int32_t zero, uint8_t *codes) const {
        typedef uint8_t bytes16 __attribute__((vector_size(16)));
        lane peak{};
        for (int d = 0; d < dim(); d += LANES) peak = larger(peak, magnitude(load(x + d)));
        const float most = largest(peak), inverse = most > 1e-30f ? 127.0f / most : 0.0f;
        for (int d = 0; d < dim(); d += LANES) {
            const bytes16 some = __builtin_convertvector(nearest(load(x + d) * inverse) + zero, bytes16);
            memcpy(codes + d, &some, 16);
        }
        return most * (1.0f / 127);
    }

    void take_query(const float *x, int r) {
        query_scales[r] = coded(x, 128, (uint8_t *)(queries + r * dim() / 4)) * a.scale * 1.44269504f;
    }

    // Keys with four of a head's numbers one below the other. Behind the last token the first is repeated, which
    // makes no score larger than all others.
    void take_keys(const float *k, int64_t tokens) {
        const int64_t width = (int64_t)a.heads * dim(), across = padded(tokens);
        const int words = dim() / 4;
        for (int64_t j = 0; j < across; j++) {
            alignas(64) uint8_t codes[MOST_DIM];
            key_scales[j] = coded(k + (j < tokens ? j : 0) * 3 * width, 0, codes);
            for (int i = 0; i < words; i++) memcpy(keys + (i * across + j) * 4, codes + 4 * i, 4);
        }
        for (int64_t j = 0; j < across; j += LANES) {
            ints total{};
            for (int i = 0; i < words; i++) total = dot4(total, 0x01010101, keys + (i * across + j) * 4);
            const ints shift = total * -128;
            memcpy(shifts + j, &shift, 64);
        }
    }

    // Values by the largest of the text in each of a head's numbers.
    void take_values(const float *v, int64_t tokens) {
        const int64_t width = (int64_t)a.heads * dim(), across = padded(tokens);
        for (int d = 0; d < dim(); d += LANES) {
            lane peaks[4] = {all(1e-30f)};  // in turn: each waits for the one before
            for (int64_t j = 0; j < tokens; j++)
                peaks[j % 4] = larger(peaks[j % 4], magnitude(load(v + j * 3 * width + d)));
            const lane peak = larger(larger(peaks[0], peaks[1]), larger(peaks[2], peaks[3]));
            const lane inverse = all(VALUE) / peak;
            store(value_scales + d, peak * all(1 / VALUE));
            for (int64_t j = 0; j < across; j += PAIR)
                for (int64_t i = j; i < j + LANES; i++) {
                    const ints low = i < tokens ? nearest(load(v + i * 3 * width + d) * inverse) : ints{};
                    const ints high =
                        i + LANES < tokens ? nearest(load(v + (i + LANES) * 3 * width + d) * inverse) : ints{};
                    const ints both = (low & 0xffff) | (high << 16);
                    memcpy(values + ((j / 2 + i - j) * dim() + d) * 2, &both, 64);
                }
        }
    }

    // Of 32 keys from number j on with each of the queries.
    void score(int64_t j, int64_t across) {
        ints dots[ROWS][2], begun[2];
        const lane scales[] = {load(key_scales + j), load(key_scales + j + LANES)};
        memcpy(begun, shifts + j, 128);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) dots[r][0] = begun[0], dots[r][1] = begun[1];
        const int words = dim() / 4;
        for (int i = 0; i < words; i++) {
            const int8_t *codes = keys + (i * across + j) * 4;
#pragma GCC unroll 8
            for (int r = 0; r < ROWS; r++) {
                dots[r][0] = dot4(dots[r][0], queries[r * words + i], codes);
                dots[r][1] = dot4(dots[r][1], queries[r * words + i], codes + 64);
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            store(scores + r * across + j, floats(dots[r][0]) * scales[0]);
            store(scores + r * across + j + LANES, floats(dots[r][1]) * scales[1]);
        }
    }

    // Scores become chances, of 4096 for the largest; returns their sum.
    int32_t weigh(int r, int64_t tokens) {
        const int64_t across = padded(tokens), full = tokens / PAIR * PAIR;
        const float *row = scores + r * across;
        lane top[] = {load(row), load(row + LANES)};
        for (int64_t j = PAIR; j < across; j += PAIR)
            for (int h = 0; h < 2; h++) top[h] = larger(top[h], load(row + j + h * LANES));
        const lane scale = all(query_scales[r]), most = all(largest(larger(top[0], top[1])) * -query_scales[r]);
        ints total{};
        const auto chance = [&](int64_t j) { return nearest(falling_power(fma(load(row + j), scale, most))); };
        const auto keep = [&](int64_t j, ints low, ints high) {
            total += low + high;
            const ints both = low | (high << 16);
            memcpy(chances + (r * across + j) / 2, &both, 64);
        };
        for (int64_t j = 0; j < full; j += PAIR) keep(j, chance(j), chance(j + LANES));
        if (full < tokens) {
            const uint32_t present = (1u << (tokens - full)) - 1;
            const auto some = [&](int64_t j, uint32_t mask) {
                return (ints)_mm512_maskz_mov_epi32((__mmask16)mask, (__m512i)chance(j));
            };
            keep(full, some(full, present), some(full + LANES, present >> LANES));
        }
        return sum(total);
    }

    // 32 of the head's numbers from d on, of each of the rows.
    void mix(int d, int64_t across, const int32_t *totals, int rows, float *out) {
        lane mixed[ROWS][2] = {};
        for (int64_t begin = 0; begin < across; begin += SUMMED) {
            const int64_t end = begin + SUMMED < across ? begin + SUMMED : across;
            ints sums[ROWS][2] = {};
            for (int64_t i = begin / 2; i < end / 2; i++) {
                const int16_t *codes = values + (i * dim() + d) * 2;
#pragma GCC unroll 8
                for (int r = 0; r < ROWS; r++) {
                    sums[r][0] = dot2(sums[r][0], chances[r * (across / 2) + i], codes);
                    sums[r][1] = dot2(sums[r][1], chances[r * (across / 2) + i], codes + PAIR);
                }
            }
#pragma GCC unroll 8
            for (int r = 0; r < ROWS; r++)
                for (int h = 0; h < 2; h++) mixed[r][h] += floats(sums[r][h]);
        }
        for (int r = 0; r < rows; r++)
            for (int h = 0; h < 2; h++) {
                const lane scale = load(value_scales + d + h * LANES) * (1.0f / totals[r]);
                store(out + r * a.heads * (int64_t)dim() + d + h * LANES, mixed[r][h] * scale);
            }
    }
};

}  // namespace secretariat
