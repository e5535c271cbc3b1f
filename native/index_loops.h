// Loops that move values and change their type.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// In the order of dev.thaw.memory.DType.
enum DType { FLOAT32, FLOAT64, BFLOAT16, INT32, INT64, UINT8 };

inline int bytes_of(int dtype) { return dtype == UINT8 ? 1 : dtype == BFLOAT16 ? 2 : dtype == FLOAT64 || dtype == INT64 ? 8 : 4; }

// y[i] = x[i] in y's type: to the nearest, ties to even; to an integer, towards 0.
LOOP(void, index_cast, void* y, int y_type, const void* x, int x_type, int64_t n)

// A block of a transposition, elements of `size` bytes: y[i * y_row + j] = x[j * x_row + i] for i < rows, j < columns.
LOOP(void, index_transpose, void* y, const void* x, int size, int64_t rows, int64_t columns, int64_t y_row, int64_t x_row)

// y[i * y_step] = x[i * x_step].
LOOP(void, index_strided, void* y, int64_t y_step, const void* x, int64_t x_step, int size, int64_t n)

// y[i] += x[i].
LOOP(void, index_add, float* y, const float* x, int64_t n)

// y[i] += share * x[i].
LOOP(void, index_add_scaled, float* y, const float* x, float share, int64_t n)

// y = up to four rows of pixels weighted: a x0 + b x1 + c x2 + d x3, a weight of 0 leaves its row out.
LOOP(void, index_mix, float* y, const float* const* x, const float* shares, int count, int64_t n)

}  // namespace thaw
