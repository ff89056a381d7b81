// Causal attention of whole documents over themselves, forth and back. See README.md.
#include "core/registers.h"
#include "core/step.h"

using namespace secretariat;

// A number for each token and head: rows may lie apart.
struct Heads {
    float *first;
    int64_t token, head;  // floats from one to the next
    float *row(int64_t n, int64_t h) const { return first + n * token + h * head; }
};

struct PackedAttentionArgs {
    Heads q, k, v, out;  // [N, H, D], [N, K, D] twice, [N, H, D]
    float *tops;         // [N, H, 2]: the largest score in base 2, and one over the sum of powers
    Heads d_out, dq, dk, dv;
    const int64_t *spans;  // [documents, 2]: first token, and the one behind the last
    uint8_t *scratch;      // [threads, scratch_bytes]
    int64_t documents, longest, scratch_bytes, window, sinks;
    int32_t heads, kv_heads, dim;
    float scale;
};

#if defined(__AVX512F__)
constexpr int QUERIES = 8, ACROSS = 3;  // sums in registers: rows by vectors of sixteen, of scores
constexpr int ROWS = 6, WIDE = 4;       // and of outputs
typedef lane piece;
#elif defined(__AVX2__)
constexpr int QUERIES = 6, ACROSS = 1, ROWS = 6, WIDE = 1;
typedef part piece;
#else
constexpr int QUERIES = 2, ACROSS = 1, ROWS = 2, WIDE = 1;
typedef part piece;
#endif
constexpr int64_t PANEL = 48;             // keys whose numbers lie side by side; queries of a tile
constexpr int64_t STRETCH = 4 * PANEL;    // keys that a tile is held against at a time on the way forth
constexpr int64_t PIECE = sizeof(piece) / sizeof(float);
static_assert(PANEL % QUERIES == 0 && PANEL % ROWS == 0 && PANEL % LANES == 0, "tiles are whole");

