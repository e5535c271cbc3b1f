// y = f(a, b), where one of the two may stand still.
#include "binary_loops.h"

#include "vmath.h"

namespace thaw {
namespace THAW_ISA {
namespace {

template <int F>
VMATH float apply(float a, float b) {
  if constexpr (F == ADD) return a + b;
  if constexpr (F == SUB) return a - b;
  if constexpr (F == MUL) return a * b;
  if constexpr (F == DIV) return a / b;
  if constexpr (F == MIN) return min_of(a, b);
  if constexpr (F == MAX) return max_of(a, b);
  if constexpr (F == POW) return pow(a, b);
  if constexpr (F == SHARE) return a > b ? 1.0f : a == b ? 0.5f : 0.0f;
  if constexpr (F == EQUAL) return a == b ? 1.0f : 0.0f;
}

template <int F>
void rows_of(float* y, const float* a, const float* b, int64_t rows, int64_t n, int64_t a_row, int64_t a_step, int64_t b_row,
             int64_t b_step) {
  for (int64_t r = 0; r < rows; ++r, y += n, a += a_row, b += b_row) {
    if (a_step == 1 && b_step == 1) {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = apply<F>(a[i], b[i]);
    } else if (a_step == 1 && b_step == 0) {
      const float s = *b;
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = apply<F>(a[i], s);
    } else if (a_step == 0 && b_step == 1) {
      const float s = *a;
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = apply<F>(s, b[i]);
    } else {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = apply<F>(a[i * a_step], b[i * b_step]);
    }
  }
}

}  // namespace

void binary_rows(int f, float* y, const float* a, const float* b, int64_t rows, int64_t n, int64_t a_row, int64_t a_step,
                 int64_t b_row, int64_t b_step) {
  constexpr decltype(&rows_of<ADD>) LOOPS[] = {rows_of<ADD>, rows_of<SUB>, rows_of<MUL>,   rows_of<DIV>,  rows_of<MIN>,
                                               rows_of<MAX>, rows_of<POW>, rows_of<SHARE>, rows_of<EQUAL>};
  LOOPS[f](y, a, b, rows, n, a_row, a_step, b_row, b_step);
}

void binary_row(int f, float* y, const float* a, const float* b, int64_t n, int64_t a_step, int64_t b_step) {
  binary_rows(f, y, a, b, 1, n, 0, a_step, 0, b_step);
}

}  // namespace THAW_ISA
}  // namespace thaw
