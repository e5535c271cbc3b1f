// Pooling, sixteen channels at a time. Backward is written from the side of dx: each element looks at the windows that see
// it, so that nothing is scattered, nothing is cleared first, and rows can go to different threads.
#include "pool_loops.h"

#include <algorithm>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {
namespace {

// A larger number, or the first NaN.
VMATH bool exceeds(float x, float best) { return x > best || (x != x && best == best); }

// max(best, x), but NaN once either is.
VMATH Floats larger(const Floats& x, const Floats& best) {
  const Floats most = choose(above(x, best), x, best);
  return choose(is_nan(x), x, most);
}

// The winner of one window, channels [0, c), in registers for sixteen of them at a time.
template <bool WHERE>
VMATH void max_window(float* y, int32_t* where, const float* x, int rows, int columns, int64_t row_step, int first, int w,
                      int c) {
  int k = 0;
  for (; k + LANES <= c; k += LANES) {
    Floats best = load<Floats>(x + k);
    Ints winner = ints(first);
    for (int r = 0; r < rows; ++r) {
      for (int q = 0; q < columns; ++q) {
        const Floats v = load<Floats>(x + r * row_step + int64_t(q) * c + k);
        if (WHERE) {
          const Ints take = above(v, best) | (is_nan(v) & ~is_nan(best));
          best = choose(take, v, best);
          winner = choose(take, ints(first + r * w + q), winner);
        } else {
          best = larger(v, best);
        }
      }
    }
    store(y + k, best);
    if (WHERE) store(where + k, winner);
  }
  for (; k < c; ++k) {
    float best = x[k];
    int32_t winner = first;
    for (int r = 0; r < rows; ++r) {
      for (int q = 0; q < columns; ++q) {
        const float v = x[r * row_step + int64_t(q) * c + k];
        const bool take = exceeds(v, best);
        best = take ? v : best;
        winner = take ? first + r * w + q : winner;
      }
    }
    y[k] = best;
    if (WHERE) where[k] = winner;
  }
}

template <bool WHERE>
void max_forward(float* y, int32_t* where, const float* x, const Windows& s, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int i = static_cast<int>(row % s.out_h);
    const float* picture = x + row / s.out_h * s.h * s.w * s.c;
    for (int j = 0; j < s.out_w; ++j) {
      const int first = s.row_begin[i] * s.w + s.column_begin[j];
      const int64_t at = (row * s.out_w + j) * s.c;
      int32_t* winner = WHERE ? where + at : nullptr;
      const float* from = picture + int64_t(first) * s.c;
      const int rows = s.row_end[i] - s.row_begin[i];
      const int columns = s.column_end[j] - s.column_begin[j];
      const int64_t row_step = int64_t(s.w) * s.c;
      // The usual window, with loops that the compiler can unroll.
      if (rows == 2 && columns == 2) {
        max_window<WHERE>(y + at, winner, from, 2, 2, row_step, first, s.w, s.c);
      } else {
        max_window<WHERE>(y + at, winner, from, rows, columns, row_step, first, s.w, s.c);
      }
    }
  }
}

// The gradient of one element for channels [0, c) from one window that sees it.
template <bool ADD, bool POSITIVE>
VMATH void from_window(float* to, const float* dy, const int32_t* winner, const float* y, int32_t me, int c) {
  int k = 0;
  for (; k + LANES <= c; k += LANES) {
    Ints passes = same(load<Ints>(winner + k), ints(me));
    if (POSITIVE) passes = passes & above(load<Floats>(y + k), floats(0));
    const Floats d = choose(passes, load<Floats>(dy + k), floats(0));
    store(to + k, ADD ? load<Floats>(to + k) + d : d);
  }
  for (; k < c; ++k) {
    const bool passes = winner[k] == me && (!POSITIVE || y[k] > 0);
    const float d = passes ? dy[k] : 0.0f;
    to[k] = ADD ? to[k] + d : d;
  }
}

// POSITIVE: maxima of 0 and below, which a ReLU made, pass nothing on.
template <bool POSITIVE>
void max_backward(float* dx, const float* dy, const int32_t* where, const float* y, const Windows& s, int64_t begin,
                  int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int r = static_cast<int>(row % s.h);
    const int64_t picture = row / s.h * s.out_h * s.out_w * s.c;
    for (int q = 0; q < s.w; ++q) {
      float* to = dx + (row * s.w + q) * s.c;
      const int32_t me = r * s.w + q;
      bool first = true;
      for (int i = s.seen_row_begin[r]; i < s.seen_row_end[r]; ++i) {
        for (int j = s.seen_column_begin[q]; j < s.seen_column_end[q]; ++j) {
          const int64_t at = picture + (int64_t(i) * s.out_w + j) * s.c;
          const float* above_zero = POSITIVE ? y + at : nullptr;
          if (first) {
            from_window<false, POSITIVE>(to, dy + at, where + at, above_zero, me, s.c);
          } else {
            from_window<true, POSITIVE>(to, dy + at, where + at, above_zero, me, s.c);
          }
          first = false;
        }
      }
      if (first) std::fill(to, to + s.c, 0.0f);
    }
  }
}

}  // namespace

void pool_max_forward(float* y, int32_t* where, const float* x, const Windows& s, int64_t begin, int64_t end) {
  if (where != nullptr) {
    max_forward<true>(y, where, x, s, begin, end);
  } else {
    max_forward<false>(y, where, x, s, begin, end);
  }
}

void pool_max_backward(float* dx, const float* dy, const int32_t* where, const float* y, const Windows& s, int64_t begin,
                       int64_t end) {
  (y == nullptr ? max_backward<false> : max_backward<true>)(dx, dy, where, y, s, begin, end);
}

void pool_average_forward(float* y, const float* x, const Windows& s, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int i = static_cast<int>(row % s.out_h);
    const float* picture = x + row / s.out_h * s.h * s.w * s.c;
    for (int j = 0; j < s.out_w; ++j) {
      float* to = y + (row * s.out_w + j) * s.c;
      std::fill(to, to + s.c, 0.0f);
      for (int r = s.row_begin[i]; r < s.row_end[i]; ++r) {
        for (int q = s.column_begin[j]; q < s.column_end[j]; ++q) {
          const float* from = picture + (int64_t(r) * s.w + q) * s.c;
#pragma GCC ivdep
          for (int k = 0; k < s.c; ++k) to[k] += from[k];
        }
      }
      const float share = 1.0f / (static_cast<float>(s.row_count[i]) * static_cast<float>(s.column_count[j]));
#pragma GCC ivdep
      for (int k = 0; k < s.c; ++k) to[k] *= share;
    }
  }
}

void pool_average_backward(float* dx, const float* dy, const Windows& s, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const int r = static_cast<int>(row % s.h);
    const float* picture = dy + row / s.h * s.out_h * s.out_w * s.c;
    for (int q = 0; q < s.w; ++q) {
      float* to = dx + (row * s.w + q) * s.c;
      std::fill(to, to + s.c, 0.0f);
      for (int i = s.seen_row_begin[r]; i < s.seen_row_end[r]; ++i) {
        for (int j = s.seen_column_begin[q]; j < s.seen_column_end[q]; ++j) {
          const float* from = picture + (int64_t(i) * s.out_w + j) * s.c;
          const float share = 1.0f / (static_cast<float>(s.row_count[i]) * static_cast<float>(s.column_count[j]));
#pragma GCC ivdep
          for (int k = 0; k < s.c; ++k) to[k] += share * from[k];
        }
      }
    }
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
