// What Winograd's convolutions, and Cook and Toom's, are made of: the product in the middle and the way out.
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

// product() of `rows` rows, ROWS or fewer.
template <int ROWS, int VECTORS>
VMATH void product_of(int rows, float* m, int64_t m_row, const float* v, int64_t v_row, const float* u, int c, bool add) {
  if (rows == ROWS) {
    product<ROWS, VECTORS>(m, m_row, v, v_row, u, c, add);
  } else if constexpr (ROWS > 1) {
    product_of<ROWS - 1, VECTORS>(rows, m, m_row, v, v_row, u, c, add);
  }
}

// The same for `count` rows, in groups as even as can be: a small one would wait for its weights.
template <int VECTORS>
void product_of_all(float* m, int64_t m_row, const float* v, int64_t v_row, const float* u, int c, int count, bool add) {
  constexpr int ROWS = 24 / VECTORS < 12 ? 24 / VECTORS : 12;
  const int groups = (count + ROWS - 1) / ROWS;
  for (int g = 0; g < groups; ++g) {
    const int begin = count * g / groups;
    product_of<ROWS, VECTORS>(count * (g + 1) / groups - begin, m + begin * m_row, m_row, v + begin * v_row, v_row, u, c,
                              add);
  }
}

// The same for a panel of `vectors` times sixteen columns.
VMATH void panel(int vectors, float* m, int64_t m_row, const float* v, int64_t v_row, const float* u, int c, int count,
                 bool add = false) {
  switch (vectors) {
    case 1: product_of_all<1>(m, m_row, v, v_row, u, c, count, add); break;
    case 2: product_of_all<2>(m, m_row, v, v_row, u, c, count, add); break;
    case 3: product_of_all<3>(m, m_row, v, v_row, u, c, count, add); break;
    default: product_of_all<4>(m, m_row, v, v_row, u, c, count, add);
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
