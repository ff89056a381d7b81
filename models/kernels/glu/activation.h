// What lies between the two products of a feed-forward.
#pragma once
#include "core/simd.h"

namespace secretariat {

enum Activation : int32_t { SILU, RELU2, GELU, GELU_TANH };  // as cpu.py numbers them

// x Φ(x). erfc by Abramowitz and Stegun 7.1.26; taken of |x|, so that small results keep their digits.
INLINE lane gelu(lane x) {
    const lane z = larger(x, -x) * all(0.70710678f), t = all(1.0f) / fma(z, all(0.3275911f), all(1.0f));
    lane p = all(1.061405429f);
    p = fma(p, t, all(-1.453152027f));
    p = fma(p, t, all(1.421413741f));
    p = fma(p, t, all(-0.284496736f));
    p = fma(p, t, all(0.254829592f));
    const lane tail = all(0.5f) * x * (p * t * exp(-z * z));
    return x > lane{} ? x - tail : tail;
}

// x (1 + tanh u) / 2 = x sigmoid(2 u), u = sqrt(2 / π) (x + 0.044715 x³).
INLINE lane gelu_tanh(lane x) {
    return x * sigmoid(all(1.59576912f) * fma(all(0.044715f) * x * x, x, x));
}

INLINE lane activated(lane x, Activation activation) {
    switch (activation) {
        case RELU2: x = larger(x, lane{}); return x * x;
        case GELU: return gelu(x);
        case GELU_TANH: return gelu_tanh(x);
        default: return silu(x);
    }
}

}  // namespace secretariat
