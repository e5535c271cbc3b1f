// A 3 x 3 convolution in 2.25 multiplications a result: a tile d of 6 x 6 inputs gives 4 x 4 results,
// Y = A' [(G g G') . (B' d B)] A, with 36 products over the input channels in the middle.
//
// The polynomials behind B, G and A are evaluated at 0, infinity, +-1/sqrt(2) and +-sqrt(2). Usual are 0, +-1, +-2; ours
// lie evenly about 1, where powers neither grow nor vanish: measured, errors are half as large in the mean and a quarter
// at most. Points in pairs +-p share the even and the odd part of each row.
#include "winograd4_loops.h"

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "winograd_parts.h"

namespace thaw {
namespace THAW_ISA {
namespace {

constexpr double INNER = 0.70710678118654752440;  // its square is 1/2
constexpr double OUTER = 1.41421356237309504880;  // its square is 2, the product of both 1

// B' d for a column of six, `step` apart.
VMATH void turn(Floats* d, int step) {
  const Floats d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const Floats both = floats(-2.5f);
  const Floats even = multiply_add(floats(-2), d2, d4), odd = multiply_add(floats(-2), d1, d3);
  const Floats even_outer = multiply_add(floats(-0.5f), d2, d4), odd_outer = multiply_add(floats(-0.5f), d1, d3);
  d[0] = multiply_add(both, d2, d0 + d4);
  d[step] = multiply_add(floats(INNER), odd, even);
  d[2 * step] = multiply_add(floats(-INNER), odd, even);
  d[3 * step] = multiply_add(floats(OUTER), odd_outer, even_outer);
  d[4 * step] = multiply_add(floats(-OUTER), odd_outer, even_outer);
  d[5 * step] = multiply_add(both, d3, d1 + d5);
}

// A row of v[36][rows][c]: the tile's inputs, turned; `zeros` stands for what lies outside the picture.
VMATH void turn_tile(float* v, int64_t plane, const float* x, const float* zeros, const Tiling& s, int top, int left) {
  const float* from[6][6];
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) {
      const bool there = top + i >= 0 && top + i < s.h && left + j >= 0 && left + j < s.w;
      from[i][j] = there ? x + (int64_t(top + i) * s.w + left + j) * s.c : zeros;
    }
  }
  for (int k = 0; k < s.c; k += LANES) {
    Floats d[6][6];
    for (int j = 0; j < 6; ++j) {
      for (int i = 0; i < 6; ++i) d[i][j] = load<Floats>(from[i][j] + k);
      turn(&d[0][j], 6);
    }
    for (int i = 0; i < 6; ++i) {
      turn(d[i], 1);
      for (int j = 0; j < 6; ++j) store(v + (i * 6 + j) * plane + k, d[i][j]);
    }
  }
}

// A' m of a column of six, `step` apart, to four.
VMATH void turn_back(Floats* to, int to_step, const Floats* m, int step) {
  const Floats sum = m[step] + m[2 * step], difference = m[step] - m[2 * step];
  const Floats sum_outer = m[3 * step] + m[4 * step], difference_outer = m[3 * step] - m[4 * step];
  to[0] = m[0] + (sum + sum_outer);
  to[to_step] = multiply_add(floats(OUTER), difference_outer, floats(INNER) * difference);
  to[2 * to_step] = multiply_add(floats(2), sum_outer, floats(0.5f) * sum);
  to[3 * to_step] =
      multiply_add(floats(2 * OUTER), difference_outer, multiply_add(floats(0.5 * INNER), difference, m[5 * step]));
}

// The 4 x 4 results of a tile for filters [k_begin, k_end), of which m's rows hold these alone.
VMATH void results(float* y, const float* m, int64_t plane, const Epilogue& e, const Tiling& s, int64_t picture, int top,
                   int left, int k_begin, int k_end) {
  for (int k = k_begin; k < k_end; k += LANES) {
    Floats half[4][6];
    for (int j = 0; j < 6; ++j) {
      Floats column[6];
      for (int i = 0; i < 6; ++i) column[i] = load<Floats>(m + (i * 6 + j) * plane + (k - k_begin));
      turn_back(&half[0][j], 6, column, 1);
    }
    const Floats shift = e.bias == nullptr ? floats(0) : load<Floats>(e.bias + k);
    for (int i = 0; i < std::min(4, s.out_h - top); ++i) {
      Floats out[4];
      turn_back(out, 1, half[i], 1);
      const int64_t at = ((picture * s.out_h + top + i) * s.out_w + left) * s.k + k;
      for (int j = 0; j < 4; ++j) {
        if (left + j < s.out_w) write(y, at + int64_t(j) * s.k, out[j] + shift, e);
      }
    }
  }
}

// product() of `rows` rows, ROWS or fewer.
template <int ROWS, int VECTORS>
VMATH void product_of(int rows, float* m, int64_t m_row, const float* v, int64_t v_row, const float* u, int c) {
  if (rows == ROWS) {
    product<ROWS, VECTORS>(m, m_row, v, v_row, u, c);
  } else if constexpr (ROWS > 1) {
    product_of<ROWS - 1, VECTORS>(rows, m, m_row, v, v_row, u, c);
  }
}

// One plane by one panel, the rows in groups as even as can be: a small one would wait for its weights.
template <int VECTORS>
void panel(float* m, int64_t m_row, const float* v, int64_t v_row, const float* u, int c, int count) {
  constexpr int ROWS = 24 / VECTORS < 12 ? 24 / VECTORS : 12;
  const int groups = (count + ROWS - 1) / ROWS;
  for (int g = 0; g < groups; ++g) {
    const int begin = count * g / groups;
    product_of<ROWS, VECTORS>(count * (g + 1) / groups - begin, m + begin * m_row, m_row, v + begin * v_row, v_row, u, c);
  }
}

// G g of a column of three.
VMATH void turn_weights(Doubles* to, int step, const Doubles& a, const Doubles& b, const Doubles& c) {
  Doubles third, sixth, inner, outer, half, two;
  fill(third, -2.0 / 3);
  fill(sixth, 1.0 / 6);
  fill(inner, INNER);
  fill(outer, OUTER);
  fill(half, 0.5);
  fill(two, 2.0);
  const Doubles near = third * (a + half * c), far = sixth * (a + two * c);
  const Doubles near_odd = third * inner * b, far_odd = sixth * outer * b;
  to[0] = a;
  to[step] = near + near_odd;
  to[2 * step] = near - near_odd;
  to[3 * step] = far + far_odd;
  to[4 * step] = far - far_odd;
  to[5 * step] = c;
}

}  // namespace

