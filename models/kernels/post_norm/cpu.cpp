// y = LayerNorm(y + f(x)), f a product or a feed-forward, a few rows at a time. See README.md.
#include "glu/activation.h"
#include "linear/linear.h"
#include "norm/row.h"

using namespace secretariat;

struct LayerNorm {
    const float *weight, *bias;  // [width]
    float eps;
    int32_t unused;
};

struct PostProductArgs {
    Matrix w;           // [width, inputs]
    const float *bias;  // [width]
    const float *x;     // [N, inputs]
    float *y;           // [N, width]
    LayerNorm norm;
    uint8_t *scratch;   // [threads, scratch_bytes]
    int64_t scratch_bytes;
};

struct PostFeedForwardArgs {
    Matrix up, down;                     // [hidden, width], [width, hidden]
    const float *up_bias, *down_bias;
    float *y;                            // [N, width], read and written
    LayerNorm norm;
    uint8_t *scratch;                    // [threads, scratch_bytes]
    int64_t scratch_bytes;
};

constexpr int64_t ROWS = 64;  // hidden numbers of so many rows and both matrices fit into the second-level cache

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

// to = x Wᵀ + bias, or added to it, of a few rows, by this thread alone.
static void product(const Matrix &w, const float *x, int64_t rows, const float *bias, float *to, bool add,
                    uint8_t *laid) {
    lay(w, x, w.inputs, nullptr, rows, laid, Team{0, 1, nullptr});
    multiply(w, 0, {0, w.count()}, laid, rows, {0, rows}, {to, w.outputs, nullptr, bias, 1.0f, add});
}

// Calls `each` with this thread's rows, a few at a time.
template <class Each> static void pieces(const Step &step, const Team &team, Each each) {
    int64_t begin, end;
    team.share(step.tokens, block_rows(Q8), begin, end);
    for (; begin < end; begin += ROWS) each(begin, end - begin < ROWS ? end - begin : ROWS);
}

OPERATION(post_product) {
    const PostProductArgs &a = *(const PostProductArgs *)raw;
    uint8_t *laid = a.scratch + team.rank * a.scratch_bytes;
    pieces(step, team, [&](int64_t first, int64_t rows) {
        float *y = a.y + first * a.w.outputs;
        product(a.w, a.x + first * a.w.inputs, rows, a.bias, y, true, laid);
        for (int64_t r = 0; r < rows; r++) layer_norm(y + r * a.w.outputs, a.w.outputs, a.norm);
    });
}

OPERATION(post_feed_forward) {
    const PostFeedForwardArgs &a = *(const PostFeedForwardArgs *)raw;
    const int64_t width = a.down.outputs, hidden = a.up.outputs;
    float *inner = (float *)(a.scratch + team.rank * a.scratch_bytes);
    uint8_t *laid = (uint8_t *)inner + aligned(ROWS * hidden * sizeof(float));
    pieces(step, team, [&](int64_t first, int64_t rows) {
        float *y = a.y + first * width;
        product(a.up, y, rows, a.up_bias, inner, false, laid);
        if (a.down.quantised())
            for (int64_t i = 0; i < rows * hidden; i += LANES) store(inner + i, near_gelu(load(inner + i)));
        else
            for (int64_t i = 0; i < rows * hidden; i += LANES) store(inner + i, gelu(load(inner + i)));
        product(a.down, inner, rows, a.down_bias, y, true, laid);
        for (int64_t r = 0; r < rows; r++) layer_norm(y + r * width, width, a.norm);
    });
}

extern "C" int64_t post_product_bytes(const PostProductArgs *a) { return aligned(laid_bytes(a->w, ROWS)); }

extern "C" int64_t post_feed_forward_bytes(const PostFeedForwardArgs *a) {
    const int64_t up = laid_bytes(a->up, ROWS), down = laid_bytes(a->down, ROWS);
    return aligned(ROWS * a->up.outputs * sizeof(float)) + aligned(up > down ? up : down);
}
