// Mamba-2's recurrence over whole documents, forth and back, in chunks. See README.md.
#include "core/step.h"
#include "packed_attention/sight.h"

using namespace secretariat;

struct PackedSsdArgs {
    Columns x, dt, y;           // [N, heads * width + 2 groups * size]: x, B and C side by side; [N, heads]; x's part
    const float *rate, *skip;   // [heads]: A, and D
    Columns d_y, d_x, d_dt;     // as y, x and dt
    float *d_rates;             // [documents, heads, 2]: of A and of D
    const int64_t *spans;       // [documents, 2]: first token, and the one behind the last
    uint8_t *scratch;           // [threads, scratch_bytes]
    int64_t documents, longest, scratch_bytes;
    int32_t heads, width, groups, size;
};

constexpr int64_t CHUNK = PANEL;
constexpr int FEW = ROWS < 4 ? ROWS : 4;  // rows of a state taken together: its size is a multiple of it

// What both ways make of a chunk of a document.
struct Worker {
    const PackedSsdArgs &a;
    const int64_t width, size, group, state_numbers;
    float *memory;
    float *b, *c, *b_turned, *scores;  // of a group: [CHUNK, size] twice, [size, CHUNK], [CHUNK, CHUNK]
    float *x, *weights;                // of a head: dt x [CHUNK, width]; what each token gets of those before
    float *steps, *since, *kept, *left;  // dt; ln of decay since the chunk began, in base 2; it; it to the chunk's end
    int64_t first, rows, reach;        // of the chunk; rows up to a whole strip
    float end;                         // what the chunk leaves of the state before it
    int64_t ahead = CHUNK;             // tokens to the chunk that comes next

    Worker(const PackedSsdArgs &a, uint8_t *scratch)
        : a(a), width(a.width), size(a.size), group(a.heads / a.groups), state_numbers(width * size),
          memory((float *)scratch) {
        b = room(CHUNK * size), c = room(CHUNK * size), b_turned = room(CHUNK * size), scores = room(CHUNK * CHUNK);
        x = room(CHUNK * width), weights = room(CHUNK * CHUNK);
        steps = room(CHUNK), since = room(CHUNK), kept = room(CHUNK), left = room(CHUNK);
    }
    float *room(int64_t floats) {
        float *given = memory;
        memory += (floats + LANES - 1) / LANES * LANES;
        return given;
    }
    int64_t x_column(int64_t head) const { return head * width; }
    int64_t b_column(int64_t g) const { return a.heads * width + g * size; }
    int64_t c_column(int64_t g) const { return b_column(a.groups + g); }

