// One tile of softmax attention: a few rows (a token's query head each) against one block of keys.
//
// A row's state is m (an integer: probabilities are 2^(score - m), so that moving to a larger m is exact), l lanes
// of the probabilities' sum, and the weighted values. All rows go through blocks that start at multiples of BLOCK
// and end, for a row, with the page of its own token: which operations make a row's number depends on its position
// alone.
#pragma once
#include "attention/storage.h"

namespace secretariat {

constexpr int PAGE = 16, BLOCK = 128, BLOCK_PAGES = BLOCK / PAGE;
constexpr float NOTHING = -1e6f;  // m of a row that has seen no key

template <class S> struct Block {
    int32_t first;  // position of its first key
    int pages;
    bool masked;  // some row doesn't see some key
    const typename S::number *keys[BLOCK_PAGES], *values[BLOCK_PAGES];
    const typename S::number *next_keys[BLOCK_PAGES];  // of the block to come, or any others: only fetched
};

// Pages lie anywhere, so no processor guesses the next one: while keys are read their values are fetched, and the
// next keys while values are read. A page of either takes the same room.
INLINE void fetch(const void *from) { __builtin_prefetch(from, 0, 2); }

// So many numbers of pages, ready for S::Wide, while as many of the next ones are fetched.
template <class T> INLINE const T *widen(const T *from, T *, int64_t, const T *) { return from; }
#if !defined(__AVX512BF16__)
INLINE const float *widen(const bf16 *from, float *to, int64_t numbers, const bf16 *next) {
    for (int64_t i = 0; i < numbers; i += 2 * LANES) {
        store(to + i, HalfPages::right(from + i, 0));
        store(to + i + LANES, HalfPages::right(from + i, 1));
        fetch(next + i);
    }
    return to;
}
#endif

// Of so many rows: m [rows], l [rows, LANES], values [rows, width].
struct State {
    float *m, *l, *values;
    int width;
};

// One row's view of the past.
struct Sight {
    int32_t position, window, sinks;  // window 0: everything
};

struct Scaling {
    float inner, outer;  // exponent of two = outer * score, or outer * tanh(inner * score) where inner isn't 0
};

// Scores [R, BLOCK] of C registers of keys, those of `page` first.
template <class S, int R, int C>
INLINE void score(const typename S::factor *q, int dim, const Block<S> &block, int page, float *scores) {
    constexpr int EACH = PAGE / S::COLUMNS;  // registers a page
    lane total[R][C] = {};
    for (int pair = 0; pair < dim / 2; pair++)
#pragma GCC unroll 2
        for (int step = 0; step < S::STEPS; step++) {
            typename S::Right keys[C];
#pragma GCC unroll 4
            for (int c = 0; c < C; c++) {
                const int64_t at = pair * 2 * PAGE + c % EACH * 2 * S::COLUMNS;
                keys[c] = S::right(block.keys[page + c / EACH] + at, step);
                if (S::FETCHED && step == 0) fetch(block.values[page + c / EACH] + at);
            }
#pragma GCC unroll 16
            for (int r = 0; r < R; r++) {
                const typename S::Left query = S::left(q + (pair * TILE + r) * 2, step);
#pragma GCC unroll 4
                for (int c = 0; c < C; c++) total[r][c] = S::step(total[r][c], query, keys[c]);
            }
        }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c += EACH) store(scores + r * BLOCK + (page + c / EACH) * PAGE, S::fold(&total[r][c]));
}

template <class S, int R>
INLINE void score_block(const typename S::factor *q, int dim, const Block<S> &block, float *scores) {
    constexpr int EACH = PAGE / S::COLUMNS, WIDE = 2 * R <= TILE ? 4 : 2;
    int page = 0;
    for (; page + WIDE / EACH <= block.pages; page += WIDE / EACH)
        score<S, R, WIDE>(q, dim, block, page, scores);
    for (; page < block.pages; page++) score<S, R, EACH>(q, dim, block, page, scores);
}

// values[r] = values[r] * shrunk[r] + probabilities[r] V for C registers of a value page, `offset` numbers in.
template <class S, int R, int C, bool WHOLE>
INLINE void weigh(const typename S::factor *chances, const Block<S> &block, int dim, int offset, const float *shrunk,
                  float *values, int width) {
    lane total[R][C];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) total[r][c] = load(values + r * width + c * LANES) * spread(shrunk[r]);
    for (int page = 0; page < block.pages; page++) {
        const typename S::number *from = block.values[page] + offset, *next = block.next_keys[page] + offset;
        for (int pair = 0; pair < PAGE / 2; pair++, from += 2 * dim, next += 2 * dim)
#pragma GCC unroll 2
            for (int step = 0; step < S::STEPS; step++) {
                typename S::Right some[C];
#pragma GCC unroll 4
                for (int c = 0; c < C; c++) {
                    const typename S::number *at = from + c * 2 * S::COLUMNS;
                    some[c] = WHOLE ? S::right(at, step) : S::right_some(at, 2 * dim - offset, step);
                    if (S::FETCHED && step == 0) fetch(next + c * 2 * S::COLUMNS);
                }
#pragma GCC unroll 16
                for (int r = 0; r < R; r++) {
                    const typename S::Left chance = S::left(chances + r * BLOCK + page * PAGE + 2 * pair, step);
#pragma GCC unroll 4
                    for (int c = 0; c < C; c++) total[r][c] = S::step(total[r][c], chance, some[c]);
                }
            }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) store(values + r * width + c * LANES, total[r][c]);
}

