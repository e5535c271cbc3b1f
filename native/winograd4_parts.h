// Winograd's convolution with large tiles, whatever its stride: tiles, products over the channels, and the way out.
//
// A Scheme says how a line of numbers is turned: how many inputs it takes (reach), what its ELEMENTS are multiplied by and
// where the products are summed (LINE), and the three linear maps. In two dimensions everything is done by rows and columns.
#pragma once

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "winograd4_loops.h"
#include "winograd_parts.h"

namespace thaw {
namespace THAW_ISA {
namespace {

// A number of a turned line: it is multiplied by turned weight `weight` and adds to sum `point`. Lines of three results
// lack those that are `long_only`.
struct Element {
  int point, weight;
  bool long_only;
};

// A tile of a block: where its results begin, and how many they are.
struct Place {
  int64_t picture;
  int top, left;
  bool tall, broad;  // 4 rows, 4 columns; or 3
};

// The tiles of a block, ordered so that those that are tall, broad, or both lie side by side: the first are only tall, then
// come those that are both, those that are only broad, and the small ones.
struct Places {
  Place at[WINOGRAD4_MOST];
  int count, broad_begin, tall_end, broad_end;

  Places(const Tiling& s, int64_t first, int tiles) : count(0), broad_begin(0), tall_end(0), broad_end(0) {
    const int64_t per_picture = int64_t(s.tiles_h) * s.tiles_w;
    const int tall_rows = fours(s.out_h, s.tiles_h), broad_columns = fours(s.out_w, s.tiles_w);
    for (int kind = 0; kind < 4; ++kind) {
      for (int t = 0; t < tiles; ++t) {
        const int64_t picture = (first + t) / per_picture;
        const int tile = static_cast<int>((first + t) % per_picture);
        const int row = tile / s.tiles_w, column = tile % s.tiles_w;
        const bool tall = row < tall_rows, broad = column < broad_columns;
        if (tall != (kind < 2) || broad != (kind == 1 || kind == 2)) continue;
        at[count++] = {picture, 3 * row + std::min(row, tall_rows), 3 * column + std::min(column, broad_columns), tall, broad};
      }
      if (kind == 0) broad_begin = count;
      if (kind == 1) tall_end = count;
      if (kind == 2) broad_end = count;
    }
  }

  // The tiles that have this row and this column of elements.
  VMATH int begin(const Element&, const Element& column, const Places& p) { return column.long_only ? p.broad_begin : 0; }
  VMATH int end(const Element& row, const Element& column, const Places& p) {
    return row.long_only ? p.tall_end : column.long_only ? p.broad_end : p.count;
  }