    // Rows of the chunk close together; zeros behind the last. Those of the chunk to come are asked for meanwhile:
    // they lie too far apart for a processor to see where this goes.
    void close(const Columns &from, int64_t column, int64_t columns, float *to) const {
        for (int64_t r = 0; r < rows; r++) {
            const float *row = from.row(first + r) + column;
            for (int64_t i = 0; i < columns; i += LANES) __builtin_prefetch(row + ahead * from.stride + i, 0, 2);
            memcpy(to + r * columns, row, sizeof(float) * columns);
        }
        if (rows < CHUNK) memset(to + rows * columns, 0, sizeof(float) * columns * (CHUNK - rows));
    }
    // [rows, columns] turned round; both multiples of LANES.
    [[gnu::noinline]] static void turned(const float *from, int64_t rows, int64_t columns, float *to) {
        for (int64_t i = 0; i < rows; i += LANES)
            for (int64_t j = 0; j < columns; j += LANES) transposed(from + i * columns + j, columns, to + j * rows + i, rows);
    }
    void go_to(int64_t token, int64_t document_end) {
        first = token, rows = document_end - token < CHUNK ? document_end - token : CHUNK;
        reach = (rows + ROWS - 1) / ROWS * ROWS;
    }
    void read_b(int64_t g) { close(a.x, b_column(g), size, b); }
    void read_c(int64_t g) {
        close(a.x, c_column(g), size, c);
        turned(b, CHUNK, size, b_turned);
        against(c, b_turned, size, scores);
    }
    // Of each row with itself and those before it.
    [[gnu::noinline]] void against(const float *from, const float *other_turned, int64_t columns, float *to) const {
        for (int64_t r = 0; r < rows; r += QUERIES)
            products<QUERIES, ACROSS>((r + QUERIES + LANES - 1) / LANES, from + r * columns, columns, 1, other_turned,
                                      CHUNK, columns, to + r * CHUNK, CHUNK, false);
    }
    // [CHUNK, columns] = or += what each row gets of itself and those before.
    [[gnu::noinline]] void down(const float *triangle, const float *from, int64_t columns, float *to, bool more) const {
        for (int64_t r = 0; r < reach; r += ROWS)
            products<ROWS, WIDE>(columns / LANES, triangle + r * CHUNK, CHUNK, 1, from, columns, r + ROWS,
                                 to + r * columns, columns, more);
    }
    // And of itself and those behind.
    [[gnu::noinline]] void up(const float *triangle, const float *from, int64_t columns, float *to, bool more) const {
        for (int64_t r = 0; r < reach; r += ROWS)
            products<ROWS, WIDE>(columns / LANES, triangle + r * CHUNK + r, 1, CHUNK, from + r * columns, columns,
                                 rows - r, to + r * columns, columns, more);
    }
    // [CHUNK, columns] = or += rows [CHUNK, terms] times [terms, columns].
    [[gnu::noinline]] void through(const float *from, int64_t terms, const float *by, int64_t columns, float *to, bool more) const {
        for (int64_t r = 0; r < reach; r += ROWS)
            products<ROWS, WIDE>(columns / LANES, from + r * terms, terms, 1, by, columns, terms, to + r * columns,
                                 columns, more);
    }
    // A state moves over the chunk: what is left of it, and each row of `keys` times its row of `values`.
    [[gnu::noinline]] void move(const float *state, const float *keys, const float *values, float *to) const {
        for (int64_t i = 0; i < state_numbers; i += PIECE) put(to + i, take(state + i) * filled(end));
        for (int64_t n = 0; n < size; n += FEW)
            products<FEW, WIDE>(width / LANES, keys + n, 1, size, values, width, rows, to + n * width, width, true);
    }
    static void scale(float *row, int64_t columns, float by) {
        for (int64_t i = 0; i < columns; i += PIECE) put(row + i, take(row + i) * filled(by));
    }
    void scale(float *of, int64_t columns, const float *by) const {
        for (int64_t r = 0; r < rows; r++) scale(of + r * columns, columns, by[r]);
    }

    [[gnu::noinline]] void begin(int64_t head) {
        const float steep = a.rate[head] * 1.44269504f;
        float gone = 0;
        memset(steps, 0, sizeof(float) * CHUNK);
        for (int64_t r = 0; r < rows; r++) {
            steps[r] = a.dt.row(first + r)[head];
            since[r] = gone += steps[r] * steep;
        }
        for (int64_t r = rows; r < CHUNK; r++) since[r] = gone;
        for (int64_t r = 0; r < CHUNK; r += PIECE) {
            put(kept + r, power(take(since + r)));
            put(left + r, power(filled(gone) - take(since + r)));
        }
        end = kept[CHUNK - 1];
        close(a.x, x_column(head), width, x);
        scale(x, width, steps);
    }
};

struct Forth : Worker {
    float *mixed, *states;  // [CHUNK, width], [group, size, width]

    Forth(const PackedSsdArgs &args, uint8_t *scratch) : Worker(args, scratch) {
        mixed = room(CHUNK * width), states = room(group * state_numbers);
    }
    void work(int64_t document, int64_t g) {
        const int64_t start = a.spans[2 * document], stop = a.spans[2 * document + 1];
        memset(states, 0, sizeof(float) * group * state_numbers);
        for (int64_t at = start; at < stop; at += CHUNK) {
            go_to(at, stop), read_b(g), read_c(g);
            for (int64_t j = 0; j < group; j++)
                mix(g * group + j, states + j * state_numbers, at > start, at + CHUNK < stop);
        }
    }
    void mix(int64_t head, float *state, bool follows, bool goes_on) {
        begin(head);
        weigh();
        if (follows) through(c, size, state, width, mixed, false), scale(mixed, width, kept);
        down(weights, x, width, mixed, follows);
        const piece skip = filled(a.skip[head]);
        for (int64_t r = 0; r < rows; r++) {
            const float *from = a.x.row(first + r) + x_column(head);
            float *to = a.y.row(first + r) + x_column(head);
            for (int64_t p = 0; p < width; p += PIECE) put(to + p, fma(skip, take(from + p), take(mixed + r * width + p)));
        }
        if (goes_on) scale(x, width, left), move(state, b, x, state);
    }
    void weigh() {
        for (int64_t r = 0; r < rows; r++) {
            const Mask before({1 << 30, 0}, r);
            const piece top = filled(since[r]);
            int64_t s = 0;
            for (; s <= r; s += PIECE) {
                const piece weight = take(scores + r * CHUNK + s) * power(top - take(since + s));
                put(weights + r * CHUNK + s, before(s, weight, piece{}));
            }
            for (; s < CHUNK; s += PIECE) put(weights + r * CHUNK + s, piece{});
        }
    }
};

