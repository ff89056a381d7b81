// y = LayerNorm(y + f(x)), f a product or a feed-forward, a few rows at a time. See README.md.
#include "glu/activation.h"
#include "linear/linear.h"
#include "norm/row.h"
#include "u8_linear/product.h"

using namespace secretariat;

struct LayerNorm {
    const float *weight, *bias;  // [width]
    float eps;
    int32_t unused;
};

template <class Weights> struct PostProductArgs {
    Weights w;          // [width, inputs]
    const float *bias;  // [width]
    const float *x;     // [N, inputs]
    float *y;           // [N, width]
    LayerNorm norm;
    uint8_t *scratch;   // [threads, scratch_bytes]
    int64_t scratch_bytes;
};

template <class Weights> struct PostFeedForwardArgs {
    Weights up, down;                    // [hidden, width], [width, hidden]
    const float *up_bias, *down_bias;
    float *y;                            // [N, width], read and written
    LayerNorm norm;
    uint8_t *scratch;                    // [threads, scratch_bytes]
    int64_t scratch_bytes;
};

constexpr int64_t ROWS = U8_ROWS;  // hidden numbers of so many rows and both matrices fit into the second-level cache

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

INLINE void layer_norm(float *row, int64_t width, const LayerNorm &norm) {
    normalise(row, width, norm.weight, {1, norm.eps}, row);
    for (int64_t i = 0; i < width; i += LANES)
        store_left(row + i, load_left(row + i, width - i) + load_left(norm.bias + i, width - i), width - i);
}

// gelu to 7e-5, a fiftieth of a step of the eight bits that it is rounded to next: Φ(x) = 1/2 + t P(t²) with x cut to
// ±4.2, P by least squares weighted towards the largest error. A third of the operations of erfc, and no division.
INLINE lane near_gelu(lane x) {
    const lane t = smaller(larger(x, all(-4.2f)), all(4.2f)), u = t * t;
    lane p = all(4.92435006e-11f);
    p = fma(p, u, all(-4.79803166e-09f));
    p = fma(p, u, all(2.07407828e-07f));
    p = fma(p, u, all(-5.29431538e-06f));
    p = fma(p, u, all(8.99114953e-05f));
    p = fma(p, u, all(-0.00108713826f));
    p = fma(p, u, all(0.00974431137f));
    p = fma(p, u, all(-0.0662303328f));
    p = fma(p, u, all(0.3988418f));
    return x * fma(t, p, all(0.5f));
}

// Calls `each` with this thread's rows, a few at a time.
template <class Each> static void pieces(const Step &step, const Team &team, Each each) {
    int64_t begin, end;
    team.share(step.tokens, LANES, begin, end);
    for (; begin < end; begin += ROWS) each(begin, end - begin < ROWS ? end - begin : ROWS);
}

// to = x Wᵀ + bias, or added to it, of a few rows, by this thread alone.
static void product(const Matrix &w, const float *x, int64_t rows, const float *bias, float *to, bool add,
                    uint8_t *laid) {
    lay(w, x, w.inputs, nullptr, rows, laid, Team{0, 1, nullptr});
    multiply(w, 0, {0, w.count()}, laid, rows, {0, rows}, {to, w.outputs, nullptr, bias, 1.0f, add});
}

// y = LayerNorm(y + x Wᵀ + bias) of laid rows.
static void add_normalised(const U8Matrix &w, const U8Rows &x, int64_t rows, const float *bias, float *y,
                           const LayerNorm &norm) {
    const int64_t width = w.outputs;
    u8_multiply(w, 0, w.panels(), x, rows, [=](int64_t row, int64_t panel, lane sums) {
        const int64_t first = panel * LANES, left = width - first;
        float *to = y + row * width + first;
        store_left(to, load_left(to, left) + (sums + load_left(bias + first, left)), left);
    });
    for (int64_t r = 0; r < rows; r++) layer_norm(y + r * width, width, norm);
}

