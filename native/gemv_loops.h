// Loops of the product of a matrix and a vector.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// y[r] = sum over i of w[r, i] x[i], plus bias[r] if there is one, then max(0, .) if relu, for rows [begin, end) of w [.., k].
LOOP(void, gemv_rows, float* y, const float* w, const float* x, const float* bias, bool relu, int64_t k, int64_t begin,
     int64_t end)

}  // namespace thaw
