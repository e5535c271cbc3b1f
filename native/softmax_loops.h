// Loops of softmax over rows [rows, columns].
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// y = exp(x - max) / sum, or its logarithm.
LOOP(void, softmax_forward, float* y, const float* x, bool log, int64_t rows, int64_t columns)

// dx = y (dy - sum of dy y), or, of the logarithm, dy - exp(y) sum of dy.
LOOP(void, softmax_backward, float* dx, const float* dy, const float* y, bool log, int64_t rows, int64_t columns)

// The sum of weight[j] x[j], or of x[j] where weight is null.
LOOP(double, softmax_weighted, const float* x, const float* weight, int64_t n)

// y = exp(x).
LOOP(void, softmax_exp, float* y, const float* x, int64_t n)

// One row of cross-entropy's gradient but for the target's own -hard, over the row's probabilities: dx = dx a - weight[j] b,
// weight null for 1.
LOOP(void, softmax_gradient, float* dx, const float* weight, float a, float b, int64_t n)

}  // namespace thaw
