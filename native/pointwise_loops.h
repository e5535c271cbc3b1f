// Loops of the 1 x 1 convolution that adds a residual.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// A convolution of pictures [n, h, w, c] with weights [k, c] to [n, out_h, out_w, k]; k is a multiple of 16.
struct Pointwise {
  int n, h, w, c, k, stride_h, stride_w, out_h, out_w;
};

// Filters that are computed together: a panel of the packed weights.
constexpr int POINTWISE_PANEL = 64;

// Pixels at a time: what the cache nearest to a core holds of them meets all filters.
constexpr int POINTWISE_ROWS = 24;

// Floats from pixel to pixel of a block: an odd number of cache lines, so that they do not fall into the same few sets of a
// cache.
constexpr int64_t pointwise_stride(int c) { return ((int64_t(c) + 15) / 16 | 1) * 16; }

// Packs weights of filters [begin, end), which begin at a panel, as [panel][c][filters of the panel].
LOOP(void, pointwise_weights, float* u, const float* w, int c, int k, int begin, int end)

// y = x * w + bias + residual for pixels [begin, end) of all pictures', then max(0, .) if relu; bias and residual may be
// null. v holds ROWS * pointwise_stride(c) floats.
LOOP(void, pointwise_rows, float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
     const Pointwise& s, float* v, int64_t begin, int64_t end)

}  // namespace thaw
