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

// The winner of one window, channels [0, c), in registers for sixteen of them at a time.
template <bool WHERE>
void max_window(float* y, int32_t* where, const float* x, int rows, int columns, int64_t row_step, int first, int w, int c) {
  int k = 0;
  for (; k + LANES <= c; k += LANES) {
    Floats best = load<Floats>(x + k);
    Ints winner = ints(first);
    for (int r = 0; r < rows; ++r) {
      for (int q = 0; q < columns; ++q) {
        const Floats v = load<Floats>(x + r * row_step + int64_t(q) * c + k);
        const Ints take = above(v, best) | (is_nan(v) & ~is_nan(best));
        best = choose(take, v, best);
        if (WHERE) winner = choose(take, ints(first + r * w + q), winner);
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
      max_window<WHERE>(y + at, WHERE ? where + at : nullptr, picture + int64_t(first) * s.c, s.row_end[i] - s.row_begin[i],
                        s.column_end[j] - s.column_begin[j], int64_t(s.w) * s.c, first, s.w, s.c);
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

void pool_max_backward(float* dx, const float* dy, const int32_t* where, const Windows& s, int64_t begin, int64_t end) {
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
          const float* from = dy + at;
          const int32_t* winner = where + at;
          if (first) {
#pragma GCC ivdep
            for (int k = 0; k < s.c; ++k) to[k] = winner[k] == me ? from[k] : 0.0f;
          } else {
#pragma GCC ivdep
            for (int k = 0; k < s.c; ++k) to[k] += winner[k] == me ? from[k] : 0.0f;
          }
          first = false;
        }
      }
      if (first) std::fill(to, to + s.c, 0.0f);
    }
  }
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
