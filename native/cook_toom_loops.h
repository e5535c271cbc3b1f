// Loops of the convolution of colour pictures, 7 columns wide and of stride 2 along the row, by Cook and Toom's method.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// A convolution of pictures [n, h, w, 3] with weights [k, kh, 7, 3] to [n, out_h, out_w, k], k a multiple of 16. Results
// come in tiles of four in a row, `tiles` to a row.
struct CookToom {
  int n, h, w, k, kh, stride_h, pad_h, pad_w, out_h, out_w, tiles;
};

// Filters that are computed together.
constexpr int COOK_TOOM_PANEL = 64;

// Points but infinity, at which both halves of a row are evaluated: two pixels of three colours.
constexpr int COOK_TOOM_POINTS = 6;
constexpr int COOK_TOOM_PAIR = 6;

// Turned numbers to a tile and a row: those points, and infinity, which only the even places have.
constexpr int COOK_TOOM_FLOATS = COOK_TOOM_POINTS * COOK_TOOM_PAIR + COOK_TOOM_PAIR / 2;

// Where the turned inputs of `rows` rows lie, v[point][tile][row][pair], strides in floats; infinity is last and half as
// large. A tile's rows have room behind them for what is written beyond the last pair.
struct TurnedRows {
  int64_t tile, plane;
  TurnedRows(int tiles, int rows) : tile(int64_t(rows) * COOK_TOOM_PAIR + 2), plane(tiles * tile) {}
  int64_t floats() const { return (COOK_TOOM_POINTS + 1) * plane; }
};

// Floats of a row of the picture with its margins, and of what is read beyond it.
constexpr int64_t cook_toom_strip(int tiles) { return int64_t(8 * tiles + 6) * 3 + 2; }

// Turns weights, as [panel][point][row of the filter][pair][filters of the panel], infinity last.
LOOP(void, cook_toom_weights, float* u, const float* w, int k, int kh)

// Rows [begin, end) of picture `picture` of the result; bias and residual may be null. v is TurnedRows of the rows that
// these see, m holds 7 * tiles * PANEL floats, strip cook_toom_strip(tiles).
LOOP(void, cook_toom_rows, float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
     const CookToom& s, float* v, float* m, float* strip, int picture, int begin, int end)

}  // namespace thaw
