// Loops of the convolution by Winograd's F(4 x 4, 3 x 3).
#pragma once

#include <cstdint>

#include "isa.h"
#include "winograd_loops.h"

namespace thaw {

// Numbers of a turned tile.
constexpr int WINOGRAD4_PLANES = 36;

// Floats from row to row, or plane to plane, of `lines` cache lines: an odd number of lines, so that rows side by side
// do not fall into the same few sets of a cache.
constexpr int64_t winograd4_stride(int64_t lines) { return (lines | 1) * 16; }

// Where the turned inputs v[36][rows][c] and the products m[36][rows][width] of a block lie: strides in floats.
struct Block {
  int64_t row, plane;
  Block(int rows, int width) : row(winograd4_stride(width / 16)), plane(winograd4_stride(rows * (row / 16))) {}
  int64_t floats() const { return WINOGRAD4_PLANES * plane; }
};

// u = G w G' for each pair of channels, as [36][panel][c][filters of the panel]; of weights [k, 3, 3, c] those for input
// channels [begin, end), multiples of 16.
LOOP(void, winograd4_weights, float* u, const float* w, int c, int k, int begin, int end)

// Tiles [first, first + count), of 4 x 4 results each, for filters [k_begin, k_end), which begin at a panel; bias and
// residual may be null. v is Block(count, c), m Block(count, k_end - k_begin), zeros c floats that are 0.
LOOP(void, winograd4_tiles, float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
     const Tiling& s, float* v, float* m, const float* zeros, int64_t first, int count, int k_begin, int k_end)

}  // namespace thaw