void winograd4_weights(float* u, const float* w, int c, int k, int begin, int end) {
  // Sixteen inputs by sixteen filters at a time: read along the inputs, written along the filters. In double, as it is
  // done once.
  float square[WINOGRAD4_PLANES][LANES][LANES];
  for (int i = begin; i < end; i += LANES) {
    for (int f = 0; f < k; f += LANES) {
      for (int a = 0; a < LANES; ++a) {
        const float* taps = w + int64_t(f + a) * 9 * c + i;
        Doubles columns[6][3], turned[6][6];
        for (int j = 0; j < 3; ++j) {
          Doubles g[3];
          for (int r = 0; r < 3; ++r) g[r] = widen(load<Floats>(taps + int64_t(r * 3 + j) * c));
          turn_weights(&columns[0][j], 3, g[0], g[1], g[2]);
        }
        for (int r = 0; r < 6; ++r) {
          turn_weights(turned[r], 1, columns[r][0], columns[r][1], columns[r][2]);
          for (int q = 0; q < 6; ++q) {
            double row[LANES];
            store(row, turned[r][q]);
            for (int b = 0; b < LANES; ++b) square[r * 6 + q][b][a] = static_cast<float>(row[b]);
          }
        }
      }
      const int from = f / WINOGRAD_PANEL * WINOGRAD_PANEL;
      const int width = std::min(WINOGRAD_PANEL, k - from);
      for (int p = 0; p < WINOGRAD4_PLANES; ++p) {
        float* panel = u + (int64_t(p) * k + from) * c + (f - from);
        for (int b = 0; b < LANES; ++b) {
          std::memcpy(panel + int64_t(i + b) * width, square[p][b], sizeof square[p][b]);
        }
      }
    }
  }
}

void winograd4_tiles(float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
                     const Tiling& s, float* v, float* m, const float* zeros, int64_t first, int count, int k_begin,
                     int k_end) {
  const Block inputs(count, s.c), products(count, k_end - k_begin);
  const int64_t per_picture = int64_t(s.tiles_h) * s.tiles_w;
  for (int t = 0; t < count; ++t) {
    const int at = static_cast<int>((first + t) % per_picture);
    turn_tile(v + t * inputs.row, inputs.plane, x + (first + t) / per_picture * s.h * s.w * s.c, zeros, s,
              at / s.tiles_w * 4 - s.pad_h, at % s.tiles_w * 4 - s.pad_w);
  }
  for (int p = 0; p < WINOGRAD4_PLANES; ++p) {
    for (int k = k_begin; k < k_end; k += WINOGRAD_PANEL) {
      float* to = m + p * products.plane + (k - k_begin);
      const float* from = v + p * inputs.plane;
      const float* weights = u + (int64_t(p) * s.k + k) * s.c;
      switch (std::min(WINOGRAD_PANEL, s.k - k) / LANES) {
        case 1: panel<1>(to, products.row, from, inputs.row, weights, s.c, count); break;
        case 2: panel<2>(to, products.row, from, inputs.row, weights, s.c, count); break;
        case 3: panel<3>(to, products.row, from, inputs.row, weights, s.c, count); break;
        default: panel<4>(to, products.row, from, inputs.row, weights, s.c, count);
      }
    }
  }
  const Epilogue e{bias, residual, relu};
  for (int t = 0; t < count; ++t) {
    const int at = static_cast<int>((first + t) % per_picture);
    results(y, m + t * products.row, products.plane, e, s, (first + t) / per_picture, at / s.tiles_w * 4,
            at % s.tiles_w * 4, k_begin, k_end);
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
