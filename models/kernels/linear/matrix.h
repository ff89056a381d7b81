// A weight matrix in panels of sixteen outputs. See README.md for the layouts.
#pragma once
#include "core/simd.h"

namespace secretariat {

enum Form : int32_t { FLOAT32, BFLOAT16, Q8, Q4 };
constexpr int GROUP = 32;  // inputs that share a scale

// A group of a panel: codes of 16 outputs, their float16 scales, and for Q4 their float16 minima.
constexpr int64_t CODES[] = {0, 0, GROUP * LANES, GROUP * LANES / 2};
constexpr int64_t GROUP_BYTES[] = {0, 0, GROUP * LANES + 2 * LANES, GROUP * LANES / 2 + 4 * LANES};

// Mirrors `MatrixArgs` of cpu.py. Panels of one matrix after the other, each `stride` bytes.
struct Matrix {
    const uint8_t *panels;
    int64_t stride;
    int32_t inputs, outputs;  // of one matrix
    int32_t form, unused;

    int64_t count() const { return (outputs + LANES - 1) / LANES; }
    int64_t groups() const { return (inputs + GROUP - 1) / GROUP; }
    bool quantised() const { return form >= Q8; }
    const uint8_t *panel(int64_t index) const { return panels + index * stride; }
};

}  // namespace secretariat
