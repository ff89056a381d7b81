// h = exp(dt A) h + (dt x) B; y = h C + D x, token by token, a head's states in the lanes. See README.md.
#include "core/registers.h"
#include "core/step.h"

using namespace secretariat;

struct SsdArgs {
    Columns x, b, c, dt, y;  // [N, heads * width], [N, groups * size] twice, [N, heads], as x
    const float *dt_bias, *rate, *skip;  // [heads]; rate: A
    float *state;            // [S, heads, width, size]
    float *kept;             // [S, held, heads + heads * width + groups * size]: dt, x, b
    float low, high;         // bounds of dt
    int32_t heads, width, size, groups, held;
};

struct ScaleArgs {
    Columns x;           // [N, columns], in place
    const float *scale;  // [columns]
    int32_t columns;
};

constexpr int MAX_SIZE = 512;
constexpr int BLOCK = 32;     // tokens for which rows of h stay in registers: their B and C stay in the first cache
constexpr int MAX_BLOCK = 64; // a held run is one block

// Rows that the recurrence reads: the step's, or those kept of a held run.
struct Rows {
    Columns dt, x, b;
};

// Of one head: what all its rows share over a block of tokens.
struct Block {
    int64_t first;  // row of the first token
    int count;
    const float *b, *c;  // the group's columns in the first token's row
    int64_t b_stride, c_stride, size;
    alignas(64) float dt[MAX_BLOCK], decay[MAX_BLOCK];
    alignas(64) float dx[MAX_BLOCK * LANES], y[MAX_BLOCK * LANES];  // of sixteen rows
};

static void time_steps(const SsdArgs &a, const Columns &dt, int head, Block &block) {
    memset(block.dt, 0, sizeof block.dt);
    for (int t = 0; t < block.count; t++) block.dt[t] = dt.row(block.first + t)[head];
    for (int t = 0; t < block.count; t += LANES) {
        const lane steps = smaller(larger(softplus(load(block.dt + t) + a.dt_bias[head]), all(a.low)), all(a.high));
        store(block.dt + t, steps);
        store(block.decay + t, exp(steps * a.rate[head]));
    }
}

// sum() of each of sixteen: the same tree for each, in a fifth of the operations.
INLINE void sums(const wide *v, float *to) {
#if defined(__AVX512F__)
    lane a[8], b[4], c[2];
    for (int i = 0; i < 8; i++) {
        const __m512 x = (__m512)v[2 * i], y = (__m512)v[2 * i + 1];
        a[i] = (lane)_mm512_shuffle_f32x4(x, y, 0x44) + (lane)_mm512_shuffle_f32x4(x, y, 0xee);
    }
    for (int i = 0; i < 4; i++) {
        const __m512 x = (__m512)a[2 * i], y = (__m512)a[2 * i + 1];
        b[i] = (lane)_mm512_shuffle_f32x4(x, y, 0x88) + (lane)_mm512_shuffle_f32x4(x, y, 0xdd);
    }
    for (int i = 0; i < 2; i++) {
        const __m512d x = (__m512d)b[2 * i], y = (__m512d)b[2 * i + 1];
        c[i] = (lane)_mm512_unpacklo_pd(x, y) + (lane)_mm512_unpackhi_pd(x, y);
    }
    const __m512 x = (__m512)c[0], y = (__m512)c[1];
    const lane total = (lane)_mm512_shuffle_ps(x, y, 0x88) + (lane)_mm512_shuffle_ps(x, y, 0xdd);
    const ints order = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
    store(to, (lane)_mm512_permutexvar_ps((__m512i)order, (__m512)total));
#else
    for (int i = 0; i < LANES; i++) to[i] = sum(v[i]);
#endif
}

