// Who sees whom in a document, for tiles, strips of them and single queries. See README.md.
#pragma once
#include "packed_attention/tiles.h"

namespace secretariat {

struct Range {
    int64_t begin, end;
    bool empty() const { return begin >= end; }
};

// The pieces that hold keys of a range, counted from `begin`.
static Range whole(Range seen, int64_t begin) {
    if (seen.empty()) return {0, 0};
    return {(seen.begin - begin) / PIECE * PIECE, (seen.end - begin + PIECE - 1) / PIECE * PIECE};
}

// Who sees whom: key j is seen by query i if j <= i and (j > i - window or j < sinks).
struct Sight {
    int64_t window, sinks;

    // The least range of keys of begin..end that holds all that queries first..last see.
    Range keys(int64_t begin, int64_t end, int64_t first, int64_t last) const {
        const int64_t near = first - window + 1;
        Range seen{begin, last + 1 < end ? last + 1 : end};
        if (begin >= sinks) {
            if (near > seen.begin) seen.begin = near;
        } else if (near >= end && sinks < seen.end) {
            seen.end = sinks;
        }
        return seen;
    }
    // As much of the queries of begin..end as sees some of the keys first..last.
    Range queries(int64_t begin, int64_t end, int64_t first, int64_t last) const {
        const int64_t far = last + window;
        return {first > begin ? first : begin, first < sinks || far > end ? end : far};
    }
    // Whether some query of the tile does not see some key of begin..end.
    bool cut(int64_t begin, int64_t end, int64_t tile) const {
        return end > tile + 1 || (begin <= tile + PANEL - 1 - window && end > sinks);
    }
};

// Which of some keys one query sees, as lanes.
struct Mask {
    piece at, low, sinks;
    Mask(const Sight &sight, int64_t query)
        : at(filled((float)query)), low(filled((float)(query - sight.window))),
          sinks(filled((float)sight.sinks)) {}
    // Of the keys from `first` on. Whole numbers below 2^24 are exact.
    piece operator()(int64_t first, piece value, piece other) const {
        const piece key = filled((float)first) + take(COUNTED);
#if defined(__AVX512F__)
        const __m512 k = (__m512)key;
        const __mmask16 before = _mm512_cmp_ps_mask(k, (__m512)at, _CMP_LE_OQ);
        const __mmask16 near = _mm512_cmp_ps_mask(k, (__m512)low, _CMP_GT_OQ);
        const __mmask16 first_ones = _mm512_cmp_ps_mask(k, (__m512)sinks, _CMP_LT_OQ);
        return (lane)_mm512_mask_blend_ps(before & (near | first_ones), (__m512)other, (__m512)value);
#else
        return (key <= at) & ((key > low) | (key < sinks)) ? value : other;
#endif
    }
};

}  // namespace secretariat
