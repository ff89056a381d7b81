// y += scale * B (A x): of the adapter that a token's run carries, or of the experts that it chose. See README.md.
#include "core/simd.h"
#include "core/step.h"

using namespace secretariat;

struct LoraPiece {       // of one adapter, for a range of the matrix's output rows; rank 0: none
    const float *down;   // [inputs, padded rank]: lanes run over the rank
    const float *up;     // [rank, count padded to lanes], times the adapter's scale
    int32_t rank, first, count, unused;
};

struct LoraArgs {
    const float *x;          // [N, inputs], rows x_width apart
    float *y;                // [N, outputs], rows y_width apart
    float *scratch;          // [N, pieces, most_rank]
    const LoraPiece *table;  // [adapters, pieces]; row 0 is the base model
    int64_t x_width, y_width;
    int32_t inputs, pieces, most_rank;
    float add;
};

struct ChosenArgs {
    const float *x;          // [N, inputs], rows x_width apart
    float *y;                // [N, outputs], rows y_width apart
    float *scratch;          // [N, top, pieces, most_rank]
    const LoraPiece *table;  // [1 + experts, pieces]; row 0 is nobody's
    const int32_t *chosen;   // [N, top] experts
    const float *weights;    // [N, top]
    int64_t x_width, y_width;
    int32_t inputs, pieces, most_rank, top;
    float add;
};

// The x of one token times sixteen columns of `down`: four sums in turn, joined in one order.
static void lower(const LoraPiece &p, const float *x, int inputs, int padded, float *out) {
    for (int r = 0; r < padded; r += LANES) {
        lane sums[4] = {};
        int i = 0;
        for (; i + 4 <= inputs; i += 4)
            for (int j = 0; j < 4; j++)
                sums[j] = fma(all(x[i + j]), load(p.down + (int64_t)(i + j) * padded + r), sums[j]);
        for (; i < inputs; i++) sums[0] = fma(all(x[i]), load(p.down + (int64_t)i * padded + r), sums[0]);
        store(out + r, (sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
}

static void raise(const LoraPiece &p, const float *lowered, float add, float *y, int begin, int end) {
    const int64_t stride = (p.count + LANES - 1) / LANES * LANES;
    for (int o = begin; o < end; o += LANES) {
        lane total{};
        for (int r = 0; r < p.rank; r++) total = fma(all(lowered[r]), load(p.up + r * stride + o), total);
        const int width = end - o < LANES ? end - o : LANES;
        float *at = y + p.first + o;
        store_some(at, fma(total, all(add), load_some(at, width)), width);
    }
}

static const LoraPiece *pieces_of(const LoraArgs &a, const Step &step, int64_t token) {
    const int adapter = step.adapters[step.run_of[token]];
    return adapter ? a.table + (int64_t)adapter * a.pieces : nullptr;
}

OPERATION(lora) {
    const LoraArgs &a = *(const LoraArgs *)raw;
    int64_t begin, end;
    team.share((int64_t)step.tokens * a.pieces, 1, begin, end);
    for (int64_t at = begin; at < end; at++) {
        const LoraPiece *piece = pieces_of(a, step, at / a.pieces);
        if (!piece || !piece[at % a.pieces].rank) continue;
        const LoraPiece &p = piece[at % a.pieces];
        const int padded = (p.rank + LANES - 1) / LANES * LANES;
        lower(p, a.x + at / a.pieces * a.x_width, a.inputs, padded, a.scratch + at * a.most_rank);
    }
    team.barrier();
    for (int64_t token = 0; token < step.tokens; token++) {
        const LoraPiece *piece = pieces_of(a, step, token);
        for (int k = 0; piece && k < a.pieces; k++) {
            if (!piece[k].rank) continue;
            team.share(piece[k].count, LANES, begin, end);
            const float *lowered = a.scratch + (token * a.pieces + k) * a.most_rank;
            raise(piece[k], lowered, a.add, a.y + token * a.y_width, (int)begin, (int)end);
        }
    }
}

// y += scale * sum of w * B (A x) over the experts that each token chose, best first.
OPERATION(lora_chosen) {
    const ChosenArgs &a = *(const ChosenArgs *)raw;
    const int each = a.top * a.pieces;
    int64_t begin, end;
    team.share((int64_t)step.tokens * each, 1, begin, end);
    for (int64_t at = begin; at < end; at++) {
        const LoraPiece &p = a.table[(a.chosen[at / a.pieces] + 1) * (int64_t)a.pieces + at % a.pieces];
        const int padded = (p.rank + LANES - 1) / LANES * LANES;
        lower(p, a.x + at / each * a.x_width, a.inputs, padded, a.scratch + at * a.most_rank);
    }
    team.barrier();
    for (int64_t at = 0; at < (int64_t)step.tokens * each; at++) {
        const int64_t choice = at / a.pieces;
        const LoraPiece &p = a.table[(a.chosen[choice] + 1) * (int64_t)a.pieces + at % a.pieces];
        team.share(p.count, LANES, begin, end);
        float *y = a.y + at / each * a.y_width;
        raise(p, a.scratch + at * a.most_rank, a.add * a.weights[choice], y, (int)begin, (int)end);
    }
}
