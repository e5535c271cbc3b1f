// What both of Winograd's convolutions are made of: the product in the middle and the way out.
#pragma once

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {

// m[ROWS, VECTORS * LANES] = v[ROWS, c] u[c, VECTORS * LANES], plus what m was if `add`; rows of v and m lie v_row and m_row floats apart. With 24
// sums in registers a step waits for its multiplications, not for what it loads.
template <int ROWS, int VECTORS>
VMATH void product(float* m, int64_t m_row, const float* v, int64_t v_row, const float* u, int c,
                   bool add = false) {
  Floats sum[ROWS][VECTORS];
  for (int r = 0; r < ROWS; ++r) {
    for (int q = 0; q < VECTORS; ++q) {
      sum[r][q] = add ? load<Floats>(m + r * m_row + q * LANES) : floats(0);
    }
  }
  for (int i = 0; i < c; ++i) {
    Floats b[VECTORS];
    for (int q = 0; q < VECTORS; ++q) b[q] = load<Floats>(u + (int64_t(i) * VECTORS + q) * LANES);
    for (int r = 0; r < ROWS; ++r) {
      const Floats a = floats(v[int64_t(r) * v_row + i]);
      for (int q = 0; q < VECTORS; ++q) sum[r][q] = multiply_add(a, b[q], sum[r][q]);
    }
  }
  for (int r = 0; r < ROWS; ++r) {
    for (int q = 0; q < VECTORS; ++q) store(m + r * m_row + q * LANES, sum[r][q]);
  }
}

// What follows the convolution; bias and residual may be null, residual may be y.
struct Epilogue {
  const float* bias;
  const float* residual;
  bool relu;
};

// Writes sixteen results, to which the bias has been added, at y + at.
VMATH void write(float* y, int64_t at, const Floats& sum, const Epilogue& e) {
  Floats value = sum;
  if (e.residual != nullptr) value = value + load<Floats>(e.residual + at);
  if (e.relu) value = choose(above(value, floats(0)), value, floats(0));
  store(y + at, value);
}

}  // namespace THAW_ISA
}  // namespace thaw