// ROWS rows of h over a block of tokens. CHUNKS 0: any size. `from` null: zeros; `to` null: h isn't written.
template <int CHUNKS, int ROWS, bool OUTPUT>
static void advance(Block &block, int row, const float *from, float *to) {
    const int chunks = CHUNKS ? CHUNKS : (int)((block.size + LANES - 1) / LANES);
    const int64_t size = CHUNKS ? CHUNKS * LANES : block.size;
    constexpr int TOGETHER = LANES / ROWS;
    wide h[ROWS][CHUNKS ? CHUNKS : MAX_SIZE / LANES];
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < chunks; i++) h[r][i] = load_wide_left(from + r * size + i * LANES, size - i * LANES);
    for (int t = 0; t < block.count; t += TOGETHER) {
        const int tokens = block.count - t < TOGETHER ? block.count - t : TOGETHER;
        wide parts[LANES];
        for (int k = 0; k < tokens; k++) {
            const float *b = block.b + (t + k) * block.b_stride, *c = block.c + (t + k) * block.c_stride;
            const wide decay = spread(block.decay[t + k]);
            wide dx[ROWS], totals[ROWS];
            for (int r = 0; r < ROWS; r++) dx[r] = spread(block.dx[(t + k) * LANES + row + r]), totals[r] = wide{};
            for (int i = 0; i < chunks; i++) {
                const wide input = load_wide_left(b + i * LANES, size - i * LANES);
                const wide output = OUTPUT ? load_wide_left(c + i * LANES, size - i * LANES) : wide{};
                for (int r = 0; r < ROWS; r++) {
                    h[r][i] = fma(h[r][i], decay, dx[r] * input);
                    if (OUTPUT) totals[r] = fma(h[r][i], output, totals[r]);
                }
            }
            for (int r = 0; r < ROWS; r++) parts[k * ROWS + r] = totals[r];
        }
        if (!OUTPUT) continue;
        float *y = block.y + t * LANES + row;
        if (tokens == TOGETHER) {
            alignas(64) float found[LANES];
            sums(parts, found);
            for (int k = 0; k < TOGETHER; k++) memcpy(y + k * LANES, found + k * ROWS, ROWS * sizeof(float));
        } else {
            for (int k = 0; k < tokens; k++)
                for (int r = 0; r < ROWS; r++) y[k * LANES + r] = sum(parts[k * ROWS + r]);
        }
    }
    if (to)
        for (int r = 0; r < ROWS; r++)
            for (int i = 0; i < chunks; i++) store_wide_left(to + r * size + i * LANES, h[r][i], size - i * LANES);
}

template <bool OUTPUT>
static void advance_rows(Block &block, int rows, const float *from, float *to) {
    for (int row = 0; row < rows;) {
        const int64_t at = row * block.size;
        float *const target = to ? to + at : nullptr;
        const bool pair = row + 1 < rows;
        if (pair && block.size == 128) advance<8, 2, OUTPUT>(block, row, from + at, target), row += 2;
        else if (pair && block.size == 64) advance<4, 2, OUTPUT>(block, row, from + at, target), row += 2;
        else if (block.size == 256) advance<16, 1, OUTPUT>(block, row, from + at, target), row++;
        else advance<0, 1, OUTPUT>(block, row, from + at, target), row++;
    }
}

// A tile: up to sixteen rows (channels) of a head.
struct Tile {
    int head, row, rows;
};
static int tiles_of_head(const SsdArgs &a) { return (a.width + LANES - 1) / LANES; }
static Tile tile_at(const SsdArgs &a, int64_t index) {
    const int tiles = tiles_of_head(a), row = (int)(index % tiles) * LANES;
    return {(int)(index / tiles), row, a.width - row < LANES ? a.width - row : LANES};
}

// Tokens `first` … `first + count` for the tiles of one thread. `to` null: the state isn't written.
template <bool OUTPUT>
static void run_block(
    const SsdArgs &a, const Rows &rows, int64_t first, int count, const float *from, float *to, int64_t begin, int64_t end
) {
    Block block;
    block.first = first, block.count = count, block.size = a.size;
    block.b_stride = rows.b.stride, block.c_stride = a.c.stride;
    for (int64_t index = begin, last = -1; index < end; index++) {
        const Tile tile = tile_at(a, index);
        if (tile.head != last) time_steps(a, rows.dt, tile.head, block);
        last = tile.head;
        const int64_t group = tile.head / (a.heads / a.groups) * a.size;
        block.b = rows.b.row(first) + group;
        block.c = OUTPUT ? a.c.row(first) + group : nullptr;
        const int64_t column = (int64_t)tile.head * a.width + tile.row;
        for (int t = 0; t < count; t++)
            store(block.dx + t * LANES, load_left(rows.x.row(first + t) + column, tile.rows) * block.dt[t]);
        advance_rows<OUTPUT>(block, tile.rows, from + column * a.size, to ? to + column * a.size : nullptr);
        for (int t = 0; OUTPUT && t < count; t++) {
            const lane x = load_left(rows.x.row(first + t) + column, tile.rows);
            const lane y = fma(x, all(a.skip[tile.head]), load(block.y + t * LANES));
            store_left(a.y.row(first + t) + column, y, tile.rows);
        }
    }
}

