// What the operation is given, and what both of its arithmetics share.
#pragma once
#include "core/step.h"

namespace secretariat {

struct BidirectionalArgs {
    const float *qkv;  // [N, 3, heads, dim]
    float *out;        // [N, heads, dim]
    uint8_t *scratch;  // [threads, scratch_bytes]
    int64_t scratch_bytes, most;  // tokens of a run
    int32_t heads, dim;
    float scale;
    int32_t unused;
};

}  // namespace secretariat
