// y = silu(bias + the last inputs of a document, weighed), forth and back. See README.md.
#include "core/step.h"
#include "packed_attention/tiles.h"

using namespace secretariat;

struct PackedConvArgs {
    Columns x, y;               // [N, C]
    const float *weight, *bias; // [taps, C], oldest first; [C]
    Columns d_y, d_x;           // [N, C]
    float *d_weight, *d_bias;   // as weight and bias
    const int64_t *spans;       // [documents, 2]: first token, and the one behind the last
    int64_t documents;
    int32_t channels, taps;
};

constexpr int64_t TILE = 32;  // tokens that stay in the second cache while all channels go through them
constexpr int MAX_TAPS = 8;

INLINE piece opened(piece x) {
    // bounded, so that its power stays finite: what is below counts for nothing
    return filled(1.0f) / (filled(1.0f) + power(-greater(x * filled(1.44269504f), filled(-126.0f))));
}

// PIECE channels of one document, from their first column on.
template <int TAPS> struct Filter {
    const int taps;
    const float *x;
    int64_t stride;
    piece weight[MAX_TAPS], bias;

    Filter(const PackedConvArgs &a, int64_t first, int64_t c)
        : taps(TAPS ? TAPS : a.taps), x(a.x.row(first) + c), stride(a.x.stride), bias(take(a.bias + c)) {
        for (int k = 0; k < taps; k++) weight[k] = take(a.weight + (int64_t)k * a.channels + c);
    }
    piece input(int64_t t, int k) const { return take(x + (t - taps + 1 + k) * stride); }
    int first_tap(int64_t t) const { return t >= taps - 1 ? 0 : taps - 1 - (int)t; }
    // Before its activation.
    piece at(int64_t t) const {
        piece total = bias;
        if (t >= taps - 1) {
#pragma GCC unroll 8
            for (int k = 0; k < taps; k++) total = fma(weight[k], input(t, k), total);
        } else {
            for (int k = first_tap(t); k < taps; k++) total = fma(weight[k], input(t, k), total);
        }
        return total;
    }
};

template <int TAPS> static void forth(const PackedConvArgs &a, int64_t first, int64_t begin, int64_t end, int64_t c) {
    const Filter<TAPS> filter(a, first, c);
    for (int64_t t = begin; t < end; t++) {
        const piece x = filter.at(t);
        put(a.y.row(first + t) + c, x * opened(x));
    }
}

// Tokens begin..end of a document of `tokens`. What is told of a few beyond the end is made here again.
template <int TAPS>
static void back(const PackedConvArgs &a, int64_t first, int64_t tokens, int64_t begin, int64_t end, int64_t c) {
    const Filter<TAPS> filter(a, first, c);
    piece told[TILE + MAX_TAPS], d_weight[MAX_TAPS], d_bias = take(a.d_bias + c);
    for (int k = 0; k < filter.taps; k++) d_weight[k] = take(a.d_weight + (int64_t)k * a.channels + c);
    const int64_t beyond = end + filter.taps - 1, known = beyond < tokens ? beyond : tokens;
    for (int64_t t = begin; t < known; t++) {
        const piece x = filter.at(t), s = opened(x), rest = filled(1.0f) - s;
        told[t - begin] = take(a.d_y.row(first + t) + c) * (s * fma(x, rest, filled(1.0f)));
    }
    for (int64_t t = known; t < beyond; t++) told[t - begin] = piece{};
    for (int64_t t = begin; t < end; t++) {
        const piece *own = told + t - begin;
        d_bias += own[0];
        for (int k = filter.first_tap(t); k < filter.taps; k++) d_weight[k] = fma(own[0], filter.input(t, k), d_weight[k]);
        piece total{};
#pragma GCC unroll 8
        for (int k = 0; k < filter.taps; k++) total = fma(filter.weight[k], own[filter.taps - 1 - k], total);
        put(a.d_x.row(first + t) + c, total);
    }
    put(a.d_bias + c, d_bias);
    for (int k = 0; k < filter.taps; k++) put(a.d_weight + (int64_t)k * a.channels + c, d_weight[k]);
}

// Every thread takes its channels through all documents, from first to last.
template <class Way> static void share(const PackedConvArgs &a, const Team &team, Way way) {
    int64_t from, to;
    team.share(a.channels, LANES, from, to);
    for (int64_t i = 0; i < a.documents; i++) {
        const int64_t first = a.spans[2 * i], tokens = a.spans[2 * i + 1] - first;
        for (int64_t begin = 0; begin < tokens; begin += TILE)
            for (int64_t c = from; c < to; c += PIECE)
                way(first, tokens, begin, begin + TILE < tokens ? begin + TILE : tokens, c);
    }
}

OPERATION(packed_conv) {
    (void)step;
    const PackedConvArgs &a = *(const PackedConvArgs *)raw;
    share(a, team, [&](int64_t first, int64_t, int64_t begin, int64_t end, int64_t c) {
        a.taps == 4 ? forth<4>(a, first, begin, end, c) : forth<0>(a, first, begin, end, c);
    });
}

OPERATION(packed_conv_back) {
    (void)step;
    const PackedConvArgs &a = *(const PackedConvArgs *)raw;
    share(a, team, [&](int64_t first, int64_t tokens, int64_t begin, int64_t end, int64_t c) {
        a.taps == 4 ? back<4>(a, first, tokens, begin, end, c) : back<0>(a, first, tokens, begin, end, c);
    });
}
