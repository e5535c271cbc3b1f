// Loops of random numbers.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// y[i] = the uniform of element first + i; first is a multiple of 4.
LOOP(void, random_uniform, float* y, int64_t first, int64_t n, int64_t seed, int32_t stream, int32_t call)

// y[i] = x[i] scale where the upper 24 bits of element first + i are at least `limit`, else 0.
LOOP(void, random_dropout, float* y, const float* x, int64_t first, int64_t n, uint32_t limit, double scale, int64_t seed,
     int32_t stream, int32_t call)

}  // namespace thaw
