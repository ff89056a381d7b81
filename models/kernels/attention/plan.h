// How a step's attention is cut. Every thread makes the same list of groups and claims pieces of it; what a piece
// computes doesn't depend on who claims it or on how the list was cut.
//
// A group is a run's tokens in a few pages' worth of positions. Its keys are walked in splits of SPLIT keys, whose
// states are merged in order. A run of few tokens has too few groups for all threads: there each split is a piece
// of its own that leaves its states in `parts`, to be merged when all are there.
#pragma once
#include "attention/tile.h"
#include "core/step.h"

namespace secretariat {

constexpr int32_t SPLIT = 2048;
constexpr int64_t PIECES_A_THREAD = 8;  // enough for threads to end together though pieces differ
constexpr int MOST_ROWS = 384;          // of a group: their queries and values stay in a core's second cache

// Mirrors `AttentionArgs` of cpu.py, field by field.
struct AttentionArgs {
    const float *qkv;    // [N, (H + 2K) D]: a row's queries come first
    float *out;          // [N, H D]
    const void *keys;    // [P, K, D/2, 16, 2]
    const void *values;  // [P, K, 8, D, 2]
    uint8_t *scratch;    // [threads, scratch_bytes]
    float *parts;        // [parts_count, part_width]
    int32_t *claims;     // [2] zeros between steps: pieces claimed, threads done
    int64_t scratch_bytes, parts_count;
    int32_t heads, kv_heads, dim, half;  // half 1: bfloat16 pages, 0: float32
    int32_t window, sinks;               // window 0: none
    float scale, cap;                    // cap 0: none

    int group() const { return heads / kv_heads; }
    // Of positions: enough rows to make reading the keys cheap, and the most that a large step may take at once.
    int least_pages() const { return group() < 4 ? 4 / group() : 1; }
    int most_pages() const {
        int pages = least_pages();
        while (2 * pages * PAGE * group() <= MOST_ROWS) pages *= 2;
        return pages;
    }
    int page_tiles() const { return (PAGE * group() + TILE - 1) / TILE; }
    // Floats of a row's weighted values: whole registers.
    int width() const { return (dim * (half ? 1 : 2) + LANES - 1) / LANES * LANES; }
    int part_width() const { return width() + LANES; }  // then l and m
};

struct Group {
    int run;
    int32_t first, last;  // positions of its tokens, inclusive
    int32_t splits;       // to walk, seen or not
    int32_t pieces;       // splits that are pieces of their own; 0: the whole group is one piece
    int64_t parts;        // of its pieces: [pieces, tokens, H] from here on

    int32_t tokens() const { return last - first + 1; }
    int64_t row(const Step &step) const { return step.starts[run] + first - step.begins[run]; }
};

// Can tokens of the page of positions from `start` on see a key in [from, to)? Asked of a page, not of a token: the
// keys that a token goes through must not depend on which of its neighbours are there.
inline bool visible(const AttentionArgs &a, int32_t start, int32_t from, int32_t to) {
    return from <= start && (!a.window || to > start - a.window + 1 || from < a.sinks);
}

inline bool split_visible(const AttentionArgs &a, const Group &group, int32_t split) {
    for (int32_t page = group.first / PAGE; page <= group.last / PAGE; page++)
        if (visible(a, page * PAGE, split * SPLIT, (split + 1) * SPLIT)) return true;
    return false;
}

inline int64_t pieces(const AttentionArgs &a, int32_t begin, int32_t end, int32_t size) {
    return (int64_t)((end - 1) / size - begin / size + 1) * a.kv_heads;
}

// Positions of a group: as many as leave enough pieces, for a group reads its keys once.
inline int32_t group_size(const AttentionArgs &a, int32_t begin, int32_t end, int threads) {
    int32_t size = a.most_pages() * PAGE;
    while (size > a.least_pages() * PAGE && pieces(a, begin, end, size) < PIECES_A_THREAD * threads) size /= 2;
    return size;
}

template <class Visit> void each_group(const AttentionArgs &a, const Step &step, int threads, Visit visit) {
    int64_t used = 0;
    for (int run = 0; run < step.runs; run++) {
        const int32_t begin = step.begins[run], end = begin + step.starts[run + 1] - step.starts[run];
        if (end == begin) continue;
        const int32_t size = group_size(a, begin, end, threads), from = begin / size, to = (end - 1) / size;
        const bool few = pieces(a, begin, end, size) < PIECES_A_THREAD * threads;
        for (int32_t at = from; at <= to; at++) {
            const int32_t first = at == from ? begin : at * size, last = at == to ? end - 1 : (at + 1) * size - 1;
            Group group{run, first, last, last / SPLIT + 1, 0, used};
            int32_t seen = 0;
            for (int32_t split = 0; few && split < group.splits; split++) seen += split_visible(a, group, split);
            const int64_t wanted = (int64_t)seen * group.tokens() * a.heads;
            if (seen > 1 && used + wanted <= a.parts_count) {
                group.pieces = seen;
                used += wanted;
            }
            visit(group);
        }
    }
}

}  // namespace secretariat
