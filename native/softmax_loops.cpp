// Softmax by row. Rows are often short (10 classes), so they are taken in groups: what must be done row by row is cheap,
// and the exponentials run over the whole group as one array.
#include "softmax_loops.h"

#include <algorithm>
#include <cmath>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {
namespace {

constexpr int64_t GROUP = 2048;  // numbers in a group of rows: stays in the first-level cache

VMATH int64_t rows_of_group(int64_t columns) { return std::max<int64_t>(1, GROUP / std::max<int64_t>(1, columns)); }

VMATH float largest(const float* x, int64_t n) {
  Floats m = floats(-INFINITY);
  for (int64_t i = 0; i < n; i += LANES) {
    const Floats v = n - i >= LANES ? load<Floats>(x + i) : load_part(x + i, n - i, -INFINITY);
    m = choose(above(m, v) | is_nan(m), m, v);
  }
  float t[LANES];
  store(t, m);
  for (int i = 1; i < LANES; ++i) t[0] = max_of(t[0], t[i]);
  return t[0];
}

VMATH float sum(const float* x, int64_t n) {
  Floats s = floats(0);
  for (int64_t i = 0; i < n; i += LANES) {
    s = s + (n - i >= LANES ? load<Floats>(x + i) : load_part(x + i, n - i, 0));
  }
  return sum_of<float>(s);
}

VMATH float dot(const float* x, const float* y, int64_t n) {
  Floats s = floats(0);
  for (int64_t i = 0; i < n; i += LANES) {
    s = s + (n - i >= LANES ? load<Floats>(x + i) * load<Floats>(y + i) : load_part(x + i, n - i, 0) * load_part(y + i, n - i, 0));
  }
  return sum_of<float>(s);
}

}  // namespace

void softmax_forward(float* y, const float* x, bool log, int64_t rows, int64_t columns) {
  const int64_t group = rows_of_group(columns);
  for (int64_t begin = 0; begin < rows; begin += group) {
    const int64_t count = std::min(group, rows - begin);
    const float* from = x + begin * columns;
    float* to = y + begin * columns;
    for (int64_t r = 0; r < count; ++r) {
      const float m = largest(from + r * columns, columns);
#pragma GCC ivdep
      for (int64_t i = r * columns; i < (r + 1) * columns; ++i) to[i] = from[i] - m;
    }
#pragma GCC ivdep
    for (int64_t i = 0; i < count * columns; ++i) to[i] = exp(to[i]);
    for (int64_t r = 0; r < count; ++r) {
      const float total = sum(to + r * columns, columns);
      if (log) {
        // x - max once more rather than the logarithm of what may have become 0.
        const float m = largest(from + r * columns, columns);
        const float l = static_cast<float>(std::log(static_cast<double>(total)));
#pragma GCC ivdep
        for (int64_t i = r * columns; i < (r + 1) * columns; ++i) to[i] = (from[i] - m) - l;
      } else {
        const float share = 1.0f / total;
#pragma GCC ivdep
        for (int64_t i = r * columns; i < (r + 1) * columns; ++i) to[i] *= share;
      }
    }
  }
}

void softmax_backward(float* dx, const float* dy, const float* y, bool log, int64_t rows, int64_t columns) {
  const int64_t group = rows_of_group(columns);
  for (int64_t begin = 0; begin < rows; begin += group) {
    const int64_t count = std::min(group, rows - begin);
    const float* from = dy + begin * columns;
    const float* saved = y + begin * columns;
    float* to = dx + begin * columns;
    if (log) {
#pragma GCC ivdep
      for (int64_t i = 0; i < count * columns; ++i) to[i] = exp(saved[i]);
    }
    for (int64_t r = 0; r < count; ++r) {
      const int64_t at = r * columns;
      const float total = log ? sum(from + at, columns) : dot(from + at, saved + at, columns);
      if (log) {
#pragma GCC ivdep
        for (int64_t i = at; i < at + columns; ++i) to[i] = from[i] - to[i] * total;
      } else {
#pragma GCC ivdep
        for (int64_t i = at; i < at + columns; ++i) to[i] = saved[i] * (from[i] - total);
      }
    }
  }
}

double softmax_weighted(const float* x, const float* weight, int64_t n) {
  return weight == nullptr ? sum(x, n) : dot(x, weight, n);
}

void softmax_exp(float* y, const float* x, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = exp(x[i]);
}

void softmax_gradient(float* dx, const float* weight, float a, float b, int64_t n) {
  if (weight == nullptr) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dx[i] = dx[i] * a - b;
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dx[i] = dx[i] * a - weight[i] * b;
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
