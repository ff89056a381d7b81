// h = exp(dt A) h + (dt x) B; y = (h C + D x) silu(z), token by token, sixteen channels in the lanes. See README.md.
#include "core/columns.h"
#include "core/step.h"

using namespace secretariat;

struct InputsArgs {
    Columns projected;               // [N, rank + 2 size]
    Columns dt, b, c;                // [N, rank], [N, size], [N, size]
    const float *weights;            // [rank + 2 size], null: no norms
    int32_t rank, size;
    float eps;
};

struct ScanArgs {
    Columns x, dt, b, c, z, y;       // [N, channels] or [N, size]; dt before softplus
    const float *rate;               // [size, channels] A log2(e)
    const float *skip;               // [channels] D
    float *state;                    // [S, size, channels]
    float *kept;                     // [S, held, 2 channels + size]: dt, x, b
    int32_t channels, size, held;
};

#if defined(__AVX512F__)
#define UNROLLED _Pragma("GCC unroll 16")  // all states in registers; with fewer of them it only costs build time
#else
#define UNROLLED
#endif

constexpr int MAX_SIZE = 256;
// Tokens for which a block of channels stays in registers: few enough that their rows' pages stay at hand.
constexpr int BLOCK = 32;

// Copied where there are no weights.
static void normalise(const float *x, float *y, const float *weight, int64_t width, float eps) {
    if (!weight) {
        memcpy(y, x, width * sizeof(float));
        return;
    }
    lane squares{};
    for (int64_t i = 0; i < width; i += LANES) {
        const lane v = load_left(x + i, width - i);
        squares = fma(v, v, squares);
    }
    const lane scale = all(1.0f / sqrtf(sum(squares) / width + eps));
    for (int64_t i = 0; i < width; i += LANES)
        store_left(y + i, load_left(x + i, width - i) * scale * load_left(weight + i, width - i), width - i);
}

OPERATION(selective_scan_inputs) {
    const InputsArgs &a = *(const InputsArgs *)raw;
    const int64_t b = a.rank, c = a.rank + a.size;
    int64_t begin, end;
    team.share(step.tokens, 1, begin, end);
    for (int64_t token = begin; token < end; token++) {
        const float *from = a.projected.row(token);
        normalise(from, a.dt.row(token), a.weights, a.rank, a.eps);
        normalise(from + b, a.b.row(token), a.weights ? a.weights + b : nullptr, a.size, a.eps);
        normalise(from + c, a.c.row(token), a.weights ? a.weights + c : nullptr, a.size, a.eps);
    }
}

// 2^x for x <= 0, exactly 1 at 0; below -125 it stays at 2^-125.
INLINE lane power_of_two(lane x) {
    const lane magic = all(12582912.0f);  // 1.5 * 2^23: a sum with it is whole, and its lowest bits are that number
    x = larger(x, all(-125.0f));
    const lane shifted = x + magic, r = x - (shifted - magic);
    lane p = all(1.3264727e-3f);
    p = fma(p, r, all(9.6715130e-3f));
    p = fma(p, r, all(5.5507336e-2f));
    p = fma(p, r, all(2.4022242e-1f));
    p = fma(p, r, all(6.9314700e-1f));
    p = fma(p, r, all(1.0f));
    return (lane)((ints)p + ((ints)shifted << 23));
}

// Rows that the recurrence reads: the step's, or those kept of a held run.
struct Rows {
    Columns dt, x, b;
};

