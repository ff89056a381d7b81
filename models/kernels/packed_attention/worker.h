// What the operation is given, and what both ways do with rows and panels. See README.md.
#pragma once
#include "core/step.h"
#include "packed_attention/sight.h"

namespace secretariat {

// A number for each token and head: rows may lie apart.
struct Heads {
    float *first;
    int64_t token, head;  // floats from one to the next
    float *row(int64_t n, int64_t h) const { return first + n * token + h * head; }
};

struct PackedAttentionArgs {
    Heads q, k, v, out;  // [N, H, D], [N, K, D] twice, [N, H, D]
    float *tops;         // [N, H, 2]: the largest score in base 2, and one over the sum of powers
    Heads d_out, dq, dk, dv;
    const int64_t *spans;  // [documents, 2]: first token, and the one behind the last
    uint8_t *scratch;      // [threads, scratch_bytes]
    int64_t documents, longest, scratch_bytes, window, sinks;
    int32_t heads, kv_heads, dim;
    float scale;
};

template <int DIM> struct Worker {
    const PackedAttentionArgs &a;
    const int dim;
    const Sight sight;
    const float steep;  // scores in base 2
    float *memory;

    Worker(const PackedAttentionArgs &a, uint8_t *scratch)
        : a(a), dim(DIM ? DIM : a.dim), sight{a.window, a.sinks}, steep(a.scale * 1.44269504f),
          memory((float *)scratch) {}

    float *room(int64_t floats) {
        float *given = memory;
        memory += (floats + LANES - 1) / LANES * LANES;
        return given;
    }
    static int64_t padded(int64_t tokens) { return (tokens + PANEL - 1) / PANEL * PANEL; }

    // Rows of a panel close together; zeros behind the last.
    void close(const Heads &from, int64_t first, int64_t rows, int64_t head, float *to) const {
        for (int64_t r = 0; r < rows; r++) memcpy(to + r * dim, from.row(first + r, head), sizeof(float) * dim);
        if (rows < PANEL) memset(to + rows * dim, 0, sizeof(float) * dim * (PANEL - rows));
    }
    // A panel turned round, [dim, PANEL].
    void turned(const float *from, float *to) const {
        for (int64_t j = 0; j < PANEL; j += LANES)
            for (int d = 0; d < dim; d += LANES) transposed(from + j * dim + d, dim, to + d * PANEL + j, PANEL);
    }
    // Scores, or what stands for them, of QUERIES rows against the vectors of a panel that hold `seen`.
    void against(const float *rows, const float *panel, int64_t begin, Range seen, float *to, int64_t to_row) const {
        const int64_t from = (seen.begin - begin) / LANES * LANES;
        const int64_t vectors = (seen.end - begin - from + LANES - 1) / LANES;
        products<QUERIES, ACROSS>(vectors, rows, dim, 1, panel + from, PANEL, dim, to + from, to_row, false);
    }
};

}  // namespace secretariat
