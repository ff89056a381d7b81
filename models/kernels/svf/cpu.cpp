// y = W x with the leading singular directions of W weighted anew for each token. See README.md.
#include "linear/linear.h"

using namespace secretariat;

struct SvfPart {
    Matrix up;                          // [.., rank]: its first panel is the product's panel number `panel`
    int64_t offset;                     // in a row of the table: the product's factor, then [rank] gains
    int32_t panel, first, count, rank;  // columns first … first + count of the product are this part's
    int32_t from, unused;               // its first column of t
};

struct SvfArgs {
    Matrix w, down;      // [outputs, inputs], [ranks, inputs]: the directions of all parts, one after the other
    const float *x;      // rows x_width apart
    float *y;            // rows y_width apart
    const float *bias;   // [outputs] or null
    const float *table;  // [adapters, stride]
    const SvfPart *parts;
    float *t;            // [N, ranks]
    uint8_t *laid, *laid_down;  // rows of x as w and as down read them; the same where the forms are
    uint8_t *own;               // own_bytes for each thread: a tile of the product, then laid rows of t
    int64_t stride, x_width, y_width, tile_bytes, own_bytes;
    float factor;
    int32_t add, count, unused;
};

constexpr int64_t PANELS = 2, TILE = PANELS * LANES;
constexpr int64_t LAID_IN_CACHE = 512 << 10, BLOCKS = 48;  // whole blocks of rows in every form

static bool carried(const Step &step) {
    for (int r = 0; step.adapters && r < step.runs; r++)
        if (step.adapters[r]) return true;
    return false;
}

static const float *numbers(const SvfArgs &a, const Step &step, int64_t token, const SvfPart &part) {
    return a.table + step.adapters[step.run_of[token]] * a.stride + part.offset;
}

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Calls `each` with every part that has some of the columns begin … end, and which.
template <class Each> static void meeting(const SvfArgs &a, int64_t begin, int64_t end, Each each) {
    for (int k = 0; k < a.count; k++) {
        const SvfPart &part = a.parts[k];
        const int64_t first = most(begin, part.first), last = least(end, part.first + part.count);
        if (first < last) each(part, k, Range{first, last});
    }
}

// t = gains ∘ (x V). The team shares directions and blocks of rows.
static void project(const SvfArgs &a, const Step &step, const Team &team) {
    const int64_t ranks = a.down.outputs, panels = a.down.count(), height = block_rows(a.down.form);
    const Target target{a.t, ranks, nullptr, nullptr, 1, false};
    int64_t begin, end;
    team.share((step.tokens + height - 1) / height * panels, 1, begin, end);
    for (int64_t piece = begin; piece < end; piece++) {
        const int64_t p = piece % panels, first = piece / panels * height, last = least(first + height, step.tokens);
        multiply(a.down, 0, {p, p + 1}, a.laid_down, step.tokens, {first, last}, target);
        for (int k = 0; k < a.count; k++) {
            const SvfPart &part = a.parts[k];
            const int64_t from = most(p * LANES, part.from), to = least((p + 1) * LANES, part.from + part.rank);
            for (int64_t token = first; from < to && token < last; token++) {
                const float *gains = numbers(a, step, token, part) + 1 + from - part.from;
                float *t = a.t + token * ranks + from;
                const int count = (int)(to - from);
                store_some(t, load_some(t, count) * load_some(gains, count), count);
            }
        }
    }
}

// Where a thread lays the rows of t of part number k.
static uint8_t *laid_part(const SvfArgs &a, const Step &step, const Team &team, int k) {
    uint8_t *at = a.own + team.rank * a.own_bytes + a.tile_bytes;
    for (int j = 0; j < k; j++) at += laid_bytes(a.parts[j].up, step.tokens);
    return at;
}

// A tile of the product becomes factor * tile + U t: rows `some`, columns from `column` on.
static void weigh(const SvfArgs &a, const Step &step, const Team &team, float *tile, Range some, Range columns) {
    meeting(a, columns.begin, columns.end, [&](const SvfPart &part, int k, Range own) {
        for (int64_t row = some.begin; row < some.end; row++) {
            const lane factor = all(numbers(a, step, row, part)[0]);
            float *at = tile + (row - some.begin) * TILE - columns.begin;
            for (int64_t i = own.begin; i < own.end; i += LANES) {
                const int count = (int)least(own.end - i, LANES);
                store_some(at + i, load_some(at + i, count) * factor, count);
            }
        }
        float *const origin = tile - some.begin * TILE + part.panel * LANES - columns.begin;
        const Range panels{own.begin / LANES - part.panel, (own.end + LANES - 1) / LANES - part.panel};
        multiply(part.up, 0, panels, laid_part(a, step, team, k), step.tokens, some,
                 Target{origin, TILE, nullptr, nullptr, 1, true});
    });
}

static void write(const SvfArgs &a, const float *tile, Range some, Range columns) {
    for (int64_t row = some.begin; row < some.end; row++)
        for (int64_t i = columns.begin; i < columns.end; i += LANES) {
            const int count = (int)least(columns.end - i, LANES);
            const lane v = load_some(tile + (row - some.begin) * TILE + i - columns.begin, count);
            float *y = a.y + row * a.y_width + i;
            store_some(y, a.add ? fma(all(a.factor), v, load_some(y, count)) : v * a.factor, count);
        }
}

static void weighed(const SvfArgs &a, const Step &step, const Team &team, Range some, Range panels) {
    float *const tile = (float *)(a.own + team.rank * a.own_bytes);
    const Range columns{panels.begin * LANES, least(panels.end * LANES, a.w.outputs)};
    float *const origin = tile - some.begin * TILE - columns.begin;
    multiply(a.w, 0, panels, a.laid, step.tokens, some, Target{origin, TILE, nullptr, a.bias, 1, false});
    weigh(a, step, team, tile, some, columns);
    write(a, tile, some, columns);
}

OPERATION(svf) {
    const SvfArgs &a = *(const SvfArgs *)raw;
    const bool adapted = carried(step);
    lay(a.w, a.x, a.x_width, nullptr, step.tokens, a.laid, team);
    if (adapted && a.laid_down != a.laid) lay(a.down, a.x, a.x_width, nullptr, step.tokens, a.laid_down, team);
    team.barrier();
    if (adapted) {
        project(a, step, team);
        team.barrier();
        // All of it on every thread: that is less than to wait for the others.
        for (int k = 0; k < a.count; k++)
            lay(a.parts[k].up, a.t + a.parts[k].from, a.down.outputs, nullptr, step.tokens,
                laid_part(a, step, team, k), Team{0, 1, nullptr});
    }
    const int64_t at_once = most(LAID_IN_CACHE / row_bytes(a.w) / BLOCKS * BLOCKS, BLOCKS);
    int64_t begin, end;
    team.share(a.w.count(), PANELS, begin, end);
    for (int64_t first = 0; first < step.tokens; first += at_once) {
        const Range some{first, least(first + at_once, step.tokens)};
        if (!adapted) {
            multiply(a.w, 0, {begin, end}, a.laid, step.tokens, some,
                     Target{a.y, a.y_width, nullptr, a.bias, a.factor, a.add != 0});
            continue;
        }
        for (int64_t p = begin; p < end; p += PANELS) weighed(a, step, team, some, {p, least(p + PANELS, end)});
    }
}
