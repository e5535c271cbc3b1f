// Sums and extremes of rows and of columns.
#include "reduce_loops.h"

#include <algorithm>
#include <cmath>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {
namespace {

// Columns that are folded at once: their running results stay in the first-level cache.
constexpr int64_t TILE = 1024;

// Sums run in double: a float sum of mixed signs may lose half its digits, and memory is slower than the conversions.
struct Sum {
  using Number = double;
  using Vector = Doubles;
  static constexpr float NEUTRAL = 0;
  VMATH double fold(double a, double b) { return a + b; }
  VMATH Vector lanes(const Vector& a, const Vector& b) { return a + b; }
  VMATH Vector of(const Floats& x) { return widen(x); }
};

struct Largest {
  using Number = float;
  using Vector = Floats;
  static constexpr float NEUTRAL = -INFINITY;
  template <class T>
  VMATH T fold(T a, T b) {
    return a > b || a != a ? a : b;
  }
  VMATH Vector lanes(const Vector& a, const Vector& b) { return choose(above(a, b) | is_nan(a), a, b); }
  VMATH Vector of(const Floats& x) { return x; }
};

struct Smallest {
  using Number = float;
  using Vector = Floats;
  static constexpr float NEUTRAL = INFINITY;
  template <class T>
  VMATH T fold(T a, T b) {
    return a < b || a != a ? a : b;
  }
  VMATH Vector lanes(const Vector& a, const Vector& b) { return choose(above(b, a) | is_nan(a), a, b); }
  VMATH Vector of(const Floats& x) { return x; }
};

template <class R>
double row(const float* x, int64_t n) {
  typename R::Vector a;
  fill(a, typename R::Number(R::NEUTRAL));
  typename R::Vector b = a;
  int64_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    a = R::lanes(a, R::of(load<Floats>(x + i)));
    b = R::lanes(b, R::of(load<Floats>(x + i + LANES)));
  }
  for (; i < n; i += LANES) a = R::lanes(a, R::of(n - i >= LANES ? load<Floats>(x + i) : load_part(x + i, n - i, R::NEUTRAL)));
  typename R::Number t[LANES];
  store(t, R::lanes(a, b));
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) t[k] = R::fold(t[k], t[k + half]);
  }
  return t[0];
}

template <class R>
void columns(double* y, const float* x, int64_t rows, int64_t n, int64_t stride) {
  using T = typename R::Number;
  T running[TILE];
  for (int64_t tile = 0; tile < n; tile += TILE) {
    const int64_t width = std::min(TILE, n - tile);
    for (int64_t i = 0; i < width; ++i) running[i] = R::NEUTRAL;
    int64_t j = 0;
    const float* at = x + tile;
    for (; j + 4 <= rows; j += 4, at += 4 * stride) {
#pragma GCC ivdep
      for (int64_t i = 0; i < width; ++i) {
        running[i] = R::fold(running[i], R::fold(R::fold(T(at[i]), T(at[i + stride])),
                                                 R::fold(T(at[i + 2 * stride]), T(at[i + 3 * stride]))));
      }
    }
    for (; j < rows; ++j, at += stride) {
#pragma GCC ivdep
      for (int64_t i = 0; i < width; ++i) running[i] = R::fold(running[i], T(at[i]));
    }
    for (int64_t i = 0; i < width; ++i) y[tile + i] = running[i];
  }
}

template <class R>
void join(double* y, const double* x, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = R::fold(y[i], x[i]);
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
