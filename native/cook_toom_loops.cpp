// The first layer of a net for colour pictures, 7 x 7 and of stride 2, in 13 / 28 of its multiplications. Along a row
//
//   y[i] = w0 x[2i] + w2 x[2i + 2] + w4 x[2i + 4] + w6 x[2i + 6]  +  w1 x[2i + 1] + w3 x[2i + 3] + w5 x[2i + 5],
//
// a filter of four taps over the even places and one of three over the odd ones. Cook and Toom's method (Lavin and Gray,
// arXiv 1509.09308) takes, for four results, 7 and 6 products: the filter as a polynomial times the transposed inputs' one,
// evaluated at +-3/8, +-7/8, +-7/4, and for the four taps at infinity. Where both are evaluated, their products are summed
// at once, and over the filter's rows and the colours too, 42 terms; only these sums are turned back.
//
// Along the row alone, as three colours are too few to pay for turning both ways. The points were found by trying: errors
// are twice those of direct sums, with 1/2, 1, 2 a quarter more.
#include "cook_toom_loops.h"

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "winograd_parts.h"

namespace thaw {
namespace THAW_ISA {
namespace {

constexpr int POINTS = COOK_TOOM_POINTS;
constexpr int PAIR = COOK_TOOM_PAIR;
constexpr int COLOURS = PAIR / 2;
constexpr int STEP = 8 * COLOURS;  // from a tile's inputs to the next one's

constexpr double POINT[3] = {0.375, 0.875, 1.75};

// Two pixels, of an even and of an odd place, turned in one. The last two numbers are none of theirs: written behind a row,
// they are overwritten by the next.
typedef float Pair2 __attribute__((vector_size(32)));

// Interpolation through +-a, +-b, +-c: Lagrange's polynomial of a is (x^5 + a x^4 - s x^3 - s a x^2 + t x + t a) / d with
// s = b^2 + c^2, t = b^2 c^2 and d = 2a (a^2 - b^2) (a^2 - c^2); that of -a has the even powers alike, the odd ones negated.
template <int WHICH>
VMATH void turn_points(float* plus, float* minus, const Pair2* d) {
  constexpr double a = POINT[WHICH], b = POINT[(WHICH + 1) % 3], c = POINT[(WHICH + 2) % 3];
  constexpr double s = b * b + c * c, t = b * b * c * c, over = 1 / (2 * a * (a * a - b * b) * (a * a - c * c));
  constexpr float s_even = static_cast<float>(-s * a * over), t_even = static_cast<float>(t * a * over);
  constexpr float s_odd = static_cast<float>(-s * over), t_odd = static_cast<float>(t * over);
  const Pair2 even = d[4] * static_cast<float>(a * over) + d[2] * s_even + d[0] * t_even;
  const Pair2 odd = d[5] * static_cast<float>(over) + d[3] * s_odd + d[1] * t_odd;
  const Pair2 sum = even + odd, difference = even - odd;
  store(plus, sum);
  store(minus, difference);
}

// Turns a row of the picture, with its margins, for all tiles: row `row` of v.
void turn_row(float* v, const TurnedRows& lie, const float* strip, int tiles, int row) {
  constexpr double A = POINT[0] * POINT[0], B = POINT[1] * POINT[1], C = POINT[2] * POINT[2];
  for (int t = 0; t < tiles; ++t) {
    Pair2 d[7];
    for (int j = 0; j < 7; ++j) d[j] = load<Pair2>(strip + t * STEP + j * PAIR);
    float* to = v + t * lie.tile + row * PAIR;
    turn_points<0>(to, to + lie.plane, d);
    turn_points<1>(to + 2 * lie.plane, to + 3 * lie.plane, d);
    turn_points<2>(to + 4 * lie.plane, to + 5 * lie.plane, d);
    // (x^2 - a^2) (x^2 - b^2) (x^2 - c^2).
    const Pair2 infinity = d[6] - d[4] * static_cast<float>(A + B + C) +
                           (d[2] * static_cast<float>(A * B + B * C + C * A) - d[0] * static_cast<float>(A * B * C));
    std::memcpy(v + POINTS * lie.plane + (t * lie.tile + row * PAIR) / 2, &infinity, sizeof infinity / 2);
  }
}

// A row of the picture between margins of zeros, or zeros where there is none.
void fill_strip(float* strip, const float* x, const CookToom& s, int picture, int row) {
  const int64_t length = cook_toom_strip(s.tiles);
  std::fill(strip, strip + length, 0.0f);
  if (row < 0 || row >= s.h) return;
  const int64_t margin = int64_t(s.pad_w) * COLOURS;
  std::memcpy(strip + margin, x + (int64_t(picture) * s.h + row) * s.w * COLOURS,
              std::min(int64_t(s.w) * COLOURS, length - margin) * sizeof(float));
}

// Four results of a tile for filters [k, k + 16).
VMATH void results(float* y, const float* m, int64_t plane, const Epilogue& e, const CookToom& s, int64_t row, int left,
                   int k) {
  constexpr double A = POINT[0], B = POINT[1], C = POINT[2];
  Floats sum[3], difference[3];
  for (int p = 0; p < 3; ++p) {
    const Floats plus = load<Floats>(m + 2 * p * plane), minus = load<Floats>(m + (2 * p + 1) * plane);
    sum[p] = plus + minus;
    difference[p] = plus - minus;
  }
  const Floats last = load<Floats>(m + POINTS * plane);
  const Floats shift = e.bias == nullptr ? floats(0) : load<Floats>(e.bias + k);
  const Floats out[4] = {
      sum[0] + sum[1] + sum[2],
      multiply_add(floats(A), difference[0], multiply_add(floats(B), difference[1], floats(C) * difference[2])),
      multiply_add(floats(A * A), sum[0], multiply_add(floats(B * B), sum[1], floats(C * C) * sum[2])),
      multiply_add(floats(A * A * A), difference[0],
                   multiply_add(floats(B * B * B), difference[1], multiply_add(floats(C * C * C), difference[2], last)))};
  const int64_t at = (row * s.out_w + left) * s.k + k;
  for (int j = 0; j < 4; ++j) {
    if (left + j < s.out_w) write(y, at + int64_t(j) * s.k, out[j] + shift, e);
  }
}

}  // namespace

void cook_toom_weights(float* u, const float* w, int k, int kh) {
  for (int f = 0; f < k; ++f) {
    const int from = f / COOK_TOOM_PANEL * COOK_TOOM_PANEL;
    const int width = std::min(COOK_TOOM_PANEL, k - from);
    float* to = u + int64_t(from) * COOK_TOOM_FLOATS * kh + (f - from);
    for (int r = 0; r < kh; ++r) {
      for (int c = 0; c < COLOURS; ++c) {
        const float* tap = w + (int64_t(f) * kh + r) * 7 * COLOURS + c;
        double g[7];
        for (int j = 0; j < 7; ++j) g[j] = tap[j * COLOURS];
        for (int i = 0; i < POINTS; ++i) {
          const double p = i % 2 == 0 ? POINT[i / 2] : -POINT[i / 2];
          float* pair = to + (int64_t(i * kh + r) * PAIR + c) * width;
          pair[0] = static_cast<float>(g[0] + p * (g[2] + p * (g[4] + p * g[6])));
          pair[int64_t(COLOURS) * width] = static_cast<float>(g[1] + p * (g[3] + p * g[5]));
        }
        to[(int64_t(POINTS) * kh * PAIR + r * COLOURS + c) * width] = tap[6 * COLOURS];
      }
    }
  }
}

void cook_toom_rows(float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
                    const CookToom& s, float* v, float* m, float* strip, int picture, int begin, int end) {
  const int rows = (end - begin - 1) * s.stride_h + s.kh;
  const TurnedRows lie(s.tiles, rows);
  for (int r = 0; r < rows; ++r) {
    fill_strip(strip, x, s, picture, begin * s.stride_h - s.pad_h + r);
    turn_row(v, lie, strip, s.tiles, r);
  }
  const Epilogue e{bias, residual, relu};
  for (int row = begin; row < end; ++row) {
    const int seen = (row - begin) * s.stride_h;
    for (int from = 0; from < s.k; from += COOK_TOOM_PANEL) {
      const int width = std::min(COOK_TOOM_PANEL, s.k - from);
      const int64_t plane = int64_t(s.tiles) * width;
      const float* weights = u + int64_t(from) * COOK_TOOM_FLOATS * s.kh;
      for (int p = 0; p <= POINTS; ++p) {
        const int half = p == POINTS ? 2 : 1;
        panel(width / LANES, m + p * plane, width, v + p * lie.plane + seen * PAIR / half, lie.tile / half,
              weights + int64_t(p) * PAIR * s.kh * width, s.kh * PAIR / half, s.tiles);
      }
      for (int t = 0; t < s.tiles; ++t) {
        for (int k = 0; k < width; k += LANES) {
          results(y, m + int64_t(t) * width + k, plane, e, s, int64_t(picture) * s.out_h + row, 4 * t, from + k);
        }
      }
    }
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