 private:
  // How many of `tiles` tiles have four results, so that all together have `results` or a few more.
  VMATH int fours(int results, int tiles) { return std::max(0, results - 3 * tiles); }
};

// A row of v[ELEMENTS * ELEMENTS][rows][c]: the inputs of a tile with H x W results, turned; `zeros` stands for what lies
// outside the picture.
template <class Scheme, int H, int W>
VMATH void turn_tile(float* v, int64_t plane, const float* x, const float* zeros, const Tiling& s, const Place& place) {
  constexpr int IN_H = Scheme::STRIDE * (H - 1) + 3, IN_W = Scheme::STRIDE * (W - 1) + 3, N = Scheme::ELEMENTS;
  const int top = place.top * Scheme::STRIDE - s.pad_h, left = place.left * Scheme::STRIDE - s.pad_w;
  const float* from[IN_H][IN_W];
  for (int i = 0; i < IN_H; ++i) {
    for (int j = 0; j < IN_W; ++j) {
      const bool there = top + i >= 0 && top + i < s.h && left + j >= 0 && left + j < s.w;
      from[i][j] = there ? x + ((place.picture * s.h + top + i) * s.w + left + j) * s.c : zeros;
    }
  }
  for (int k = 0; k < s.c; k += LANES) {
    Floats columns[N][IN_W];
    for (int j = 0; j < IN_W; ++j) {
      Floats d[IN_H];
      for (int i = 0; i < IN_H; ++i) d[i] = load<Floats>(from[i][j] + k);
      Scheme::template turn<H>(&columns[0][j], IN_W, d);
    }
    for (int i = 0; i < N; ++i) {
      if (H == 3 && Scheme::LINE[i].long_only) continue;
      Floats row[N];
      Scheme::template turn<W>(row, 1, columns[i]);
      for (int j = 0; j < N; ++j) {
        if (W == 4 || !Scheme::LINE[j].long_only) store(v + (i * N + j) * plane + k, row[j]);
      }
    }
  }
}

// The H x W results of a tile for filters [k_begin, k_end), of which m's rows hold these alone.
template <class Scheme, int H, int W>
VMATH void results(float* y, const float* m, int64_t plane, const Epilogue& e, const Tiling& s, const Place& place,
                   int k_begin, int k_end) {
  constexpr int N = Scheme::POINTS;
  for (int k = k_begin; k < k_end; k += LANES) {
    Floats half[H][N];
    for (int j = 0; j < N; ++j) {
      Floats column[N];
      for (int i = 0; i < N; ++i) column[i] = load<Floats>(m + (i * N + j) * plane + (k - k_begin));
      Scheme::template turn_back<H>(&half[0][j], N, column);
    }
    const Floats shift = e.bias == nullptr ? floats(0) : load<Floats>(e.bias + k);
    for (int i = 0; i < std::min(H, s.out_h - place.top); ++i) {
      Floats out[W];
      Scheme::template turn_back<W>(out, 1, half[i]);
      const int64_t at = ((place.picture * s.out_h + place.top + i) * s.out_w + place.left) * s.k + k;
      for (int j = 0; j < W; ++j) {
        if (place.left + j < s.out_w) write(y, at + int64_t(j) * s.k, out[j] + shift, e);
      }
    }
  }
}

// m[POINTS * POINTS][rows][width] += v times the panel of filters from k on, for all elements of a point by those of another.
template <class Scheme>
void products(float* m, const Block& sums, const float* v, const Block& inputs, const float* u, const Tiling& s,
              const Places& places, int row_point, int column_point, int k) {
  const int vectors = std::min(WINOGRAD_PANEL, s.k - k) / LANES;
  bool add = false;
  for (int r = 0; r < Scheme::ELEMENTS; ++r) {
    if (Scheme::LINE[r].point != row_point) continue;
    for (int q = 0; q < Scheme::ELEMENTS; ++q) {
      const Element &row = Scheme::LINE[r], &column = Scheme::LINE[q];
      if (column.point != column_point) continue;
      const int begin = Places::begin(row, column, places), count = Places::end(row, column, places) - begin;
      float* to = m + (row_point * Scheme::POINTS + column_point) * sums.plane + begin * sums.row;
      const float* from = v + (r * Scheme::ELEMENTS + q) * inputs.plane + begin * inputs.row;
      const float* weights = u + (int64_t(row.weight * 6 + column.weight) * s.k + k) * s.c;
      panel(vectors, to, sums.row, from, inputs.row, weights, s.c, count, add);
      add = true;
    }
  }
}

template <class Scheme>
void tiles(float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu, const Tiling& s,
           float* v, float* m, const float* zeros, int64_t first, int count, int k_begin, int k_end) {
  const Block inputs(count, s.c, Scheme::ELEMENTS), sums(count, k_end - k_begin, Scheme::POINTS);
  const Places places(s, first, count);
  for (int t = 0; t < count; ++t) {
    const Place& p = places.at[t];
    float* to = v + t * inputs.row;
    if (p.tall && p.broad) {
      turn_tile<Scheme, 4, 4>(to, inputs.plane, x, zeros, s, p);
    } else if (p.tall) {
      turn_tile<Scheme, 4, 3>(to, inputs.plane, x, zeros, s, p);
    } else if (p.broad) {
      turn_tile<Scheme, 3, 4>(to, inputs.plane, x, zeros, s, p);
    } else {
      turn_tile<Scheme, 3, 3>(to, inputs.plane, x, zeros, s, p);
    }
  }
  for (int i = 0; i < Scheme::POINTS; ++i) {
    for (int j = 0; j < Scheme::POINTS; ++j) {
      for (int k = k_begin; k < k_end; k += WINOGRAD_PANEL) {
        products<Scheme>(m + (k - k_begin), sums, v, inputs, u, s, places, i, j, k);
      }
    }
  }
  const Epilogue e{bias, residual, relu};
  for (int t = 0; t < count; ++t) {
    const Place& p = places.at[t];
    const float* from = m + t * sums.row;
    if (p.tall && p.broad) {
      results<Scheme, 4, 4>(y, from, sums.plane, e, s, p, k_begin, k_end);
    } else if (p.tall) {
      results<Scheme, 4, 3>(y, from, sums.plane, e, s, p, k_begin, k_end);
    } else if (p.broad) {
      results<Scheme, 3, 4>(y, from, sums.plane, e, s, p, k_begin, k_end);
    } else {
      results<Scheme, 3, 3>(y, from, sums.plane, e, s, p, k_begin, k_end);
    }
  }
}

// Turned weights of input channels [begin, end). Sixteen inputs by sixteen filters at a time: read along the inputs,
// written along the filters. In double, as it is done once.
template <class Scheme>
void turn_weights(float* u, const float* w, int c, int k, int begin, int end) {
  float square[WINOGRAD4_WEIGHTS][LANES][LANES];
  for (int i = begin; i < end; i += LANES) {
    for (int f = 0; f < k; f += LANES) {
      for (int a = 0; a < LANES; ++a) {
        const float* taps = w + int64_t(f + a) * 9 * c + i;
        Doubles columns[6][3], turned[6][6];
        for (int j = 0; j < 3; ++j) {
          Doubles g[3];
          for (int r = 0; r < 3; ++r) g[r] = widen(load<Floats>(taps + int64_t(r * 3 + j) * c));
          Scheme::turn_weights(&columns[0][j], 3, g[0], g[1], g[2]);
        }
        for (int r = 0; r < 6; ++r) {
          Scheme::turn_weights(turned[r], 1, columns[r][0], columns[r][1], columns[r][2]);
          for (int q = 0; q < 6; ++q) {
            double row[LANES];
            store(row, turned[r][q]);
            for (int b = 0; b < LANES; ++b) square[r * 6 + q][b][a] = static_cast<float>(row[b]);
          }
        }
      }
      const int from = f / WINOGRAD_PANEL * WINOGRAD_PANEL;
      const int width = std::min(WINOGRAD_PANEL, k - from);
      for (int p = 0; p < WINOGRAD4_WEIGHTS; ++p) {
        float* panel = u + (int64_t(p) * k + from) * c + (f - from);
        for (int b = 0; b < LANES; ++b) {
          std::memcpy(panel + int64_t(i + b) * width, square[p][b], sizeof square[p][b]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace THAW_ISA
}  // namespace thaw
