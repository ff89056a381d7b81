// Softmax attention of a step's tokens over their pages. See README.md.
#include <initializer_list>
#include <type_traits>

#include "attention/plan.h"

using namespace secretariat;

constexpr int WIDENED_ROWS = 2 * TILE;  // of a group: with fewer it costs more than it saves

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// One thread's working memory, and the work on one piece.
template <class S> class Worker {
    typedef typename S::number number;
    typedef typename S::factor factor;
    typedef typename S::Wide Wide;
    typedef typename Wide::number wide_number;
    static constexpr bool WIDENS = !std::is_same<S, Wide>::value;

  public:
    Worker(const AttentionArgs &a, const Step &step, uint8_t *memory) : a(a), step(step), width(a.width()) {
        uint8_t *at = memory;
        auto take = [&at](int64_t bytes) { uint8_t *taken = at; at += aligned(bytes); return taken; };
        const int64_t rows = a.most_pages() * PAGE * a.group();
        q = (factor *)take(a.most_pages() * a.page_tiles() * TILE * a.dim * sizeof(factor));
        for (State *state : {&part, &whole}) {
            state->m = (float *)take(rows * sizeof(float));
            state->l = (float *)take(rows * LANES * sizeof(float));
            state->values = (float *)take(rows * width * sizeof(float));
            state->width = width;
        }
        sights = (Sight *)take(rows * sizeof(Sight));
        scores = (float *)take(TILE * BLOCK * sizeof(float));
        chances = (factor *)take(TILE * BLOCK * sizeof(factor));
        last_values = (number *)take(PAGE * a.dim * sizeof(number));
        for (wide_number **to : {&wide_keys, &wide_values})
            *to = (wide_number *)take(WIDENS ? BLOCK * a.dim * sizeof(wide_number) : 0);
        bytes = at - memory;
        by.outer = (a.cap != 0 ? a.cap : a.scale) * 1.44269504f;
        by.inner = a.cap != 0 ? a.scale / a.cap : 0.0f;
    }

    int64_t bytes;

    // A whole group, or one split of it, for one key head.
    void work(const Group &of, int head) {
        open(of, head);
        walk_all();
    }
    void work(const Group &of, int piece, int32_t split, int head) {
        open(of, head);
        walk(split);
        for (int row = 0; row < rows; row++) leave(row, piece);
    }

    // Merges what the pieces of a group left, for one token's head: parts that lie `stride` parts apart.
    void gather(const float *left, int pieces, int64_t stride, float *to) {
        rows = 1;
        clear(whole);
        for (int i = 0; i < pieces; i++, left += stride * a.part_width())
            merge(left[width + 1], left[width], left, *whole.m, *whole.l, whole.values);
        divide(whole.values, *whole.l, to);
    }

  private:
    void open(const Group &of, int head) {
        group = of;
        kv = head;
        row0 = of.row(step);
        rows = of.tokens() * a.group();
        end = step.begins[of.run] + step.starts[of.run + 1] - step.starts[of.run];
        pages = step.pages + step.page_starts[of.run];
        widened = WIDENS && rows >= WIDENED_ROWS && a.dim % LANES == 0;
        for (int32_t t = 0; t < of.tokens(); t++) take_queries(t);
    }

    // Tiles begin anew with each page of positions: [tiles, dim/2, TILE, 2].
    factor *tile_of(int32_t t, int g, int &row) const {
        const int32_t page = (group.first + t) / PAGE, start = page * PAGE;
        const int in_page = (start > group.first ? group.first + t - start : t) * a.group() + g;
        row = in_page % TILE;
        return q + ((int64_t)(page - group.first / PAGE) * a.page_tiles() + in_page / TILE) * TILE * a.dim;
    }

    void take_queries(int32_t t) {
        const float *from = a.qkv + ((row0 + t) * (a.heads + 2 * a.kv_heads) + (int64_t)kv * a.group()) * a.dim;
        for (int g = 0; g < a.group(); g++, from += a.dim) {
            int row;
            factor *to = tile_of(t, g, row);
            for (int d = 0; d < a.dim; d++) to[(d / 2 * TILE + row) * 2 + d % 2] = S::put(from[d]);
            sights[t * a.group() + g] = {group.first + t, a.window, a.sinks};
        }
    }

    void walk_all() {
        clear(whole);
        for (int32_t split = 0; split < group.splits; split++)
            if (walk(split))
                for (int row = 0; row < rows; row++) merge(row);
        for (int row = 0; row < rows; row++) {
            const int64_t token = row0 + row / a.group(), head = kv * a.group() + row % a.group();
            divide(whole.values + (int64_t)row * width, whole.l[row * LANES], a.out + (token * a.heads + head) * a.dim);
        }
    }

    void clear(const State &state) {
        for (int row = 0; row < rows; row++) state.m[row] = NOTHING;
        memset(state.l, 0, sizeof(float) * rows * LANES);
        memset(state.values, 0, sizeof(float) * rows * width);
    }

    // False where no token of the group sees into this split.
    bool walk(int32_t split) {
        bool seen = false;
        const int32_t stop = (split + 1) * SPLIT <= group.last ? (split + 1) * SPLIT : group.last + 1;
        for (int32_t from = split * SPLIT; from < stop; from += BLOCK) {
            bool opened = false;
            for (int32_t page = group.first / PAGE; page <= group.last / PAGE; page++) {
                if (!visible(a, page * PAGE, from, from + BLOCK)) continue;
                if (!seen) clear(part);
                if (!opened) open_block(from);
                seen = opened = true;
                attend_page(page, from);
            }
        }
        return seen;
    }

    void open_block(int32_t from) {
        const int64_t page_size = (int64_t)PAGE * a.dim;
        block.first = from;
        for (int i = 0; i < BLOCK_PAGES && from + i * PAGE <= group.last; i++) {
            const int64_t at = ((int64_t)pages[from / PAGE + i] * a.kv_heads + kv) * page_size;
            const bool more = from + BLOCK + i * PAGE <= group.last;
            const int32_t next = pages[from / PAGE + i + (more ? BLOCK_PAGES : 0)];
            block.keys[i] = (const number *)a.keys + at;
            block.next_keys[i] = (const number *)a.keys + ((int64_t)next * a.kv_heads + kv) * page_size;
            block.values[i] = (const number *)a.values + at;
            const int32_t written = end - (from + i * PAGE);
            if (written < PAGE) block.values[i] = cleaned(block.values[i], written);
            if (widened) widen_page(i, ((int64_t)next * a.kv_heads + kv) * page_size);
        }
    }

    // Page i of the block, while the one that lies `next` numbers in is fetched.
    void widen_page(int i, int64_t next) {
        const int64_t size = (int64_t)PAGE * a.dim;
        wide.keys[i] = widen(block.keys[i], wide_keys + i * size, size, (const number *)a.keys + next);
        wide.values[i] = widen(block.values[i], wide_values + i * size, size, (const number *)a.values + next);
    }

    // A copy of a value page whose unwritten tokens are zeros: nothing is known of what memory holds there.
    const number *cleaned(const number *from, int written) {
        memset(last_values, 0, PAGE * a.dim * sizeof(number));
        for (int token = 0; token < written; token++)
            for (int d = 0; d < a.dim; d++) {
                const int64_t at = ((int64_t)token / 2 * a.dim + d) * 2 + token % 2;
                last_values[at] = from[at];
            }
        return last_values;
    }

    // The group's tokens within one page of positions see the block.
    void attend_page(int32_t page, int32_t from) {
        const int32_t start = page * PAGE;
        const int32_t begin = start > group.first ? start : group.first;
        const int32_t stop = start + PAGE <= group.last ? start + PAGE : group.last + 1;
        const int32_t whole_pages = (start - from) / PAGE + 1;
        block.pages = whole_pages < BLOCK_PAGES ? whole_pages : BLOCK_PAGES;
        const int32_t to = from + block.pages * PAGE;
        block.masked = to > begin + 1 || (a.window && from <= stop - 1 - a.window && to > a.sinks);
        wide.first = block.first, wide.pages = block.pages, wide.masked = block.masked;
        const int row_end = (stop - group.first) * a.group();
        queries = q + (int64_t)(page - group.first / PAGE) * a.page_tiles() * TILE * a.dim;
        for (int row = (begin - group.first) * a.group(); row < row_end; row += TILE, queries += TILE * a.dim)
            attend_rows(row, row_end - row < TILE ? row_end - row : TILE);
    }

    void attend_rows(int row, int rows) {
        switch (rows) {
        case 1: return tile<1>(row);
        case 2: return tile<2>(row);
        case 3: return tile<3>(row);
        case 4: return tile<4>(row);
#if defined(__AVX512F__)
        case 5: return tile<5>(row);
        case 6: return tile<6>(row);
        case 7: return tile<7>(row);
        case 8: return tile<8>(row);
#endif
        }
    }

    template <int R> void tile(int row) {
        const State state{part.m + row, part.l + row * LANES, part.values + (int64_t)row * width, width};
        if (widened) attend<Wide, R>(queries, a.dim, wide, sights + row, by, state, scores, chances);
        else attend<S, R>(queries, a.dim, block, sights + row, by, state, scores, chances);
    }

    // (m, l, values) of two stretches of keys become one: both are shrunk to the larger m.
    void merge(float m, float l, const float *values, float &into_m, float &into_l, float *into) {
        if (l == 0) return;
        const float top = m > into_m ? m : into_m, theirs = shrink(m - top), ours = shrink(into_m - top);
        into_l = into_l * ours + l * theirs;
        into_m = top;
        for (int i = 0; i < width; i += LANES)
            store(into + i, fma(load(values + i), all(theirs), load(into + i) * ours));
    }

    void merge(int row) {
        const int64_t at = (int64_t)row * width;
        merge(part.m[row], sum(load(part.l + row * LANES)), part.values + at, whole.m[row],
              whole.l[row * LANES], whole.values + at);
    }

    void leave(int row, int piece) {
        const int64_t token = (int64_t)piece * group.tokens() + row / a.group();
        float *to = a.parts + (group.parts + token * a.heads + kv * a.group() + row % a.group()) * a.part_width();
        memcpy(to, part.values + (int64_t)row * width, sizeof(float) * width);
        to[width] = sum(load(part.l + row * LANES));
        to[width + 1] = part.m[row];
    }

    // Adding 0 makes -0 of 0: keys that only other rows of a block see may have left either.
    void divide(const float *values, float l, float *to) {
        const float share = 1.0f / l;
        for (int d = 0; d < a.dim; d++) {
            const float v = S::PARTS == 1 ? values[d] : values[2 * d] + values[2 * d + 1];
            to[d] = v * share + 0.0f;
        }
    }

    const AttentionArgs &a;
    const Step &step;
    const int width;
    Scaling by;
    factor *q, *chances;
    const factor *queries;  // of the next tile
    float *scores;
    number *last_values;
    Sight *sights;
    State part, whole;
    Block<S> block;
    Block<Wide> wide;  // the same keys, where the group is worth widening them
    wide_number *wide_keys, *wide_values;
    bool widened;
    Group group;
    int kv, rows;
    int32_t end;   // tokens of the sequence with this step's
    int64_t row0;  // of the group's first token
    const int32_t *pages;
};

