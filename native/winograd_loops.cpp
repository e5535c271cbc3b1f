// A 3 x 3 convolution in 4 multiplications a result instead of 9 (Lavin and Gray, arXiv 1509.09308): a tile d of 4 x 4
// inputs gives 2 x 2 results, Y = A' [(G g G') . (B' d B)] A, and the product in the middle, summed over input channels, is
// 16 matrix products. Inputs are turned block by block, so that what is turned stays in the processor's own cache.
#include "winograd_loops.h"

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "winograd_parts.h"

namespace thaw {
namespace THAW_ISA {
namespace {

// B' d for a column of four.
VMATH void turn(Floats& a, Floats& b, Floats& c, Floats& d) {
  const Floats first = a - c, second = b + c, third = c - b, fourth = b - d;
  a = first;
  b = second;
  c = third;
  d = fourth;
}

// Planes [begin, end) of v[16][rows][c]: the tile's inputs, turned.
VMATH void turn_tile(float* v, int64_t plane, const float* x, const Tiling& s, int top, int left, int begin, int end) {
  const bool inside = top >= 0 && left >= 0 && top + 4 <= s.h && left + 4 <= s.w;
  const int64_t row = int64_t(s.w) * s.c;
  const float* corner = x + top * row + int64_t(left) * s.c;
  for (int k = 0; k < s.c; k += LANES) {
    Floats d[4][4];
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        const bool there = inside || (top + i >= 0 && top + i < s.h && left + j >= 0 && left + j < s.w);
        d[i][j] = there ? load<Floats>(corner + i * row + int64_t(j) * s.c + k) : floats(0);
      }
    }
    for (int j = 0; j < 4; ++j) turn(d[0][j], d[1][j], d[2][j], d[3][j]);
    for (int i = 0; i < 4; ++i) turn(d[i][0], d[i][1], d[i][2], d[i][3]);
    for (int p = begin; p < end; ++p) store(v + (p - begin) * plane + k, d[p / 4][p % 4]);
  }
}

// G g of a column of three.
VMATH void turn_weights(Floats* to, int step, const Floats& a, const Floats& b, const Floats& c) {
  const Floats half = floats(0.5f);
  to[0] = a;
  to[step] = half * (a + b + c);
  to[2 * step] = half * (a - b + c);
  to[3 * step] = c;
}

// Sixteen filters of 3 x 3, whose taps lie `step` apart; upside down and mirrored if `back`.
VMATH void turn_filter(Floats* turned, const float* taps, int step, bool back) {
  Floats columns[4][3];
  for (int j = 0; j < 3; ++j) {
    Floats g[3];
    for (int r = 0; r < 3; ++r) g[r] = load<Floats>(taps + int64_t(back ? 8 - (r * 3 + j) : r * 3 + j) * step);
    turn_weights(&columns[0][j], 3, g[0], g[1], g[2]);
  }
  for (int r = 0; r < 4; ++r) turn_weights(turned + 4 * r, 1, columns[r][0], columns[r][1], columns[r][2]);
}

// The 2 x 2 results of a tile for sixteen filters from k on.
VMATH void turn_back(float* y, const float* m, int64_t plane, const Epilogue& e, const Tiling& s, int64_t picture, int top,
                     int left, int k) {
  Floats t[2][4];
  for (int j = 0; j < 4; ++j) {
    const Floats m0 = load<Floats>(m + j * plane), m1 = load<Floats>(m + (4 + j) * plane);
    const Floats m2 = load<Floats>(m + (8 + j) * plane), m3 = load<Floats>(m + (12 + j) * plane);
    t[0][j] = m0 + m1 + m2;
    t[1][j] = m1 - m2 - m3;
  }
  const Floats shift = e.bias == nullptr ? floats(0) : load<Floats>(e.bias + k);
  for (int i = 0; i < 2; ++i) {
    const Floats out[2] = {t[i][0] + t[i][1] + t[i][2], t[i][1] - t[i][2] - t[i][3]};
    for (int j = 0; j < 2; ++j) {
      if (top + i >= s.out_h || left + j >= s.out_w) continue;
      const int64_t at = ((picture * s.out_h + top + i) * s.out_w + left + j) * s.k + k;
      write(y, at, out[j] + shift, e);
    }
  }
}

// One panel: 16 products, then the way back.
template <int VECTORS>
void panel(float* y, const float* v, const float* u, float* m, const Epilogue& e, const Tiling& s, int64_t first, int count,
           int rows, int k) {
  constexpr int ROWS = 24 / VECTORS < WINOGRAD_GROUP ? 24 / VECTORS : WINOGRAD_GROUP;
  constexpr int WIDTH = VECTORS * LANES;
  const int64_t m_plane = int64_t(rows) * WIDTH;
  for (int p = 0; p < 16; ++p) {
    for (int r = 0; r < count; r += ROWS) {
      product<ROWS, VECTORS>(m + p * m_plane + int64_t(r) * WIDTH, WIDTH, v + (int64_t(p) * rows + r) * s.c, s.c,
                             u + int64_t(p) * s.c * WIDTH, s.c);
    }
  }
  for (int t = 0; t < count; ++t) {
    const int64_t tile = first + t;
    const int64_t picture = tile / (s.tiles_h * s.tiles_w);
    const int at = static_cast<int>(tile % (s.tiles_h * s.tiles_w));
    for (int q = 0; q < VECTORS; ++q) {
      turn_back(y, m + int64_t(t) * WIDTH + q * LANES, m_plane, e, s, picture, at / s.tiles_w * 2, at % s.tiles_w * 2,
                k + q * LANES);
    }
  }
}

// A dy of a column of two.
VMATH void spread(Floats* to, int step, const Floats& a, const Floats& b) {
  to[0] = a;
  to[step] = a + b;
  to[2 * step] = a - b;
  to[3 * step] = floats(0) - b;
}

// Planes [begin, end) of m[16][rows][width]: the tile's gradients A dy A', zeros where the picture has ended.
VMATH void turn_gradient(float* m, int64_t plane, const float* dy, const Tiling& s, int64_t picture, int top, int left,
                         int from, int width, int begin, int end) {
  for (int k = 0; k < width; k += LANES) {
    Floats rows[4][2];
    for (int j = 0; j < 2; ++j) {
      Floats d[2];
      for (int i = 0; i < 2; ++i) {
        const bool there = top + i < s.out_h && left + j < s.out_w;
        const int64_t at = ((picture * s.out_h + top + i) * s.out_w + left + j) * s.k + from + k;
        d[i] = there ? load<Floats>(dy + at) : floats(0);
      }
      spread(&rows[0][j], 2, d[0], d[1]);
    }
    Floats turned[16];
    for (int i = 0; i < 4; ++i) spread(turned + 4 * i, 1, rows[i][0], rows[i][1]);
    for (int p = begin; p < end; ++p) store(m + (p - begin) * plane + k, turned[p]);
  }
}

// u[c, VECTORS * LANES] += v[count, c]' m[count, VECTORS * LANES].
template <int VECTORS>
void add_products(float* u, const float* v, const float* m, int c, int count) {
  // Sixteen sums or a few less in registers; channels are a multiple of 16, so of this too.
  constexpr int STEP = VECTORS == 3 ? 4 : 16 / VECTORS;
  constexpr int WIDTH = VECTORS * LANES;
  for (int i = 0; i < c; i += STEP) {
    Floats sum[STEP][VECTORS];
    for (int r = 0; r < STEP; ++r) {
      for (int q = 0; q < VECTORS; ++q) sum[r][q] = load<Floats>(u + int64_t(i + r) * WIDTH + q * LANES);
    }
    for (int t = 0; t < count; ++t) {
      Floats b[VECTORS];
      for (int q = 0; q < VECTORS; ++q) b[q] = load<Floats>(m + int64_t(t) * WIDTH + q * LANES);
      for (int r = 0; r < STEP; ++r) {
        const Floats a = floats(v[int64_t(t) * c + i + r]);
        for (int q = 0; q < VECTORS; ++q) sum[r][q] = multiply_add(a, b[q], sum[r][q]);
      }
    }
    for (int r = 0; r < STEP; ++r) {
      for (int q = 0; q < VECTORS; ++q) store(u + int64_t(i + r) * WIDTH + q * LANES, sum[r][q]);
    }
  }
}

// G' u of a column of four.
VMATH void turn_weights_back(Floats* to, int step, const Floats& a, const Floats& b, const Floats& c, const Floats& d) {
  const Floats half = floats(0.5f);
  const Floats both = half * (b + c);
  to[0] = a + both;
  to[step] = half * (b - c);
  to[2 * step] = both + d;
}

}  // namespace