OPERATION(post_product) {
    const auto &a = *(const PostProductArgs<Matrix> *)raw;
    uint8_t *laid = a.scratch + team.rank * a.scratch_bytes;
    pieces(step, team, [&](int64_t first, int64_t rows) {
        float *y = a.y + first * a.w.outputs;
        product(a.w, a.x + first * a.w.inputs, rows, a.bias, y, true, laid);
        for (int64_t r = 0; r < rows; r++) layer_norm(y + r * a.w.outputs, a.w.outputs, a.norm);
    });
}

OPERATION(post_product_u8) {
    const auto &a = *(const PostProductArgs<U8Matrix> *)raw;
    const U8Rows laid(a.w, a.scratch + team.rank * a.scratch_bytes);
    pieces(step, team, [&](int64_t first, int64_t rows) {
        laid.lay_all(a.x + first * a.w.inputs, rows, a.w.inputs);
        add_normalised(a.w, laid, rows, a.bias, a.y + first * a.w.outputs, a.norm);
    });
}

OPERATION(post_feed_forward) {
    const auto &a = *(const PostFeedForwardArgs<Matrix> *)raw;
    const int64_t width = a.down.outputs, hidden = a.up.outputs;
    float *inner = (float *)(a.scratch + team.rank * a.scratch_bytes);
    uint8_t *laid = (uint8_t *)inner + aligned(ROWS * hidden * sizeof(float));
    pieces(step, team, [&](int64_t first, int64_t rows) {
        float *y = a.y + first * width;
        product(a.up, y, rows, a.up_bias, inner, false, laid);
        for (int64_t i = 0; i < rows * hidden; i += LANES) store(inner + i, gelu(load(inner + i)));
        product(a.down, inner, rows, a.down_bias, y, true, laid);
        for (int64_t r = 0; r < rows; r++) layer_norm(y + r * width, width, a.norm);
    });
}

// Hidden numbers live as floats for one group of them only, in the first-level cache.
OPERATION(post_feed_forward_u8) {
    const auto &a = *(const PostFeedForwardArgs<U8Matrix> *)raw;
    const float *bias = a.up_bias;
    const int64_t width = a.down.outputs, group = a.down.group, panels = group / LANES;
    uint8_t *scratch = a.scratch + team.rank * a.scratch_bytes;
    const U8Rows laid(a.up, scratch), hidden(a.down, scratch + aligned(U8Rows::bytes(a.up)));
    pieces(step, team, [&](int64_t first, int64_t rows) {
        laid.lay_all(a.y + first * width, rows, width);
        for (int64_t g = 0; g < a.down.groups(); g++) {
            float inner[U8_ROWS * U8_GROUP];
            float *to = inner - g * group;
            u8_multiply(a.up, g * panels, (g + 1) * panels, laid, rows, [=](int64_t row, int64_t panel, lane sums) {
                store(to + row * group + panel * LANES, near_gelu(sums + load(bias + panel * LANES)));
            });
            for (int64_t row = 0; row < rows; row++) hidden.lay(row, g, inner + row * group);
        }
        add_normalised(a.down, hidden, rows, a.down_bias, a.y + first * width, a.norm);
    });
}

extern "C" int64_t post_product_bytes(const PostProductArgs<Matrix> *a) { return aligned(laid_bytes(a->w, ROWS)); }

extern "C" int64_t post_product_u8_bytes(const PostProductArgs<U8Matrix> *a) { return aligned(U8Rows::bytes(a->w)); }

extern "C" int64_t post_feed_forward_bytes(const PostFeedForwardArgs<Matrix> *a) {
    const int64_t up = laid_bytes(a->up, ROWS), down = laid_bytes(a->down, ROWS);
    return aligned(ROWS * a->up.outputs * sizeof(float)) + aligned(up > down ? up : down);
}

extern "C" int64_t post_feed_forward_u8_bytes(const PostFeedForwardArgs<U8Matrix> *a) {
    return aligned(U8Rows::bytes(a->up)) + aligned(U8Rows::bytes(a->down));
}
