// Causal attention of whole documents over themselves, forth and back. See README.md.
#include "packed_attention/back.h"
#include "packed_attention/forth.h"

using namespace secretariat;

static int64_t cost(const PackedAttentionArgs &a, int64_t document) {
    const int64_t tokens = a.spans[2 * document + 1] - a.spans[2 * document], most = a.window + a.sinks;
    return tokens * (tokens < most ? tokens : most);
}

template <class Way> static void share(const PackedAttentionArgs &a, const Team &team) {
    Way way(a, a.scratch + team.rank * a.scratch_bytes);
    // Shares are cut by what a document costs; the key head in which one thread's share begins is that thread's.
    int64_t all_costs = 0, begin, end, at = 0;
    for (int64_t i = 0; i < a.documents; i++) all_costs += cost(a, i) * a.kv_heads;
    team.share(all_costs, 1, begin, end);
    for (int64_t i = 0; i < a.documents; i++)
        for (int64_t head = 0; head < a.kv_heads; head++, at += cost(a, i))
            if (at >= begin && at < end) way.work(a.spans[2 * i], a.spans[2 * i + 1] - a.spans[2 * i], head);
}

OPERATION(packed_attention) {
    (void)step;
    const PackedAttentionArgs &a = *(const PackedAttentionArgs *)raw;
    a.dim == 64 ? share<Forth<64>>(a, team) : share<Forth<0>>(a, team);
}

OPERATION(packed_attention_back) {
    (void)step;
    const PackedAttentionArgs &a = *(const PackedAttentionArgs *)raw;
    a.dim == 64 ? share<Back<64>>(a, team) : share<Back<0>>(a, team);
}

// Of scratch, for each thread.
extern "C" int64_t packed_attention_bytes(const PackedAttentionArgs *a, int32_t back) {
    const float *end = back ? Back<0>(*a, nullptr).memory : Forth<0>(*a, nullptr).memory;
    return (end - (const float *)nullptr) * (int64_t)sizeof(float);
}