static Rows kept_rows(const SsdArgs &a, int slot) {
    const int64_t inner = (int64_t)a.heads * a.width, width = a.heads + inner + a.groups * a.size;
    float *const first = a.kept + (int64_t)slot * a.held * width;
    return {{first, width}, {first + a.heads, width}, {first + a.heads + inner, width}};
}

// What a commit would take: the team shares the tokens, no one reads them before the next program.
static void keep(const SsdArgs &a, const Step &step, int run, const Team &team) {
    const Rows rows = kept_rows(a, step.slots[run]);
    const int start = step.starts[run];
    int64_t begin, end;
    team.share(step.starts[run + 1] - start, 1, begin, end);
    for (int64_t t = begin; t < end; t++) {
        memcpy(rows.dt.row(t), a.dt.row(start + t), a.heads * sizeof(float));
        memcpy(rows.x.row(t), a.x.row(start + t), a.heads * a.width * sizeof(float));
        memcpy(rows.b.row(t), a.b.row(start + t), a.groups * a.size * sizeof(float));
    }
}

static float *state_of(const SsdArgs &a, int slot) {
    return a.state + (int64_t)slot * a.heads * a.width * a.size;
}

static void clear(const SsdArgs &a, float *state, int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
        const Tile tile = tile_at(a, index);
        memset(state + ((int64_t)tile.head * a.width + tile.row) * a.size, 0, sizeof(float) * tile.rows * a.size);
    }
}

OPERATION(ssd) {
    const SsdArgs &a = *(const SsdArgs *)raw;
    int64_t begin, end;
    team.share((int64_t)a.heads * tiles_of_head(a), 1, begin, end);
    const Rows rows{a.dt, a.x, a.b};
    for (int run = 0; run < step.runs; run++) {
        const int start = step.starts[run], stop = step.starts[run + 1];
        float *state = state_of(a, step.slots[run]);
        if (step.begins[run] == 0) clear(a, state, begin, end);
        if (step.held[run]) {
            run_block<true>(a, rows, start, stop - start, state, nullptr, begin, end);
            keep(a, step, run, team);
            continue;
        }
        for (int t = start; t < stop; t += BLOCK)
            run_block<true>(a, rows, t, stop - t < BLOCK ? stop - t : BLOCK, state, state, begin, end);
    }
}

// Of the step only runs, starts and slots are read: the first starts[r+1] - starts[r] kept tokens of each slot.
OPERATION(ssd_commit) {
    const SsdArgs &a = *(const SsdArgs *)raw;
    int64_t begin, end;
    team.share((int64_t)a.heads * tiles_of_head(a), 1, begin, end);
    for (int run = 0; run < step.runs; run++) {
        const int count = step.starts[run + 1] - step.starts[run], slot = step.slots[run];
        float *state = state_of(a, slot);
        if (count) run_block<false>(a, kept_rows(a, slot), 0, count, state, state, begin, end);
    }
}

OPERATION(ssd_scale) {
    const ScaleArgs &a = *(const ScaleArgs *)raw;
    int64_t begin, end;
    team.share(a.columns, LANES, begin, end);
    for (int token = 0; token < step.tokens; token++)
        for (int64_t c = begin; c < end; c += LANES) {
            float *x = a.x.row(token) + c;
            store_left(x, load_left(x, end - c) * load_left(a.scale + c, end - c), end - c);
        }
}
