// Loops that fold many numbers into few.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// In the order of dev.thaw.backend.Reduction.
enum Reduction { SUM, LARGEST, SMALLEST };

// The fold of x[0 .. n).
LOOP(double, reduce_row, int reduction, const float* x, int64_t n)

// y[i] = the fold of x[j * stride + i] over j in [0, rows), i in [0, n).
LOOP(void, reduce_columns, int reduction, double* y, const float* x, int64_t rows, int64_t n, int64_t stride)

// y[i] = fold(y[i], x[i]).
LOOP(void, reduce_join, int reduction, double* y, const double* x, int64_t n)

// y[i] = the first j at which x[j * n + i] is largest; NaN is larger than any number.
LOOP(void, reduce_argmax, int64_t* y, const float* x, int64_t rows, int64_t n)

}  // namespace thaw