INLINE piece take(const float *from) { piece v; memcpy(&v, from, sizeof v); return v; }
INLINE void put(float *to, piece v) { memcpy(to, &v, sizeof v); }
INLINE piece filled(float x) { return x - piece{}; }
alignas(64) constexpr float COUNTED[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
INLINE piece greater(piece a, piece b) {
#if defined(__AVX512F__)
    return larger(a, b);
#else
    return a > b ? a : b;
#endif
}
INLINE float summed(piece v) {
    float some[LANES] = {};
    put(some, v);
    return sum(load(some));
}
INLINE float greatest(piece v) {
#if defined(__AVX512F__)
    return largest(v);
#else
    float most = v[0];
    for (int i = 1; i < PIECE; i++) most = v[i] > most ? v[i] : most;
    return most;
#endif
}

// 2^x for x <= 0 or next to it, to 2 units in the last place; 0 below -100: no sum notices, and what would be made of
// such numbers, below the normal ones, takes processors a hundred times as long.
INLINE piece power(piece x) {
    const piece least = filled(-100.0f), bounded = greater(x, least);
#if defined(__AVX512F__)
    const lane r = (lane)_mm512_reduce_ps((__m512)bounded, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
    const piece magic = filled(12582912.0f), n = (bounded + magic) - magic, r = bounded - n;  // magic: 1.5 * 2^23
#endif
    piece p = filled(1.326472731307149e-3f);
    p = fma(p, r, filled(9.671512991189957e-3f));
    p = fma(p, r, filled(5.550733581185341e-2f));
    p = fma(p, r, filled(2.4022242426872253e-1f));
    p = fma(p, r, filled(6.931470036506653e-1f));
    p = fma(p, r, filled(1.0f));
#if defined(__AVX512F__)
    const __mmask16 counts = _mm512_cmp_ps_mask((__m512)x, (__m512)least, _CMP_GE_OQ);
    return (lane)_mm512_maskz_scalef_ps(counts, (__m512)p, (__m512)(bounded - r));
#else
    typedef int32_t numbers __attribute__((vector_size(sizeof(piece))));
    const piece whole = (piece)((__builtin_convertvector(n, numbers) + 127) << 23);
    return x < least ? piece{} : p * whole;
#endif
}

// Sixteen rows by sixteen columns, turned round.
INLINE void transposed(const float *from, int64_t from_row, float *to, int64_t to_row) {
#if defined(__AVX512F__)
    // Four times the rows of the first half go between those of the second.
    const ints low = {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}, high = low + 8;
    lane rows[LANES], mixed[LANES];
    for (int r = 0; r < LANES; r++) rows[r] = load(from + r * from_row);
    for (int stage = 0; stage < 2; stage++) {
        for (int r = 0; r < 8; r++) {
            mixed[2 * r] = __builtin_shuffle(rows[r], rows[r + 8], low);
            mixed[2 * r + 1] = __builtin_shuffle(rows[r], rows[r + 8], high);
        }
        for (int r = 0; r < 8; r++) {
            rows[2 * r] = __builtin_shuffle(mixed[r], mixed[r + 8], low);
            rows[2 * r + 1] = __builtin_shuffle(mixed[r], mixed[r + 8], high);
        }
    }
    for (int r = 0; r < LANES; r++) store(to + r * to_row, rows[r]);
#else
    for (int r = 0; r < LANES; r++)
        for (int c = 0; c < LANES; c++) to[c * to_row + r] = from[r * from_row + c];
#endif
}

// to[r][j] = or += sum over i in order of left[r * row + i * step] right[i][j], for one strip of j.
template <int R, int C>
INLINE void product(const float *left, int64_t row, int64_t step, const float *right, int64_t right_row,
                    int64_t count, float *to, int64_t to_row, bool more) {
    wide sums[R][C];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) sums[r][c] = more ? load_wide(to + r * to_row + c * LANES) : spread(0.0f);
    for (int64_t i = 0; i < count; i++) {
        wide column[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) column[c] = load_wide(right + i * right_row + c * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            const wide value = spread(left[r * row + i * step]);
#pragma GCC unroll 4
            for (int c = 0; c < C; c++) sums[r][c] = fma(column[c], value, sums[r][c]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
        for (int c = 0; c < C; c++) store(to + r * to_row + c * LANES, sums[r][c]);
}

// As many strips as there are: of C vectors, and one of those left.
template <int R, int C>
INLINE void products(int64_t vectors, const float *left, int64_t row, int64_t step, const float *right,
                     int64_t right_row, int64_t count, float *to, int64_t to_row, bool more) {
    for (; vectors >= C; vectors -= C, right += C * LANES, to += C * LANES)
        product<R, C>(left, row, step, right, right_row, count, to, to_row, more);
    if constexpr (C > 1)
        if (vectors) products<R, C - 1>(vectors, left, row, step, right, right_row, count, to, to_row, more);
}

struct Range {
    int64_t begin, end;
    bool empty() const { return begin >= end; }
};

// The pieces that hold keys of a range, counted from `begin`.
static Range whole(Range seen, int64_t begin) {
    if (seen.empty()) return {0, 0};
    return {(seen.begin - begin) / PIECE * PIECE, (seen.end - begin + PIECE - 1) / PIECE * PIECE};
}

// Who sees whom: key j is seen by query i if j <= i and (j > i - window or j < sinks).
struct Sight {
    int64_t window, sinks;

    // The least range of keys of begin..end that holds all that queries first..last see.
    Range keys(int64_t begin, int64_t end, int64_t first, int64_t last) const {
        const int64_t near = first - window + 1;
        Range seen{begin, last + 1 < end ? last + 1 : end};
        if (begin >= sinks) {
            if (near > seen.begin) seen.begin = near;
        } else if (near >= end && sinks < seen.end) {
            seen.end = sinks;
        }
        return seen;
    }
    // As much of the queries of begin..end as sees some of the keys first..last.
    Range queries(int64_t begin, int64_t end, int64_t first, int64_t last) const {
        const int64_t far = last + window;
        return {first > begin ? first : begin, first < sinks || far > end ? end : far};
    }
    // Whether some query of the tile does not see some key of begin..end.
    bool cut(int64_t begin, int64_t end, int64_t tile) const {
        return end > tile + 1 || (begin <= tile + PANEL - 1 - window && end > sinks);
    }
};

// Which of some keys one query sees, as lanes.
struct Mask {
    piece at, low, sinks;
    Mask(const Sight &sight, int64_t query)
        : at(filled((float)query)), low(filled((float)(query - sight.window))), sinks(filled((float)sight.sinks)) {}
    // Of the keys from `first` on. Whole numbers below 2^24 are exact.
    piece operator()(int64_t first, piece value, piece other) const {
        const piece key = filled((float)first) + take(COUNTED);
#if defined(__AVX512F__)
        const __m512 k = (__m512)key;
        const __mmask16 seen = _mm512_cmp_ps_mask(k, (__m512)at, _CMP_LE_OQ) &
                               (_mm512_cmp_ps_mask(k, (__m512)low, _CMP_GT_OQ) | _mm512_cmp_ps_mask(k, (__m512)sinks, _CMP_LT_OQ));
        return (lane)_mm512_mask_blend_ps(seen, (__m512)other, (__m512)value);
#else
        return (key <= at) & ((key > low) | (key < sinks)) ? value : other;
#endif
    }
};

template <int DIM> struct Worker {
    const PackedAttentionArgs &a;
    const int dim;
    const Sight sight;
    const float steep;  // scores in base 2
    float *memory;

    Worker(const PackedAttentionArgs &a, uint8_t *scratch)
        : a(a), dim(DIM ? DIM : a.dim), sight{a.window, a.sinks}, steep(a.scale * 1.44269504f),
          memory((float *)scratch) {}

    float *room(int64_t floats) {
        float *given = memory;
        memory += (floats + LANES - 1) / LANES * LANES;
        return given;
    }
    static int64_t padded(int64_t tokens) { return (tokens + PANEL - 1) / PANEL * PANEL; }

    // Rows of a panel close together; zeros behind the last.
    void close(const Heads &from, int64_t first, int64_t rows, int64_t head, float *to) const {
        for (int64_t r = 0; r < rows; r++) memcpy(to + r * dim, from.row(first + r, head), sizeof(float) * dim);
        if (rows < PANEL) memset(to + rows * dim, 0, sizeof(float) * dim * (PANEL - rows));
    }
    // A panel turned round, [dim, PANEL].
    void turned(const float *from, float *to) const {
        for (int64_t j = 0; j < PANEL; j += LANES)
            for (int d = 0; d < dim; d += LANES) transposed(from + j * dim + d, dim, to + d * PANEL + j, PANEL);
    }
    // Scores, or what stands for them, of QUERIES rows against the vectors of a panel that hold `seen`.
    void against(const float *rows, const float *panel, int64_t begin, Range seen, float *to, int64_t to_row) const {
        const int64_t from = (seen.begin - begin) / LANES * LANES, vectors = (seen.end - begin - from + LANES - 1) / LANES;
        products<QUERIES, ACROSS>(vectors, rows, dim, 1, panel + from, PANEL, dim, to + from, to_row, false);
    }
};

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
        tops = this->room(PANEL), higher = this->room(PANEL), kept = this->room(PANEL), totals = this->room(PANEL * LANES);
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
                if (!seen.empty())
                    this->against(queries + r * dim, keys + panel * dim, panel, seen, chances + r * STRETCH + panel - begin, STRETCH);
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

static int64_t cost(const PackedAttentionArgs &a, int64_t document) {
    const int64_t tokens = a.spans[2 * document + 1] - a.spans[2 * document], most = a.window + a.sinks;
    return tokens * (tokens < most ? tokens : most);
}

template <class Way> static void share(const PackedAttentionArgs &a, const Team &team) {
    Way way(a, a.scratch + team.rank * a.scratch_bytes);
    // Shares are cut by what a document costs; the key head in which one thread's share begins is that thread's.
    int64_t all_costs = 0, begin, end, at = 0;
    for (int64_t i = 0; i < a.documents; i++) all_costs += cost(a, i) * a.kv_heads;
    team.share(all_costs, 1, begin, end);
    for (int64_t i = 0; i < a.documents; i++)
        for (int64_t head = 0; head < a.kv_heads; head++, at += cost(a, i))
            if (at >= begin && at < end) way.work(a.spans[2 * i], a.spans[2 * i + 1] - a.spans[2 * i], head);
}

OPERATION(packed_attention) {
    (void)step;
    const PackedAttentionArgs &a = *(const PackedAttentionArgs *)raw;
    a.dim == 64 ? share<Forth<64>>(a, team) : share<Forth<0>>(a, team);
}

OPERATION(packed_attention_back) {
    (void)step;
    const PackedAttentionArgs &a = *(const PackedAttentionArgs *)raw;
    a.dim == 64 ? share<Back<64>>(a, team) : share<Back<0>>(a, team);
}

// Of scratch, for each thread.
extern "C" int64_t packed_attention_bytes(const PackedAttentionArgs *a, int32_t back) {
    const float *end = back ? Back<0>(*a, nullptr).memory : Forth<0>(*a, nullptr).memory;
    return (end - (const float *)nullptr) * (int64_t)sizeof(float);
}