// Pieces are taken as threads get to them: cores may be shared with others, and pieces differ in size. True where
// some group was done in parts.
template <class S> static bool work(const AttentionArgs &a, const Step &step, const Team &team, Worker<S> &worker) {
    auto *claimed = (std::atomic<int32_t> *)a.claims, *done = claimed + 1;
    int32_t mine = claimed->fetch_add(1), passed = 0;
    bool parted = false;
    auto mine_of_next = [&](auto job) {  // the key heads of the next piece that this thread has claimed
        for (; mine < passed + a.kv_heads; mine = claimed->fetch_add(1)) job(mine - passed);
        passed += a.kv_heads;
    };
    each_group(a, step, team.size, [&](const Group &group) {
        parted |= group.pieces > 0;
        if (!group.pieces) return mine_of_next([&](int head) { worker.work(group, head); });
        for (int32_t split = 0, piece = 0; split < group.splits; split++) {
            if (!split_visible(a, group, split)) continue;
            mine_of_next([&](int head) { worker.work(group, piece, split, head); });
            piece++;
        }
    });
    if (done->fetch_add(1) == team.size - 1) {
        claimed->store(0);
        done->store(0);
    }
    return parted;
}

template <class S> static void gather(const AttentionArgs &a, const Step &step, const Team &team, Worker<S> &worker) {
    each_group(a, step, team.size, [&](const Group &group) {
        if (!group.pieces) return;
        const int64_t stride = (int64_t)group.tokens() * a.heads;
        int64_t begin, end;
        team.share(stride, 1, begin, end);
        for (int64_t i = begin; i < end; i++)
            worker.gather(a.parts + (group.parts + i) * a.part_width(), group.pieces, stride,
                          a.out + (group.row(step) * a.heads + i) * a.dim);
    });
}

template <class S> static void run(const AttentionArgs &a, const Step &step, const Team &team) {
    Worker<S> worker(a, step, a.scratch + team.rank * a.scratch_bytes);
    if (!work(a, step, team, worker)) return;
    team.barrier();
    gather(a, step, team, worker);
}

OPERATION(attention) {
    const AttentionArgs &a = *(const AttentionArgs *)raw;
    if (a.half) run<HalfPages>(a, step, team);
    else run<FloatPages>(a, step, team);
}

// Bytes of one thread's scratch and floats of one part, for the fields that are set already.
extern "C" void attention_sizes(const AttentionArgs *a, int64_t *sizes) {
    const Step none{};
    sizes[0] = a->half ? Worker<HalfPages>(*a, none, nullptr).bytes : Worker<FloatPages>(*a, none, nullptr).bytes;
    sizes[1] = a->part_width();
}
