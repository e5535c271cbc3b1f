// 1 x 1 convolution that adds a residual: pixels handed to threads.
#include <algorithm>

#include "parallel.h"
#include "pointwise_loops.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

void thaw_pointwise_weights(float* u, const float* w, int c, int k, int threads) {
  split(threads, k, POINTWISE_PANEL, [=](int64_t begin, int64_t end) {
    BEST(pointwise_weights)(u, w, c, k, static_cast<int>(begin), static_cast<int>(end));
  });
}

void thaw_pointwise_forward(float* y, const float* x, const float* u, const float* bias, const float* residual, int relu,
                            int n, int h, int width, int c, int k, int stride_h, int stride_w, int threads) {
  const Pointwise s{n, h, width, c, k, stride_h, stride_w, (h - 1) / stride_h + 1, (width - 1) / stride_w + 1};
  split(threads, int64_t(n) * s.out_h * s.out_w, 6, [&](int64_t begin, int64_t end) {
    const Scratch<float> v(POINTWISE_ROWS * pointwise_stride(c));
    BEST(pointwise_rows)(y, x, u, bias, residual, relu != 0, s, v.data(), begin, end);
  });
}
