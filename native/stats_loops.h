// Loops that measure.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// Of the finite elements: the sum of squares, the sum of absolutes, the largest absolute; and how many are not finite.
LOOP(void, stats_measure, double* y, const float* x, int64_t n)

// The sum of mix(word i + (first + i + 1) * golden ratio) over n words of eight bytes.
LOOP(uint64_t, stats_hash, const void* x, int64_t first, int64_t n)

}  // namespace thaw
