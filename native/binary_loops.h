// Loops of two arguments.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// In the order of dev.thaw.backend.Binary.
enum BinaryOp { ADD, SUB, MUL, DIV, MIN, MAX, POW, SHARE, EQUAL };

// y[i] = f(a[i * a_step], b[i * b_step]); a step is 0 or 1 but for odd broadcasts.
LOOP(void, binary_row, int f, float* y, const float* a, const float* b, int64_t n, int64_t a_step, int64_t b_step)

// The same for `rows` rows of n, each row a_row and b_row elements after the one before.
LOOP(void, binary_rows, int f, float* y, const float* a, const float* b, int64_t rows, int64_t n, int64_t a_row,
     int64_t a_step, int64_t b_row, int64_t b_step)

}  // namespace thaw