// `count` tokens from row `first` on, for the channels from `c` on. SIZE 0: any size. `from` null: zeros; `to`
// null: the state isn't written.
template <int SIZE, bool OUTPUT>
static void scan(
    const ScanArgs &a, const Rows &rows, int64_t first, int count, const float *from, float *to, int64_t c, int64_t left
) {
    const int size = SIZE ? SIZE : a.size;
    lane h[SIZE ? SIZE : MAX_SIZE];
    for (int n = 0; n < size; n++) h[n] = from ? load_left(from + (int64_t)n * a.channels + c, left) : lane{};
    const lane skip = load_left(a.skip + c, left);
    for (int64_t t = first; t < first + count; t++) {
        const lane dt = softplus(load_left(rows.dt.row(t) + c, left)), x = load_left(rows.x.row(t) + c, left);
        const lane dx = dt * x;
        const float *b = rows.b.row(t);
        lane total{};
        UNROLLED
        for (int n = 0; n < size; n++) {
            const lane rate = load_left(a.rate + (int64_t)n * a.channels + c, left);
            h[n] = fma(h[n], power_of_two(dt * rate), dx * all(b[n]));
            if (OUTPUT) total = fma(h[n], all(a.c.row(t)[n]), total);
        }
        if (OUTPUT) {
            const lane gate = silu(load_left(a.z.row(t) + c, left));
            store_left(a.y.row(t) + c, fma(skip, x, total) * gate, left);
        }
    }
    if (to)
        for (int n = 0; n < size; n++) store_left(to + (int64_t)n * a.channels + c, h[n], left);
}

template <bool OUTPUT>
static void scan_channels(
    const ScanArgs &a, const Rows &rows, int64_t first, int count, const float *from, float *to, int64_t begin,
    int64_t end
) {
    for (int64_t c = begin; c < end; c += LANES) {
        if (a.size == 16 && end - c >= LANES) scan<16, OUTPUT>(a, rows, first, count, from, to, c, LANES);
        else scan<0, OUTPUT>(a, rows, first, count, from, to, c, end - c);
    }
}

static Columns kept(const ScanArgs &a, int slot, int64_t column) {
    const int64_t width = 2 * (int64_t)a.channels + a.size;
    return {a.kept + (int64_t)slot * a.held * width + column, width};
}
static Rows kept_rows(const ScanArgs &a, int slot) {
    return {kept(a, slot, 0), kept(a, slot, a.channels), kept(a, slot, 2 * (int64_t)a.channels)};
}

// What a commit would take. Every thread keeps its own channels, the first one B.
static void keep(const ScanArgs &a, const Step &step, int run, int64_t begin, int64_t end, bool first) {
    const Rows rows = kept_rows(a, step.slots[run]);
    const int start = step.starts[run];
    for (int64_t t = 0; t < step.starts[run + 1] - start; t++) {
        memcpy(rows.dt.row(t) + begin, a.dt.row(start + t) + begin, (end - begin) * sizeof(float));
        memcpy(rows.x.row(t) + begin, a.x.row(start + t) + begin, (end - begin) * sizeof(float));
        if (first) memcpy(rows.b.row(t), a.b.row(start + t), a.size * sizeof(float));
    }
}

OPERATION(selective_scan) {
    const ScanArgs &a = *(const ScanArgs *)raw;
    int64_t begin, end;
    team.share(a.channels, LANES, begin, end);
    const Rows rows{a.dt, a.x, a.b};
    for (int run = 0; run < step.runs; run++) {
        const int start = step.starts[run], stop = step.starts[run + 1];
        float *state = a.state + (int64_t)step.slots[run] * a.size * a.channels;
        if (step.begins[run] == 0)
            for (int n = 0; n < a.size && begin < end; n++)
                memset(state + (int64_t)n * a.channels + begin, 0, (end - begin) * sizeof(float));
        if (step.held[run]) {
            scan_channels<true>(a, rows, start, stop - start, state, nullptr, begin, end);
            keep(a, step, run, begin, end, team.rank == 0);
            continue;
        }
        for (int t = start; t < stop; t += BLOCK)
            scan_channels<true>(a, rows, t, stop - t < BLOCK ? stop - t : BLOCK, state, state, begin, end);
    }
}

// Of the step only runs, starts and slots are read: the first starts[r+1] - starts[r] kept tokens of each slot.
OPERATION(selective_scan_commit) {
    const ScanArgs &a = *(const ScanArgs *)raw;
    int64_t begin, end;
    team.share(a.channels, LANES, begin, end);
    for (int run = 0; run < step.runs; run++) {
        float *state = a.state + (int64_t)step.slots[run] * a.size * a.channels;
        const int count = step.starts[run + 1] - step.starts[run];
        if (count) scan_channels<false>(a, kept_rows(a, step.slots[run]), 0, count, state, state, begin, end);
    }
}
