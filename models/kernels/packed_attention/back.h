// From what a loss tells outputs to what it tells queries, keys and values. See README.md.
#pragma once
#include "packed_attention/worker.h"

namespace secretariat {

template <int DIM> struct Back : Worker<DIM> {
    using Worker<DIM>::a;
    using Worker<DIM>::dim;
    using Worker<DIM>::sight;
    using Worker<DIM>::steep;
    // Of a panel: what is told of keys, and as it is turned round; [dim, PANEL] or [PANEL, dim].
    float *keys_turned, *values_turned, *keys, *d_keys, *d_values;
    float *chances, *d_scores;  // [PANEL, PANEL]
    // Of a document's heads that share the keys: [group, padded tokens, dim], and three numbers for each of them.
    float *queries, *d_mixed, *d_queries, *tops, *shares, *deltas;
    int64_t start, tokens, across;

    Back(const PackedAttentionArgs &args, uint8_t *scratch) : Worker<DIM>(args, scratch) {
        const int64_t panel = PANEL * dim;
        keys_turned = this->room(panel), values_turned = this->room(panel), keys = this->room(panel);
        d_keys = this->room(panel), d_values = this->room(panel);
        chances = this->room(PANEL * PANEL), d_scores = this->room(PANEL * PANEL);
        const int64_t rows = this->padded(a.longest) * (a.heads / a.kv_heads);
        queries = this->room(rows * dim), d_mixed = this->room(rows * dim), d_queries = this->room(rows * dim);
        tops = this->room(rows), shares = this->room(rows), deltas = this->room(rows);
    }

    void work(int64_t first, int64_t count, int64_t key_head) {
        start = first, tokens = count, across = this->padded(count);
        const int64_t group = a.heads / a.kv_heads;
        for (int64_t g = 0; g < group; g++) gather(key_head * group + g, g * across);
        for (int64_t panel = 0; panel < tokens; panel += PANEL) {
            const int64_t rows = tokens - panel < PANEL ? tokens - panel : PANEL;
            this->close(a.v, start + panel, rows, key_head, keys);
            this->turned(keys, values_turned);
            this->close(a.k, start + panel, rows, key_head, keys);
            this->turned(keys, keys_turned);
            memset(d_keys, 0, sizeof(float) * PANEL * dim);
            memset(d_values, 0, sizeof(float) * PANEL * dim);
            const int64_t end = sight.queries(0, tokens, panel, panel + PANEL - 1).end;
            for (int64_t g = 0; g < group; g++)
                for (int64_t tile = panel; tile < end; tile += PANEL) meet(tile, panel, g * across + tile);
            tell(d_keys, panel, rows, a.dk, key_head, a.scale);
            tell(d_values, panel, rows, a.dv, key_head, 1.0f);
        }
        for (int64_t g = 0; g < group; g++)
            tell(d_queries + g * across * dim, 0, tokens, a.dq, key_head * group + g, a.scale);
    }

    // One head's queries and what is told of its outputs, to row `at` of the group's.
    void gather(int64_t head, int64_t at) {
        for (int64_t tile = 0; tile < tokens; tile += PANEL) {
            const int64_t rows = tokens - tile < PANEL ? tokens - tile : PANEL;
            this->close(a.q, start + tile, rows, head, queries + (at + tile) * dim);
            this->close(a.d_out, start + tile, rows, head, d_mixed + (at + tile) * dim);
        }
        memset(d_queries + at * dim, 0, sizeof(float) * across * dim);
        for (int64_t r = 0; r < tokens; r++) {
            const float *top = a.tops + ((start + r) * a.heads + head) * 2;
            const float *out = a.out.row(start + r, head), *told = d_mixed + (at + r) * dim;
            piece delta{};
            for (int d = 0; d < dim; d += PIECE) delta = fma(take(out + d), take(told + d), delta);
            tops[at + r] = top[0], shares[at + r] = top[1], deltas[at + r] = summed(delta);
        }
    }

    void tell(const float *from, int64_t first, int64_t rows, const Heads &to, int64_t head, float scale) const {
        for (int64_t r = 0; r < rows; r++) {
            float *row = to.row(start + first + r, head);
            for (int d = 0; d < dim; d += PIECE) put(row + d, take(from + r * dim + d) * filled(scale));
        }
    }

    // What a tile of queries, at row `at` of the group's, and a panel of keys tell each other.
    void meet(int64_t tile, int64_t panel, int64_t at) {
        const int64_t rows = tokens - tile < PANEL ? tokens - tile : PANEL, end = panel + PANEL;
        const bool cut = sight.cut(panel, end, tile);
        const float *q = queries + at * dim, *told = d_mixed + at * dim;
        for (int64_t r = 0; r < rows; r += QUERIES) {
            const Range seen = sight.keys(panel, end, tile + r, tile + r + QUERIES - 1);
            if (!seen.empty()) {
                this->against(q + r * dim, keys_turned, panel, seen, chances + r * PANEL, PANEL);
                this->against(told + r * dim, values_turned, panel, seen, d_scores + r * PANEL, PANEL);
            }
        }
        for (int64_t r = 0; r < rows; r++) weigh(r, tile + r, panel, at + r, cut);
        for (int64_t r = 0; r < rows; r += ROWS) {
            const Range seen = sight.keys(panel, end, tile + r, tile + r + ROWS - 1);
            if (!seen.empty())
                products<ROWS, WIDE>(dim / LANES, d_scores + r * PANEL + seen.begin - panel, PANEL, 1,
                                     keys + (seen.begin - panel) * dim, dim, seen.end - seen.begin,
                                     d_queries + (at + r) * dim, dim, true);
        }
        for (int64_t j = 0; j < PANEL; j += ROWS) {
            Range seeing = sight.queries(tile, tile + rows, panel + j, panel + j + ROWS - 1);
            if (seeing.empty()) continue;
            const int64_t from = seeing.begin - tile, count = seeing.end - seeing.begin;
            products<ROWS, WIDE>(dim / LANES, chances + from * PANEL + j, 1, PANEL, told + from * dim, dim, count,
                                 d_values + j * dim, dim, true);
            products<ROWS, WIDE>(dim / LANES, d_scores + from * PANEL + j, 1, PANEL, q + from * dim, dim, count,
                                 d_keys + j * dim, dim, true);
        }
    }

    // Scores become chances, and what is told of chances what is told of scores.
    void weigh(int64_t r, int64_t query, int64_t panel, int64_t at, bool cut) {
        float *p = chances + r * PANEL, *s = d_scores + r * PANEL;
        const piece down = filled(-tops[at]), share = filled(shares[at]), delta = filled(deltas[at]);
        int64_t from = 0, to = PANEL;
        if (cut) {
            const Range seen = whole(sight.keys(panel, panel + PANEL, query, query), panel);
            from = seen.begin, to = seen.end;
            for (int64_t j = 0; j < from; j += PIECE) put(p + j, piece{}), put(s + j, piece{});
            for (int64_t j = to; j < PANEL; j += PIECE) put(p + j, piece{}), put(s + j, piece{});
        }
        const Mask mask(sight, query);
        for (int64_t j = from; j < to; j += PIECE) {
            piece chance = power(fma(take(p + j), filled(steep), down)) * share;
            piece told = chance * (take(s + j) - delta);
            if (cut) {
                chance = mask(panel + j, chance, piece{}), told = mask(panel + j, told, piece{});
            }
            put(p + j, chance), put(s + j, told);
        }
    }
};

}  // namespace secretariat