struct Back : Worker {
    float *x_turned, *state_turned;          // [width, CHUNK], [width, size]
    float *d_scores, *d_weights;             // [CHUNK, CHUNK]; of a group, of a head
    float *told, *d_x, *part;                // [CHUNK, width] twice, [CHUNK, size]
    float *d_b, *d_c, *d_since, *columns;    // [CHUNK, size] twice, [CHUNK] twice
    float *d_states, *states;                // [group, size, width], [chunks, group, size, width]
    float *d_rates;                          // [heads, 2]

    Back(const PackedSsdArgs &args, uint8_t *scratch) : Worker(args, scratch) {
        x_turned = room(width * CHUNK), state_turned = room(state_numbers);
        d_scores = room(CHUNK * CHUNK), d_weights = room(CHUNK * CHUNK);
        told = room(CHUNK * width), d_x = room(CHUNK * width), part = room(CHUNK * size);
        d_b = room(CHUNK * size), d_c = room(CHUNK * size), d_since = room(CHUNK), columns = room(CHUNK);
        d_states = room(group * state_numbers);
        states = room((a.longest + CHUNK - 1) / CHUNK * group * state_numbers);
    }
    void work(int64_t document, int64_t g) {
        const int64_t start = a.spans[2 * document], stop = a.spans[2 * document + 1];
        const int64_t chunks = (stop - start + CHUNK - 1) / CHUNK;
        d_rates = a.d_rates + document * a.heads * 2;
        memset(d_rates + g * group * 2, 0, sizeof(float) * group * 2);
        memset(d_states, 0, sizeof(float) * group * state_numbers);
        ahead = CHUNK, make_states(start, stop, chunks, g);
        ahead = -CHUNK;
        for (int64_t chunk = chunks - 1; chunk >= 0; chunk--) {
            go_to(start + chunk * CHUNK, stop), read_b(g), read_c(g);
            memset(d_b, 0, sizeof(float) * CHUNK * size);
            memset(d_c, 0, sizeof(float) * CHUNK * size);
            for (int64_t j = 0; j < group; j++)
                meet(g * group + j, j, states + (chunk * group + j) * state_numbers, chunk > 0, chunk + 1 < chunks);
            down(d_scores, b, size, d_c, true);
            up(d_scores, c, size, d_b, true);
            for (int64_t r = 0; r < rows; r++) {
                memcpy(a.d_x.row(first + r) + b_column(g), d_b + r * size, sizeof(float) * size);
                memcpy(a.d_x.row(first + r) + c_column(g), d_c + r * size, sizeof(float) * size);
            }
        }
    }
    // The states with which chunks begin.
    void make_states(int64_t start, int64_t stop, int64_t chunks, int64_t g) {
        memset(states, 0, sizeof(float) * group * state_numbers);
        for (int64_t chunk = 0; chunk + 1 < chunks; chunk++) {
            go_to(start + chunk * CHUNK, stop), read_b(g);
            for (int64_t j = 0; j < group; j++) {
                const float *state = states + (chunk * group + j) * state_numbers;
                begin(g * group + j), scale(x, width, left);
                move(state, b, x, (float *)state + group * state_numbers);
            }
        }
    }
    void meet(int64_t head, int64_t j, const float *state, bool follows, bool goes_on) {
        float *d_state = d_states + j * state_numbers;
        begin(head);
        close(a.d_y, x_column(head), width, told);
        turned(x, CHUNK, width, x_turned);
        against(told, x_turned, width, d_weights);
        memset(columns, 0, sizeof(float) * CHUNK);
        for (int64_t r = 0; r < rows; r++) weigh(r, j > 0);
        for (int64_t r = 0; r < rows; r += PIECE) put(d_since + r, take(d_since + r) - take(columns + r));
        up(weights, told, width, d_x, false);
        float last = 0;
        if (goes_on && follows) last = end * dot(state, d_state, state_numbers);
        if (goes_on) last += tell_behind(d_state);
        if (follows) tell_before(state, d_state);
        d_since[rows - 1] += last;
        tell(head);
    }
    // What a row is told of its weights: of scores, and of logarithms of decay, at the row and at those it sees.
    void weigh(int64_t r, bool more) {
        const Mask before({1 << 30, 0}, r);
        const piece top = filled(since[r]);
        piece total{};
        int64_t s = 0;
        for (; s <= r; s += PIECE) {
            const int64_t at = r * CHUNK + s;
            const piece decay = power(top - take(since + s)), d_weight = take(d_weights + at);
            const piece weight = before(s, take(scores + at) * decay, piece{});
            const piece d_score = before(s, d_weight * decay, piece{}), d_decay = before(s, d_weight * weight, piece{});
            put(weights + at, weight);
            put(d_scores + at, more ? take(d_scores + at) + d_score : d_score);
            put(columns + s, take(columns + s) + d_decay);
            total += d_decay;
        }
        for (; s < CHUNK; s += PIECE) put(weights + r * CHUNK + s, piece{}), put(d_scores + r * CHUNK + s, piece{});
        d_since[r] = summed(total);
    }
    static float dot(const float *one, const float *other, int64_t count) {
        piece total{};
        for (int64_t i = 0; i < count; i += PIECE) total = fma(take(one + i), take(other + i), total);
        return summed(total);
    }
    static void add(const float *from, int64_t count, float *to) {
        for (int64_t i = 0; i < count; i += PIECE) put(to + i, take(to + i) + take(from + i));
    }
    // Of what a chunk adds to the state behind it; gives what the decay up to its end is told.
    float tell_behind(const float *d_state) {
        float last = 0;
        memcpy(part, b, sizeof(float) * CHUNK * size);
        scale(part, size, left);
        through(part, size, d_state, width, d_x, true);
        turned(d_state, size, width, state_turned);
        scale(x, width, left);
        through(x, width, state_turned, size, part, false);
        for (int64_t r = 0; r < rows; r++) {
            const float told_decay = dot(part + r * size, b + r * size, size);
            d_since[r] -= told_decay, last += told_decay;
            add(part + r * size, size, d_b + r * size);
        }
        return last;
    }
    // Of what a chunk reads from the state before it.
    void tell_before(const float *state, float *d_state) {
        scale(told, width, kept);
        turned(state, size, width, state_turned);
        through(told, width, state_turned, size, part, false);
        for (int64_t r = 0; r < rows; r++) {
            d_since[r] += dot(part + r * size, c + r * size, size);
            add(part + r * size, size, d_c + r * size);
        }
        move(d_state, c, told, d_state);
    }
    void tell(int64_t head) {
        const piece skip = filled(a.skip[head]);
        piece d_skip{};
        float d_decay = 0;
        for (int64_t r = rows - 1; r >= 0; r--) {
            const float *from = a.x.row(first + r) + x_column(head), *d_y = a.d_y.row(first + r) + x_column(head);
            float *to = a.d_x.row(first + r) + x_column(head);
            const piece by = filled(steps[r]);
            piece d_step{};
            for (int64_t p = 0; p < width; p += PIECE) {
                const piece given = take(from + p), told_x = take(d_x + r * width + p), told_y = take(d_y + p);
                d_step = fma(given, told_x, d_step), d_skip = fma(given, told_y, d_skip);
                put(to + p, fma(by, told_x, skip * told_y));
            }
            d_decay += d_since[r];  // decay of this row is in that of all behind it
            a.d_dt.row(first + r)[head] = summed(d_step) + a.rate[head] * d_decay;
            d_rates[2 * head] += steps[r] * d_decay;
        }
        d_rates[2 * head + 1] += summed(d_skip);
    }
};