template <class S, int R>
INLINE void weigh_block(const typename S::factor *chances, const Block<S> &block, int dim, const float *shrunk,
                        float *values, int width) {
    constexpr int WIDE = 2 * R <= TILE ? 4 : 2, EACH = 2 * S::COLUMNS;  // numbers a register
    int offset = 0;
    for (; offset + WIDE * EACH <= 2 * dim; offset += WIDE * EACH, values += WIDE * LANES)
        weigh<S, R, WIDE, true>(chances, block, dim, offset, shrunk, values, width);
    for (; offset + EACH <= 2 * dim; offset += EACH, values += LANES)
        weigh<S, R, 1, true>(chances, block, dim, offset, shrunk, values, width);
    if (offset < 2 * dim) weigh<S, R, 1, false>(chances, block, dim, offset, shrunk, values, width);
}

// tanh: (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x.
INLINE lane squashed(lane x) {
    const lane shrinking = exp(x < lane{} ? x + x : -(x + x));
    const lane size = (all(1.0f) - shrinking) / (all(1.0f) + shrinking);
    return x < lane{} ? -size : size;
}

INLINE lane masked(lane score, int32_t first, const Sight &row) {
    const ints token = ints{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + first;
    ints seen = token <= row.position;
    if (row.window) seen &= (token > row.position - row.window) | (token < row.sinks);
    return seen ? score : all(-INFINITY);
}

// The largest of a row's scores, capped and masked first where that is called for.
INLINE float largest_score(float *scores, int32_t first, int keys, bool hides, const Sight &row, const Scaling &by) {
    lane best = all(-INFINITY);
    for (int i = 0; i < keys; i += PAGE) {
        lane s = load(scores + i);
        if (by.inner != 0) s = squashed(s * spread(by.inner));
        if (hides) s = masked(s, first + i, row);
        if (by.inner != 0 || hides) store(scores + i, s);
        best = larger(best, s);
    }
    return largest(best);
}

// Turns a row's scores into probabilities and adds their sum to l.
template <class S, bool HIDES>
INLINE void softmax(const float *scores, typename S::factor *chances, int keys, float outer, float m, float shrunk,
                    float *l) {
    const lane by = spread(outer), less = spread(-m);
    lane total = load(l) * spread(shrunk);
    for (int i = 0; i < keys; i += PAGE) {
        const lane s = load(scores + i);
        lane p = power_of_two(fma(s, by, less));
        if (HIDES) p = s == all(-INFINITY) ? lane{} : p;
        total += S::put(chances + i, p);
    }
    store(l, total);
}

// For R rows, the first step of all before the second of any: each is one long chain, and chains overlap. Leaves
// what values shrink by.
template <class S, int R>
INLINE void softmax_rows(float *scores, typename S::factor *chances, const Block<S> &block, const Sight *sights,
                         const Scaling &by, const State &state, float *shrunk) {
    const int keys = block.pages * PAGE;
    for (int r = 0; r < R; r++) {
        const float best = largest_score(scores + r * BLOCK, block.first, keys, block.masked, sights[r], by);
        const float before = state.m[r], top = ceilf(best * by.outer);
        state.m[r] = top > before ? top : before;
        shrunk[r] = shrink(before - state.m[r]);
    }
    for (int r = 0; r < R; r++) {
        float *from = scores + r * BLOCK, *l = state.l + r * LANES;
        typename S::factor *to = chances + r * BLOCK;
        if (block.masked) softmax<S, true>(from, to, keys, by.outer, state.m[r], shrunk[r], l);
        else softmax<S, false>(from, to, keys, by.outer, state.m[r], shrunk[r], l);
    }
}

// Lets R rows see a block. `q` [dim/2, TILE, 2]; `sights` [R]; scratch: `scores` and `chances` [R, BLOCK].
template <class S, int R>
void attend(const typename S::factor *q, int dim, const Block<S> &block, const Sight *sights, const Scaling &by,
            const State &state, float *scores, typename S::factor *chances) {
    float shrunk[R];
    score_block<S, R>(q, dim, block, scores);
    softmax_rows<S, R>(scores, chances, block, sights, by, state, shrunk);
    weigh_block<S, R>(chances, block, dim, shrunk, state.values, state.width);
}

}  // namespace secretariat
