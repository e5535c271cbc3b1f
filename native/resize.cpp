// Nearest and bilinear resizing of pictures [n, h, w, c]: y is a weighted sum of up to four pixels of x.
#include <algorithm>

#include "index_loops.h"
#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// Where the rows, or the columns, of y lie in x: between `low` and `high`, `share` of the way.
struct Axis {
  Axis(int in, int out, bool bilinear, bool align_corners) : low(out), high(out), share(out) {
    for (int i = 0; i < out; ++i) {
      if (bilinear) {
        const double half = std::max(0.0, (i + 0.5) * in / out - 0.5);
        const double corner = out == 1 ? 0 : static_cast<double>(i) * (in - 1) / (out - 1);
        const double at = align_corners ? corner : half;
        low[i] = static_cast<int>(at);
        high[i] = std::min(low[i] + 1, in - 1);
        share[i] = at - low[i];
      } else {
        low[i] = static_cast<int>(static_cast<int64_t>(i) * in / out);
        high[i] = low[i];
        share[i] = 0;
      }
    }
  }

  Scratch<int> low, high;
  Scratch<double> share;
};

// The pixels of x that make up pixel (i, j) of y: offsets in a picture, and weights. One of weight 0 is left out, so that 0
// times infinity does not arise. Returns how many there are.
int neighbours(const Axis& rows, const Axis& columns, int i, int j, int w, int64_t* at, float* share) {
  int count = 0;
  for (int corner = 0; corner < 4; ++corner) {
    const bool below = corner >= 2;
    const bool right = corner % 2 == 1;
    const double s = (below ? rows.share[i] : 1 - rows.share[i]) * (right ? columns.share[j] : 1 - columns.share[j]);
    if (s == 0) continue;
    at[count] = int64_t(below ? rows.high[i] : rows.low[i]) * w + (right ? columns.high[j] : columns.low[j]);
    share[count++] = static_cast<float>(s);
  }
  return count;
}

}  // namespace

void thaw_resize_forward(float* y, const float* x, int n, int h, int w, int c, int out_h, int out_w, int bilinear,
                         int align_corners, int threads) {
  const Axis rows(h, out_h, bilinear, align_corners), columns(w, out_w, bilinear, align_corners);
  split(threads, int64_t(n) * out_h, 1, [=, &rows, &columns](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* picture = x + row / out_h * h * w * c;
      for (int j = 0; j < out_w; ++j) {
        int64_t at[4];
        float share[4];
        const float* from[4];
        const int count = neighbours(rows, columns, static_cast<int>(row % out_h), j, w, at, share);
        for (int k = 0; k < count; ++k) from[k] = picture + at[k] * c;
        BEST(index_mix)(y + (row * out_w + j) * c, from, share, count, c);
      }
    }
  });
}

void thaw_resize_backward(float* dx, const float* dy, int n, int h, int w, int c, int out_h, int out_w, int bilinear,
                          int align_corners, int threads) {
  const Axis rows(h, out_h, bilinear, align_corners), columns(w, out_w, bilinear, align_corners);
  // A picture is one thread's: its pixels are added to in the order of dy.
  split(threads, n, 1, [=, &rows, &columns](int64_t begin, int64_t end) {
    for (int64_t picture = begin; picture < end; ++picture) {
      float* to = dx + picture * h * w * c;
      std::fill(to, to + int64_t(h) * w * c, 0.0f);
      for (int i = 0; i < out_h; ++i) {
        for (int j = 0; j < out_w; ++j) {
          int64_t at[4];
          float share[4];
          const int count = neighbours(rows, columns, i, j, w, at, share);
          const float* from = dy + ((picture * out_h + i) * out_w + j) * c;
          for (int k = 0; k < count; ++k) BEST(index_add_scaled)(to + at[k] * c, from, share[k], c);
        }
      }
    }
  });
}
