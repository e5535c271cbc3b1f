// Sums and extremes of rows and of columns.
#include "reduce_loops.h"

#include <algorithm>
#include <cmath>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {
namespace {

// Numbers that one lane, or one column, folds in float before it goes on in double.
constexpr int64_t BLOCK = 256;

// Columns that are folded at once: their running results stay in the first-level cache.
constexpr int64_t TILE = 1024;

struct Sum {
  static constexpr float NEUTRAL = 0;
  VMATH float fold(float a, float b) { return a + b; }
  VMATH double join(double a, double b) { return a + b; }
  template <class V>
  VMATH V lanes(const V& a, const V& b) {
    return a + b;
  }
};

struct Largest {
  static constexpr float NEUTRAL = -INFINITY;
  VMATH float fold(float a, float b) { return max_of(a, b); }
  VMATH double join(double a, double b) { return a > b || a != a ? a : b; }
  template <class V>
  VMATH V lanes(const V& a, const V& b) {
    return choose(above(a, b) | is_nan(a), a, b);
  }
};

struct Smallest {
  static constexpr float NEUTRAL = INFINITY;
  VMATH float fold(float a, float b) { return min_of(a, b); }
  VMATH double join(double a, double b) { return a < b || a != a ? a : b; }
  template <class V>
  VMATH V lanes(const V& a, const V& b) {
    return choose(above(b, a) | is_nan(a), a, b);
  }
};

template <class R>
float fold_lanes(const Floats& v) {
  float t[LANES];
  store(t, v);
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) t[i] = R::fold(t[i], t[i + half]);
  }
  return t[0];
}

template <class R>
double row(const float* x, int64_t n) {
  double result = R::NEUTRAL;
  for (int64_t begin = 0; begin < n; begin += 4 * LANES * BLOCK) {
    const int64_t end = std::min(n, begin + 4 * LANES * BLOCK);
    Floats a = floats(R::NEUTRAL), b = a, c = a, d = a;
    int64_t i = begin;
    for (; i + 4 * LANES <= end; i += 4 * LANES) {
      a = R::lanes(a, load<Floats>(x + i));
      b = R::lanes(b, load<Floats>(x + i + LANES));
      c = R::lanes(c, load<Floats>(x + i + 2 * LANES));
      d = R::lanes(d, load<Floats>(x + i + 3 * LANES));
    }
    for (; i + LANES <= end; i += LANES) a = R::lanes(a, load<Floats>(x + i));
    if (i < end) b = R::lanes(b, load_part(x + i, end - i, R::NEUTRAL));
    result = R::join(result, fold_lanes<R>(R::lanes(R::lanes(a, b), R::lanes(c, d))));
  }
  return result;
}

template <class R>
void columns(double* y, const float* x, int64_t rows, int64_t n, int64_t stride) {
  float running[TILE];
  for (int64_t tile = 0; tile < n; tile += TILE) {
    const int64_t width = std::min(TILE, n - tile);
    double* result = y + tile;
    for (int64_t i = 0; i < width; ++i) result[i] = R::NEUTRAL;
    for (int64_t begin = 0; begin < rows; begin += BLOCK) {
      const int64_t end = std::min(rows, begin + BLOCK);
      for (int64_t i = 0; i < width; ++i) running[i] = R::NEUTRAL;
      int64_t j = begin;
      const float* at = x + begin * stride + tile;
      for (; j + 4 <= end; j += 4, at += 4 * stride) {
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) {
          running[i] = R::fold(running[i], R::fold(R::fold(at[i], at[i + stride]),
                                                   R::fold(at[i + 2 * stride], at[i + 3 * stride])));
        }
      }
      for (; j < end; ++j, at += stride) {
#pragma GCC ivdep
        for (int64_t i = 0; i < width; ++i) running[i] = R::fold(running[i], at[i]);
      }
      for (int64_t i = 0; i < width; ++i) result[i] = R::join(result[i], running[i]);
    }
  }
}

template <class R>
void join(double* y, const double* x, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = R::join(y[i], x[i]);
}

}  // namespace

double reduce_row(int reduction, const float* x, int64_t n) {
  constexpr decltype(&row<Sum>) LOOPS[] = {row<Sum>, row<Largest>, row<Smallest>};
  return LOOPS[reduction](x, n);
}

void reduce_columns(int reduction, double* y, const float* x, int64_t rows, int64_t n, int64_t stride) {
  constexpr decltype(&columns<Sum>) LOOPS[] = {columns<Sum>, columns<Largest>, columns<Smallest>};
  LOOPS[reduction](y, x, rows, n, stride);
}

void reduce_join(int reduction, double* y, const double* x, int64_t n) {
  constexpr decltype(&join<Sum>) LOOPS[] = {join<Sum>, join<Largest>, join<Smallest>};
  LOOPS[reduction](y, x, n);
}

void reduce_argmax(int64_t* y, const float* x, int64_t rows, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    float best = x[i];
    int64_t where = 0;
    for (int64_t j = 1; j < rows; ++j) {
      const float v = x[j * n + i];
      if (v > best || (v != v && best == best)) {
        best = v;
        where = j;
      }
    }
    y[i] = where;
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
