// Attention of each token over all tokens of its run, nothing masked and nothing padded. See README.md.
#if defined(__AVX512VNNI__)
#include "bidirectional/codes.h"
#else
#include "bidirectional/floats.h"
#endif

using namespace secretariat;

template <int DIM> static void work(const BidirectionalArgs &a, const Step &step, const Team &team) {
    Worker<DIM> worker(a, a.scratch + team.rank * a.scratch_bytes);
    int64_t begin, end;
    team.share((int64_t)step.tokens * a.heads, 1, begin, end);
    // Shares are cut by tokens, so that long texts and short ones are shared alike; the head in which one thread's
    // share begins is that thread's, whole.
    int64_t at = 0;
    for (int run = 0; run < step.runs; run++) {
        const int64_t first = step.starts[run], tokens = step.starts[run + 1] - first;
        for (int head = 0; head < a.heads; head++, at += tokens)
            if (at >= begin && at < end) worker.work(first, tokens, head);
    }
}

OPERATION(bidirectional) {
    const BidirectionalArgs &a = *(const BidirectionalArgs *)raw;
    if (a.dim == 32) work<32>(a, step, team);
    else if (a.dim == 64) work<64>(a, step, team);
    else work<0>(a, step, team);
}

extern "C" int64_t bidirectional_bytes(const BidirectionalArgs *a) {
    return (Worker<0>::bytes(*a) + 63) / 64 * 64;
}
