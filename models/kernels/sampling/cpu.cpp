// A row of logits to a token, repeating reference.py bit for bit. See README.md.
// Every product and sum below is rounded by itself: NumPy has no fused multiply-add. Sums are of integers, so lanes
// may be as many as the processor has: no result depends on them.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <limits>
#include <vector>

#if defined(__AVX512F__)
#include <immintrin.h>
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
#define INLINE static inline __attribute__((always_inline))
typedef float lane __attribute__((vector_size(4 * LANES)));
typedef int32_t ints __attribute__((vector_size(4 * LANES)));
typedef uint64_t wides __attribute__((vector_size(4 * LANES)));

struct DrawArgs {
    const float *logits;      // [width]
    const uint32_t *allowed;  // [ceil(width / 32)]; bits behind the end are 0
    const int32_t *seen;      // [seen_count] tokens in prompt or output
    const int32_t *counts;    // [seen_count] times drawn
    const int32_t *biased;    // [biased_count]
    const float *bias;        // [biased_count]
    float *row;               // [width] scratch for edited logits
    int32_t *weights;         // [width rounded up to 16] scratch
    uint64_t bits;
    double top_p;
    int32_t width, top_k, seen_count, biased_count;
    float scale, floor, repetition, frequency, presence;
};

constexpr int STEPS = 64, BUCKETS = 1536;  // of z, per nat; 22 nats fit
constexpr float NOTHING = -std::numeric_limits<float>::infinity();

struct Best {
    float x;
    int32_t id;
};

INLINE lane all(float x) { return lane{} + x; }
INLINE ints load(const int32_t *from) { ints v; memcpy(&v, from, sizeof v); return v; }
INLINE void store(int32_t *to, ints v) { memcpy(to, &v, sizeof v); }
INLINE ints iota() {
    ints v;
    for (int l = 0; l < LANES; l++) v[l] = l;
    return v;
}

// The logits from `i` on, a multiple of LANES; -inf where the token may not be drawn.
INLINE lane scores(const DrawArgs &a, const float *x, int64_t i) {
    const uint32_t bits = (a.allowed[i / 32] >> (i % 32)) & ((1u << LANES) - 1);
#if defined(__AVX512F__)
    return (lane)_mm512_mask_loadu_ps((__m512)all(NOTHING), (__mmask16)bits, x + i);
#else
    lane v = all(NOTHING);
    memcpy(&v, x + i, sizeof(float) * (i + LANES <= a.width ? LANES : a.width - i));
    return (((ints{} + (int32_t)bits) >> iota()) & 1) != 0 ? v : all(NOTHING);
#endif
}

static const float *edit(const DrawArgs &a) {
    if (!a.seen_count && !a.biased_count) return a.logits;
    memcpy(a.row, a.logits, sizeof(float) * a.width);
    for (int32_t i = 0; i < a.seen_count; i++) {
        float &x = a.row[a.seen[i]];
        x = x > 0 ? x / a.repetition : x * a.repetition;
        if (a.counts[i] > 0) x -= a.frequency * (float)a.counts[i] + a.presence;
    }
    for (int32_t i = 0; i < a.biased_count; i++) a.row[a.biased[i]] += a.bias[i];
    return a.row;
}

static Best likeliest(const DrawArgs &a, const float *x) {
    lane best = all(NOTHING);
    ints ids = ints{} - 1;
    for (int64_t i = 0; i < a.width; i += LANES) {
        const lane v = scores(a, x, i);
        const ints better = v > best;
        best = better ? v : best;
        ids = better ? iota() + (int32_t)i : ids;
    }
    Best found{NOTHING, -1};
    for (int l = 0; l < LANES; l++) {
        if (best[l] > found.x || (best[l] == found.x && (uint32_t)ids[l] < (uint32_t)found.id))
            found = {best[l], ids[l]};
    }
    return found;
}

INLINE ints weigh(lane z) {
    z = z > all(-22.0f) ? z : all(-22.0f);
    const lane rounder = all(12582912.0f);
    const lane n = (z * all(1.44269504f) + rounder) - rounder;
    const lane r = (z - n * all(0.693359375f)) - n * all(-2.12194440e-4f);
    lane p = all(1.9875691500e-4f);
    p = p * r + all(1.3981999507e-3f);
    p = p * r + all(8.3334519073e-3f);
    p = p * r + all(4.1665795894e-2f);
    p = p * r + all(1.6666665459e-1f);
    p = p * r + all(0.5f);
    p = p * (r * r) + (r + all(1.0f));
    const ints power = (__builtin_convertvector(n, ints) + (30 + 127)) << 23;
    return __builtin_convertvector(p * (lane)power, ints);
}

INLINE wides widened(ints w) { return ((wides)w & 0xffffffffu) + ((wides)w >> 32); }
INLINE uint64_t sum(wides v) {
    uint64_t total = 0;
    for (int l = 0; l < LANES / 2; l++) total += v[l];
    return total;
}