void winograd_weights(float* u, const float* w, int c, int k, int begin, int end) {
  // Sixteen inputs by sixteen filters at a time: read along the inputs, written along the filters.
  float square[16][LANES][LANES];
  for (int from = 0; from < k; from += WINOGRAD_PANEL) {
    const int width = std::min(WINOGRAD_PANEL, k - from);
    float* panel = u + int64_t(from) * 16 * c;
    for (int i = begin; i < end; i += LANES) {
      for (int f = 0; f < width; f += LANES) {
        for (int a = 0; a < LANES; ++a) {
          Floats turned[16];
          turn_filter(turned, w + int64_t(from + f + a) * 9 * c + i, c, false);
          for (int p = 0; p < 16; ++p) {
            float row[LANES];
            store(row, turned[p]);
            for (int b = 0; b < LANES; ++b) square[p][b][a] = row[b];
          }
        }
        for (int p = 0; p < 16; ++p) {
          for (int b = 0; b < LANES; ++b) {
            std::memcpy(panel + (int64_t(p) * c + i + b) * width + f, square[p][b], sizeof square[p][b]);
          }
        }
      }
    }
  }
}

void winograd_weights_back(float* u, const float* w, int c, int k, int begin, int end) {
  for (int from = 0; from < c; from += WINOGRAD_PANEL) {
    const int width = std::min(WINOGRAD_PANEL, c - from);
    float* panel = u + int64_t(from) * 16 * k;
    for (int i = begin; i < end; ++i) {
      for (int f = 0; f < width; f += LANES) {
        Floats turned[16];
        turn_filter(turned, w + int64_t(i) * 9 * c + from + f, c, true);
        for (int p = 0; p < 16; ++p) store(panel + (int64_t(p) * k + i) * width + f, turned[p]);
      }
    }
  }
}

