// From queries, keys and values to outputs. See README.md.
#pragma once
#include "packed_attention/worker.h"

namespace secretariat {

template <int DIM> struct Forth : Worker<DIM> {
    using Worker<DIM>::a;
    using Worker<DIM>::dim;
    using Worker<DIM>::sight;
    using Worker<DIM>::steep;
    float *keys, *values;              // [panels, dim, PANEL], [panels, PANEL, dim]
    float *queries, *mixed, *chances;  // [PANEL, dim] twice, [PANEL, STRETCH]
    float *tops, *higher, *kept;       // [PANEL]
    float *totals;                     // [PANEL, LANES]
    int64_t start, tokens;

    Forth(const PackedAttentionArgs &args, uint8_t *scratch) : Worker<DIM>(args, scratch) {
        const int64_t all_keys = this->padded(a.longest) * dim;
        keys = this->room(all_keys), values = this->room(all_keys);
        queries = this->room(PANEL * dim), mixed = this->room(PANEL * dim), chances = this->room(PANEL * STRETCH);
        tops = this->room(PANEL), higher = this->room(PANEL), kept = this->room(PANEL);
        totals = this->room(PANEL * LANES);
    }

    void work(int64_t first, int64_t count, int64_t key_head) {
        start = first, tokens = count;
        for (int64_t panel = 0; panel < tokens; panel += PANEL) {
            const int64_t rows = tokens - panel < PANEL ? tokens - panel : PANEL;
            this->close(a.k, start + panel, rows, key_head, queries);
            this->turned(queries, keys + panel * dim);
            this->close(a.v, start + panel, rows, key_head, values + panel * dim);
        }
        const int64_t group = a.heads / a.kv_heads;
        for (int64_t tile = 0; tile < tokens; tile += PANEL)
            for (int64_t head = key_head * group; head < (key_head + 1) * group; head++) mix(tile, head);
    }

    void mix(int64_t tile, int64_t head) {
        const int64_t rows = tokens - tile < PANEL ? tokens - tile : PANEL;
        this->close(a.q, start + tile, rows, head, queries);
        memset(mixed, 0, sizeof(float) * PANEL * dim);
        memset(totals, 0, sizeof(float) * PANEL * LANES);
        for (int64_t r = 0; r < PANEL; r++) tops[r] = -1e30f;
        const int64_t lowest = tile - sight.window + 1, near = lowest > 0 ? lowest / PANEL * PANEL : 0;
        const int64_t sinks = (sight.sinks + PANEL - 1) / PANEL * PANEL, far = sinks < near ? sinks : near;
        for (int64_t at = 0; at < far; at += STRETCH)
            stretch(tile, rows, at, at + STRETCH < far ? at + STRETCH : far);
        for (int64_t at = near; at < tile + PANEL; at += STRETCH)
            stretch(tile, rows, at, at + STRETCH < tile + PANEL ? at + STRETCH : tile + PANEL);
        for (int64_t r = 0; r < rows; r++) {
            const float share = 1.0f / sum(load(totals + r * LANES));
            float *to = a.out.row(start + tile + r, head), *top = a.tops + ((start + tile + r) * a.heads + head) * 2;
            for (int d = 0; d < dim; d += PIECE) put(to + d, take(mixed + r * dim + d) * filled(share));
            top[0] = tops[r], top[1] = share;
        }
    }

    void stretch(int64_t tile, int64_t rows, int64_t begin, int64_t end) {
        for (int64_t r = 0; r < rows; r += QUERIES)
            for (int64_t panel = begin; panel < end; panel += PANEL) {
                const Range seen = sight.keys(panel, panel + PANEL, tile + r, tile + r + QUERIES - 1);
                float *to = chances + r * STRETCH + panel - begin;
                if (!seen.empty()) this->against(queries + r * dim, keys + panel * dim, panel, seen, to, STRETCH);
            }
        weigh(tile, rows, begin, end);
        for (int64_t r = 0; r < rows; r += ROWS) {
            const Range seen = sight.keys(begin, end, tile + r, tile + r + ROWS - 1);
            if (!seen.empty())
                products<ROWS, WIDE>(dim / LANES, chances + r * STRETCH + seen.begin - begin, STRETCH, 1,
                                     values + seen.begin * dim, dim, seen.end - seen.begin, mixed + r * dim, dim, true);
        }
    }

    // Scores become powers of two, and what was summed before shrinks where a larger score comes. Rows go side by
    // side through each of three passes: none waits for another's largest score.
    void weigh(int64_t tile, int64_t rows, int64_t begin, int64_t end) {
        Range some[PANEL];
        const bool cut = sight.cut(begin, end, tile);
        for (int64_t r = 0; r < rows; r++) {
            some[r] = cut ? masked(chances + r * STRETCH, tile + r, begin, end) : Range{0, end - begin};
            piece most = filled(tops[r]);
            for (int64_t j = some[r].begin; j < some[r].end; j += PIECE)
                most = greater(most, take(chances + r * STRETCH + j) * filled(steep));
            higher[r] = greatest(most);
        }
        for (int64_t r = 0; r < rows; r += PIECE) {
            put(kept + r, power(take(tops + r) - take(higher + r)));
            put(tops + r, take(higher + r));
        }
        for (int64_t r = 0; r < rows; r++) {
            float *row = chances + r * STRETCH;
            const piece down = filled(-tops[r]), less = filled(kept[r]);
            piece total = take(totals + r * LANES) * less;
            for (int64_t j = some[r].begin; j < some[r].end; j += PIECE) {
                const piece e = power(fma(take(row + j), filled(steep), down));
                total += e;
                put(row + j, e);
            }
            put(totals + r * LANES, total);
            for (int d = 0; d < dim; d += PIECE) put(mixed + r * dim + d, take(mixed + r * dim + d) * less);
        }
    }

    // What a query does not see counts for nothing; what is left of begin..end, counted from its beginning.
    Range masked(float *row, int64_t query, int64_t begin, int64_t end) {
        const Range some = whole(sight.keys(begin, end, query, query), begin);
        const Mask mask(sight, query);
        for (int64_t j = some.begin; j < some.end; j += PIECE)
            put(row + j, mask(begin + j, take(row + j), filled(-INFINITY)));
        for (int64_t j = 0; j < some.begin; j += PIECE) put(row + j, piece{});
        for (int64_t j = some.end; j < end - begin; j += PIECE) put(row + j, piece{});
        return some;
    }
};

}  // namespace secretariat
