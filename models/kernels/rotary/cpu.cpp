// Norms, clips and turns queries and keys, and puts keys and values into their pages. See README.md.
#include "core/step.h"
#include "norm/row.h"

using namespace secretariat;

constexpr int PAGE = 16;

struct TableArgs {
    const double *frequencies;  // [P] radians a token
    float *cosines, *sines;     // [N, P]
    double factor;
    int32_t pairs;
};

// In double: a float32 angle of 60,000 radians is off by 0.004.
OPERATION(rotary_table) {
    const TableArgs &a = *(const TableArgs *)raw;
    int64_t begin, end;
    team.share((int64_t)step.tokens * a.pairs, 1, begin, end);
    for (int64_t i = begin; i < end; i++) {
        const double angle = step.positions[i / a.pairs] * a.frequencies[i % a.pairs];
        a.cosines[i] = (float)(cos(angle) * a.factor);
        a.sines[i] = (float)(sin(angle) * a.factor);
    }
}

// How the queries, or the keys, are normalised.
struct Norming {
    const float *weight;  // null: not at all
    int32_t width;        // numbers normalised together: a head's or all heads'
    int32_t shared;       // 1: every head has the same weights
};

struct RotaryArgs {
    float *qkv;                     // [N, (H + 2K) D]: queries, keys, values
    const float *cosines, *sines;   // [N, P]
    void *keys;                     // [P, K, D/2, 16, 2]
    void *values;                   // [P, K, 8, D, 2]
    Norming query_norm, key_norm;
    int32_t heads, kv_heads, dim, half;  // half 1: bfloat16 pages, 0: float32
    int32_t pairs, apart;                // pairs 0: nothing turns; apart: of a pair's numbers, `pairs` or 1
    Normal normal;
    float clip;                          // 0: none
};

static void clip(float *x, int64_t width, float bound) {
    for (int64_t i = 0; i < width; i += LANES)
        store_left(x + i, smaller(larger(load_left(x + i, width - i), all(-bound)), all(bound)), width - i);
}

static void normalise_heads(float *x, int64_t width, const Norming &by, const RotaryArgs &a) {
    if (!by.weight) return;
    for (int64_t i = 0; i < width; i += by.width)
        normalise(x + i, by.width, by.weight + (by.shared ? 0 : i), a.normal, x + i);
}

static void turn(float *head, const float *cosines, const float *sines, const RotaryArgs &a) {
    const int stride = a.apart == 1 ? 2 : 1;
    for (int p = 0; p < a.pairs; p++) {
        float &first = head[p * stride], &second = head[p * stride + a.apart];
        const float x = first, y = second;
        first = x * cosines[p] - y * sines[p];
        second = y * cosines[p] + x * sines[p];
    }
}

INLINE void narrow(float from, float &to) { to = from; }
INLINE void narrow(float from, bf16 &to) { to = narrowed(from); }

// One head's key and value of the token in `slot` of its page.
template <class T> static void write(const float *key, const float *value, T *keys, T *values, int slot, int dim) {
    for (int d = 0; d < dim; d++) {
        narrow(key[d], keys[(d / 2 * PAGE + slot) * 2 + d % 2]);
        narrow(value[d], values[(slot / 2 * dim + d) * 2 + slot % 2]);
    }
}

OPERATION(rotary) {
    const RotaryArgs &a = *(const RotaryArgs *)raw;
    const int64_t dim = a.dim, query_width = a.heads * dim, key_width = a.kv_heads * dim;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t n = begin; n < end; n++) {
        float *queries = a.qkv + n * (query_width + 2 * key_width);
        float *keys = queries + query_width, *values = keys + key_width;
        normalise_heads(queries, query_width, a.query_norm, a);
        normalise_heads(keys, key_width, a.key_norm, a);
        if (a.clip != 0) clip(queries, query_width + 2 * key_width, a.clip);
        for (float *head = queries; head < values; head += dim)
            turn(head, a.cosines + n * a.pairs, a.sines + n * a.pairs, a);
        const int32_t position = step.positions[n], run = step.run_of[n];
        const int64_t page = step.pages[step.page_starts[run] + position / PAGE];
        for (int64_t k = 0; k < a.kv_heads; k++) {
            const int64_t at = (page * a.kv_heads + k) * PAGE * dim, head = k * dim;
            const int slot = position % PAGE;
            if (a.half) write(keys + head, values + head, (bf16 *)a.keys + at, (bf16 *)a.values + at, slot, a.dim);
            else write(keys + head, values + head, (float *)a.keys + at, (float *)a.values + at, slot, a.dim);
        }
    }
}