void winograd_tiles(float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
                    const Tiling& s, float* v, float* m, int64_t first, int count, int k_begin, int k_end) {
  const int rows = count + WINOGRAD_GROUP;
  const int64_t plane = int64_t(rows) * s.c;
  for (int t = 0; t < count; ++t) {
    const int64_t tile = first + t;
    const int64_t picture = tile / (s.tiles_h * s.tiles_w);
    const int at = static_cast<int>(tile % (s.tiles_h * s.tiles_w));
    turn_tile(v + int64_t(t) * s.c, plane, x + picture * s.h * s.w * s.c, s, at / s.tiles_w * 2 - s.pad_h,
              at % s.tiles_w * 2 - s.pad_w, 0, 16);
  }
  for (int p = 0; p < 16; ++p) {
    std::fill(v + p * plane + int64_t(count) * s.c, v + (p + 1) * plane, 0.0f);
  }
  const Epilogue e{bias, residual, relu};
  for (int k = k_begin; k < k_end; k += WINOGRAD_PANEL) {
    const float* of_panel = u + int64_t(k) * 16 * s.c;
    switch (std::min(WINOGRAD_PANEL, s.k - k) / LANES) {
      case 1: panel<1>(y, v, of_panel, m, e, s, first, count, rows, k); break;
      case 2: panel<2>(y, v, of_panel, m, e, s, first, count, rows, k); break;
      case 3: panel<3>(y, v, of_panel, m, e, s, first, count, rows, k); break;
      default: panel<4>(y, v, of_panel, m, e, s, first, count, rows, k);
    }
  }
}