static uint64_t weigh_all(const DrawArgs &a, const float *x, float best) {
    wides total{};
    for (int64_t i = 0; i < a.width; i += LANES) {
        const lane z = (scores(a, x, i) - best) * a.scale;
        const ints w = z >= all(a.floor) ? weigh(z) : ints{};
        store(a.weights + i, w);
        total += widened(w);
    }
    return sum(total);
}

struct Item {
    float x;
    int32_t id, weight;
    bool operator<(const Item &other) const { return x != other.x ? x > other.x : id < other.id; }
};

// The last token that is kept, likeliest first, and the weight of all that are.
struct Cut {
    float x;
    int32_t id;
    uint64_t mass;
};

// Where the likeliest tokens lie, by their distance from the best.
struct Histogram {
    const DrawArgs &a;
    const float *x;
    float best;
    uint32_t count[BUCKETS] = {};
    uint64_t mass[BUCKETS] = {};

    Histogram(const DrawArgs &args, const float *scores, float largest) : a(args), x(scores), best(largest) {
        for (int32_t i = 0; i < a.width; i++) {
            if (!a.weights[i]) continue;
            const int b = bucket(x[i]);
            count[b]++;
            mass[b] += a.weights[i];
        }
    }

    int bucket(float v) const {
        const int b = (int)((v - best) * a.scale * (float)-STEPS);
        return b < BUCKETS ? b : BUCKETS - 1;
    }

    // The shortest run whose tokens (weights, if not `counted`) come to `need`.
    Cut cut(uint64_t need, bool counted) const {
        uint64_t reached = 0, weight = 0;
        for (int b = 0; b < BUCKETS; b++) {
            const uint64_t here = counted ? count[b] : mass[b];
            if (here && reached + here >= need) return within(b, need - reached, weight, counted);
            reached += here;
            weight += mass[b];
        }
        return {NOTHING, std::numeric_limits<int32_t>::max(), weight};
    }

    Cut within(int b, uint64_t need, uint64_t weight, bool counted) const {
        std::vector<Item> items;
        items.reserve(count[b]);
        for (int32_t i = 0; i < a.width; i++)
            if (a.weights[i] && bucket(x[i]) == b) items.push_back({x[i], i, a.weights[i]});
        auto low = items.begin(), high = items.end();
        while (high - low > 1) {
            const auto middle = low + (high - low) / 2;
            std::nth_element(low, middle, high);
            uint64_t part = 0;
            for (auto item = low; item != middle; item++) part += item->weight;
            const uint64_t measure = counted ? (uint64_t)(middle - low) : part;
            if (measure >= need) {
                high = middle;
                continue;
            }
            need -= measure;
            weight += part;
            low = middle;
        }
        return {low->x, low->id, weight + low->weight};
    }
};

static uint64_t keep_likeliest(const DrawArgs &a, const float *x, float best, uint64_t total) {
    const Histogram histogram(a, x, best);
    Cut cut{NOTHING, std::numeric_limits<int32_t>::max(), total};
    if (a.top_k > 0) cut = histogram.cut(a.top_k, true);
    if (a.top_p < 1) cut = histogram.cut(std::max(1.0, ceil(a.top_p * (double)cut.mass)), false);
    for (int64_t i = 0; i < a.width; i += LANES) {
        const lane v = scores(a, x, i);
        const ints kept = (v > all(cut.x)) | ((v == all(cut.x)) & (iota() + (int32_t)i <= ints{} + cut.id));
        store(a.weights + i, load(a.weights + i) & kept);
    }
    return cut.mass;
}

static int32_t at(const DrawArgs &a, uint64_t target) {
    uint64_t passed = 0;
    for (int64_t i = 0; i < a.width; i += LANES) {
        const ints w = load(a.weights + i);
        const uint64_t here = sum(widened(w));
        if (passed + here > target) {
            for (int l = 0; l < LANES; l++)
                if ((passed += w[l]) > target) return (int32_t)i + l;
        }
        passed += here;
    }
    return -1;
}

struct RowsArgs {
    const float *logits;             // [rows, width]
    const uint32_t *const *allowed;  // [rows] masks as in DrawArgs; null: nobody asks
    int32_t *ids;                    // [rows]
    int32_t rows, width, threads;
};

// Reading the rows is all the work. One or two take less time than calling other threads.
extern "C" void likeliest_tokens(const RowsArgs *args) {
    const RowsArgs &a = *args;
#pragma omp parallel for num_threads(a.threads) if (a.rows > 2)
    for (int32_t row = 0; row < a.rows; row++) {
        DrawArgs one{};
        one.allowed = a.allowed[row];
        one.width = a.width;
        a.ids[row] = one.allowed ? likeliest(one, a.logits + (int64_t)row * a.width).id : -1;
    }
}

extern "C" int32_t draw_token(const DrawArgs *args) {
    const DrawArgs &a = *args;
    const float *x = edit(a);
    const Best best = likeliest(a, x);
    if (a.scale == 0 || best.id < 0) return best.id;
    uint64_t total = weigh_all(a, x, best.x);
    if (total && (a.top_k > 0 || a.top_p < 1)) total = keep_likeliest(a, x, best.x, total);
    return total ? at(a, (uint64_t)((unsigned __int128)a.bits * total >> 64)) : best.id;
}
