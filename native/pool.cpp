// Pooling of pictures: where the windows lie, and the rows handed to threads.
#include <algorithm>

#include "parallel.h"
#include "pool_loops.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// The windows along one axis, as in dev.thaw.backend.PoolShape.
struct Axis {
  Axis(int in, int out, int kernel, int stride, int pad, bool count_padding, bool adaptive)
      : begin(out), end(out), count(out), seen_begin(in), seen_end(in) {
    for (int64_t i = 0; i < out; ++i) {
      const int64_t from = adaptive ? i * in / out : i * stride - pad;
      const int64_t to = adaptive ? ((i + 1) * in + out - 1) / out : from + kernel;
      begin[i] = static_cast<int32_t>(std::max<int64_t>(0, from));
      end[i] = static_cast<int32_t>(std::min<int64_t>(in, to));
      count[i] =
          count_padding && !adaptive ? static_cast<int32_t>(std::min<int64_t>(in + pad, to) - from) : end[i] - begin[i];
    }
    // Both ends grow with i, so those that see r are neighbours.
    int first = 0;
    int last = 0;
    for (int r = 0; r < in; ++r) {
      while (first < out && end[first] <= r) ++first;
      while (last < out && begin[last] <= r) ++last;
      seen_begin[r] = first;
      seen_end[r] = last;
    }
  }

  Scratch<int32_t> begin, end, count, seen_begin, seen_end;
};

struct Shape {
  Shape(int n, int h, int w, int c, int out_h, int out_w, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w,
        bool count_padding, bool adaptive)
      : rows(h, out_h, kh, stride_h, pad_h, count_padding, adaptive),
        columns(w, out_w, kw, stride_w, pad_w, count_padding, adaptive),
        windows{n,
                h,
                w,
                c,
                out_h,
                out_w,
                rows.begin.data(),
                rows.end.data(),
                rows.count.data(),
                rows.seen_begin.data(),
                rows.seen_end.data(),
                columns.begin.data(),
                columns.end.data(),
                columns.count.data(),
                columns.seen_begin.data(),
                columns.seen_end.data()} {}

  Axis rows, columns;
  Windows windows;
};

}  // namespace

void thaw_pool_max_forward(float* y, int32_t* where, const float* x, int n, int h, int w, int c, int out_h, int out_w, int kh,
                           int kw, int stride_h, int stride_w, int pad_h, int pad_w, int adaptive, int threads) {
  const Shape s(n, h, w, c, out_h, out_w, kh, kw, stride_h, stride_w, pad_h, pad_w, false, adaptive);
  split(threads, int64_t(n) * out_h, 1, [=, &s](int64_t begin, int64_t end) {
    BEST(pool_max_forward)(y, where, x, s.windows, begin, end);
  });
}

void thaw_pool_max_backward(float* dx, const float* dy, const int32_t* where, const float* y, int n, int h, int w, int c,
                            int out_h, int out_w, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w,
                            int adaptive, int threads) {
  const Shape s(n, h, w, c, out_h, out_w, kh, kw, stride_h, stride_w, pad_h, pad_w, false, adaptive);
  split(threads, int64_t(n) * h, 1, [=, &s](int64_t begin, int64_t end) {
    BEST(pool_max_backward)(dx, dy, where, y, s.windows, begin, end);
  });
}

void thaw_pool_average_forward(float* y, const float* x, int n, int h, int w, int c, int out_h, int out_w, int kh, int kw,
                               int stride_h, int stride_w, int pad_h, int pad_w, int count_padding, int adaptive,
                               int threads) {
  const Shape s(n, h, w, c, out_h, out_w, kh, kw, stride_h, stride_w, pad_h, pad_w, count_padding, adaptive);
  split(threads, int64_t(n) * out_h, 1, [=, &s](int64_t begin, int64_t end) {
    BEST(pool_average_forward)(y, x, s.windows, begin, end);
  });
}

void thaw_pool_average_backward(float* dx, const float* dy, int n, int h, int w, int c, int out_h, int out_w, int kh, int kw,
                                int stride_h, int stride_w, int pad_h, int pad_w, int count_padding, int adaptive,
                                int threads) {
  const Shape s(n, h, w, c, out_h, out_w, kh, kw, stride_h, stride_w, pad_h, pad_w, count_padding, adaptive);
  split(threads, int64_t(n) * h, 1, [=, &s](int64_t begin, int64_t end) {
    BEST(pool_average_backward)(dx, dy, s.windows, begin, end);
  });
}
