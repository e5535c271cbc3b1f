// Convolution of colour pictures by Cook and Toom's method: how many rows at a time, and who computes them.
#include "cook_toom_loops.h"

#include <algorithm>

#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// Rows of the result at a time: neighbours see the same rows of the picture, which are turned once.
constexpr int ROWS = 8;

}  // namespace

void thaw_cook_toom_weights(float* u, const float* w, int k, int kh) { BEST(cook_toom_weights)(u, w, k, kh); }

void thaw_cook_toom_forward(float* y, const float* x, const float* u, const float* bias, const float* residual, int relu,
                            int n, int h, int width, int k, int kh, int stride_h, int pad_h, int pad_w, int threads) {
  const int out_h = (h + 2 * pad_h - kh) / stride_h + 1;
  const int out_w = (width + 2 * pad_w - 7) / 2 + 1;
  const CookToom s{n, h, width, k, kh, stride_h, pad_h, pad_w, out_h, out_w, (out_w + 3) / 4};
  const int bands = (out_h + ROWS - 1) / ROWS;
  split(threads, int64_t(n) * bands, 1, [&](int64_t begin, int64_t end) {
    // In one piece: what is freed last is what the next call gets back, without new pages.
    const int64_t inputs = TurnedRows(s.tiles, (ROWS - 1) * stride_h + kh).floats();
    const int64_t sums = (COOK_TOOM_POINTS + 1) * int64_t(s.tiles) * COOK_TOOM_PANEL;
    const Scratch<float> room(sums + inputs + cook_toom_strip(s.tiles));
    float* m = room.data();
    float* v = m + sums;
    for (int64_t item = begin; item < end; ++item) {
      const int band = static_cast<int>(item % bands);
      BEST(cook_toom_rows)(y, x, u, bias, residual, relu != 0, s, v, m, v + inputs, static_cast<int>(item / bands),
                           out_h * band / bands, out_h * (band + 1) / bands);
    }
  });
}
