// Loops of the convolution by Winograd's F(4 x 4, 3 x 3), and of its like for stride 2.
#pragma once

#include <cstdint>

#include "isa.h"
#include "winograd_loops.h"

namespace thaw {

// Turned weights of a filter and an input channel.
constexpr int WINOGRAD4_WEIGHTS = 36;

// Tiles at a time. Measured for 64 to 512 channels with 1 MiB of cache a core: 12 to 48 differ by less than the noise.
constexpr int WINOGRAD4_MOST = 16;

// Floats from row to row, or plane to plane, of `lines` cache lines: an odd number of lines, so that rows side by side
// do not fall into the same few sets of a cache.
constexpr int64_t winograd4_stride(int64_t lines) { return (lines | 1) * 16; }

// Where the turned inputs v[side * side][rows][c] or the sums m[side * side][rows][width] of a block lie: strides in floats.
struct Block {
  int64_t row, plane, planes;
  Block(int rows, int width, int side)
      : row(winograd4_stride(width / 16)), plane(winograd4_stride(rows * (row / 16))), planes(side * side) {}
  int64_t floats() const { return planes * plane; }
};

// u = G w G' for each pair of channels, as [36][panel][c][filters of the panel]; of weights [k, 3, 3, c] those for input
// channels [begin, end), multiples of 16.
LOOP(void, winograd4_weights, float* u, const float* w, int c, int k, int begin, int end)
LOOP(void, winograd4_strided_weights, float* u, const float* w, int c, int k, int begin, int end)

// Tiles [first, first + count), of 4 x 4 results each or a row or a column less, for filters [k_begin, k_end), which begin at
// a panel; bias and residual may be null. v is Block(count, c, 6 or if strided 9), m Block(count, k_end - k_begin, 6 or 5),
// zeros c floats that are 0.
LOOP(void, winograd4_tiles, float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
     const Tiling& s, float* v, float* m, const float* zeros, int64_t first, int count, int k_begin, int k_end)
LOOP(void, winograd4_strided_tiles, float* y, const float* x, const float* u, const float* bias, const float* residual,
     bool relu, const Tiling& s, float* v, float* m, const float* zeros, int64_t first, int count, int k_begin, int k_end)

}  // namespace thaw
