// Loops of the convolution by Winograd's F(2 x 2, 3 x 3).
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// A 3 x 3 convolution of stride 1, pictures [n, h, w, c] to [n, out_h, out_w, k]; c and k are multiples of 16. Results
// come in tiles of 2 x 2, tiles_h * tiles_w to a picture.
struct Tiling {
  int n, h, w, c, k, pad_h, pad_w, out_h, out_w, tiles_h, tiles_w;
};

// Filters that are computed together: a panel of the transformed weights.
constexpr int WINOGRAD_PANEL = 64;

// Tiles are multiplied in groups, whose rest is filled up: room for this many more.
constexpr int WINOGRAD_GROUP = 12;

// u = G w G' for each pair of channels, as [panel][16][c][filters of the panel]; of weights [k, 3, 3, c] those for input
// channels [begin, end), multiples of 16.
LOOP(void, winograd_weights, float* u, const float* w, int c, int k, int begin, int end)

// The same for the convolution back to the inputs, whose filters are the c inputs and whose inputs are the k filters: each
// filter turned by half a circle. For filters [begin, end).
LOOP(void, winograd_weights_back, float* u, const float* w, int c, int k, int begin, int end)

// Tiles [first, first + count) for filters [k_begin, k_end), which begin at a panel; bias and residual may be null.
// v holds 16 * (count + GROUP) * c floats, m 16 * (count + GROUP) * PANEL.
LOOP(void, winograd_tiles, float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
     const Tiling& s, float* v, float* m, int64_t first, int count, int k_begin, int k_end)

// Planes [p_begin, p_end) of the 16 of u, [panel][16][c][filters of the panel]: the products (B' d B) (A dy A') summed over
// all tiles, `block` of them at a time. v holds (p_end - p_begin) * block * c floats, m as many with PANEL for c.
LOOP(void, winograd_gradient, float* u, const float* dy, const float* x, const Tiling& s, float* v, float* m, int block,
     int p_begin, int p_end)

// dw = G' u G for filters [begin, end), multiples of 16.
LOOP(void, winograd_gradient_back, float* dw, const float* u, int c, int k, int begin, int end)

}  // namespace thaw