void winograd_gradient(float* u, const float* dy, const float* x, const Tiling& s, float* v, float* m, int block, int p_begin,
                       int p_end) {
  for (int from = 0; from < s.k; from += WINOGRAD_PANEL) {
    const int width = std::min(WINOGRAD_PANEL, s.k - from);
    float* panel = u + int64_t(from) * 16 * s.c;
    std::fill(panel + int64_t(p_begin) * s.c * width, panel + int64_t(p_end) * s.c * width, 0.0f);
  }
  const int64_t per_picture = int64_t(s.tiles_h) * s.tiles_w;
  const int64_t tiles = s.n * per_picture;
  for (int64_t first = 0; first < tiles; first += block) {
    const int count = static_cast<int>(std::min<int64_t>(block, tiles - first));
    for (int t = 0; t < count; ++t) {
      const int at = static_cast<int>((first + t) % per_picture);
      turn_tile(v + int64_t(t) * s.c, int64_t(block) * s.c, x + (first + t) / per_picture * s.h * s.w * s.c, s,
                at / s.tiles_w * 2 - s.pad_h, at % s.tiles_w * 2 - s.pad_w, p_begin, p_end);
    }
    for (int from = 0; from < s.k; from += WINOGRAD_PANEL) {
      const int width = std::min(WINOGRAD_PANEL, s.k - from);
      for (int t = 0; t < count; ++t) {
        const int at = static_cast<int>((first + t) % per_picture);
        turn_gradient(m + int64_t(t) * width, int64_t(block) * width, dy, s, (first + t) / per_picture, at / s.tiles_w * 2,
                      at % s.tiles_w * 2, from, width, p_begin, p_end);
      }
      for (int p = p_begin; p < p_end; ++p) {
        float* to = u + int64_t(from) * 16 * s.c + int64_t(p) * s.c * width;
        const float* a = v + int64_t(p - p_begin) * block * s.c;
        const float* b = m + int64_t(p - p_begin) * block * width;
        switch (width / LANES) {
          case 1: add_products<1>(to, a, b, s.c, count); break;
          case 2: add_products<2>(to, a, b, s.c, count); break;
          case 3: add_products<3>(to, a, b, s.c, count); break;
          default: add_products<4>(to, a, b, s.c, count);
        }
      }
    }
  }
}

void winograd_gradient_back(float* dw, const float* u, int c, int k, int begin, int end) {
  float square[9][LANES][LANES];
  for (int f = begin; f < end; f += LANES) {
    const int from = f / WINOGRAD_PANEL * WINOGRAD_PANEL;
    const int width = std::min(WINOGRAD_PANEL, k - from);
    const float* panel = u + int64_t(from) * 16 * c + (f - from);
    for (int i = 0; i < c; i += LANES) {
      for (int b = 0; b < LANES; ++b) {
        Floats rows[3][4];
        for (int q = 0; q < 4; ++q) {
          const float* at = panel + (int64_t(q) * c + i + b) * width;
          const int64_t down = int64_t(4) * c * width;
          turn_weights_back(&rows[0][q], 4, load<Floats>(at), load<Floats>(at + down), load<Floats>(at + 2 * down),
                            load<Floats>(at + 3 * down));
        }
        for (int r = 0; r < 3; ++r) {
          Floats taps[3];
          turn_weights_back(taps, 1, rows[r][0], rows[r][1], rows[r][2], rows[r][3]);
          for (int q = 0; q < 3; ++q) {
            float row[LANES];
            store(row, taps[q]);
            for (int a = 0; a < LANES; ++a) square[r * 3 + q][a][b] = row[a];
          }
        }
      }
      for (int t = 0; t < 9; ++t) {
        for (int a = 0; a < LANES; ++a) {
          std::memcpy(dw + (int64_t(f + a) * 9 + t) * c + i, square[t][a], sizeof square[t][a]);
        }
      }
    }
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