template <class Way> static void share(const PackedSsdArgs &a, const Team &team) {
    Way way(a, a.scratch + team.rank * a.scratch_bytes);
    // Shares are cut by tokens; the group in which one thread's share begins is that thread's.
    int64_t tokens = 0, begin, end, at = 0;
    for (int64_t i = 0; i < a.documents; i++) tokens += a.spans[2 * i + 1] - a.spans[2 * i];
    team.share(tokens * a.groups, 1, begin, end);
    for (int64_t i = 0; i < a.documents; i++)
        for (int64_t g = 0; g < a.groups; g++, at += a.spans[2 * i + 1] - a.spans[2 * i])
            if (at >= begin && at < end) way.work(i, g);
}

OPERATION(packed_ssd) {
    (void)step;
    share<Forth>(*(const PackedSsdArgs *)raw, team);
}

OPERATION(packed_ssd_back) {
    (void)step;
    share<Back>(*(const PackedSsdArgs *)raw, team);
}

// Of scratch, for each thread.
extern "C" int64_t packed_ssd_bytes(const PackedSsdArgs *a, int32_t back) {
    const float *end = back ? Back(*a, nullptr).memory : Forth(*a, nullptr).memory;
    return (end - (const float *)nullptr) * (int64_t)sizeof(float);
}
