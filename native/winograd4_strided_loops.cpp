// A 3 x 3 convolution of stride 2 in 81 / 16 multiplications a result instead of 9. Along a line
//
//   y[i] = w0 x[2i] + w2 x[2i + 2]  +  w1 x[2i + 1],
//
// that is, a filter of two taps over the inputs of even places plus one of a single tap over the others. By Cook and
// Toom's method (Lavin and Gray, arXiv 1509.09308) four results of the first take five products, evaluated at +-1/2,
// +-5/4 and infinity, and four of the second take four. Evaluated at four of the same points, these are summed with the
// others before anything is turned back: 9 x 9 products of a tile make 5 x 5 sums. G has no divisors, B has them all:
// so the single tap stays the same at every point, and 36 turned weights serve 81 products.
//
// Three results take the points without -5/4, 7 x 7 products. The points were found by trying: measured, 0, +-1, 2 and
// infinity make errors a third larger.
#include "winograd4_parts.h"

namespace thaw {
namespace THAW_ISA {
namespace {

constexpr double INNER = 0.5;
constexpr double OUTER = 1.25;
constexpr double INNER2 = INNER * INNER;
constexpr double OUTER2 = OUTER * OUTER;
constexpr double APART = OUTER2 - INNER2;

struct Strided {
  static constexpr int STRIDE = 2, ELEMENTS = 9, POINTS = 5;
  static constexpr Element LINE[ELEMENTS] = {{0, 0, false}, {0, 5, false}, {1, 1, false}, {1, 5, false}, {2, 2, false},
                                             {3, 3, true},  {3, 5, true},  {4, 4, false}, {4, 5, false}};

  // At INNER, -INNER, p and infinity, of four numbers.
  VMATH void turn_four(Floats& inner, Floats& minus_inner, Floats& other, Floats& infinity, double p, const Floats& a,
                       const Floats& b, const Floats& c, const Floats& d) {
    // Without the factor x - p.
    const Floats r0 = multiply_add(floats(-p), a, b), r1 = multiply_add(floats(-p), b, c);
    const Floats r2 = multiply_add(floats(-p), c, d);
    const Floats odd = floats(1 / (INNER - p)) * r1, minus_odd = floats(1 / (INNER + p)) * r1;
    inner = multiply_add(floats(INNER / (INNER - p)), r0, odd);
    minus_inner = multiply_add(floats(-INNER / (INNER + p)), r0, minus_odd);
    other = floats(1 / APART) * multiply_add(floats(-INNER2), a, c);
    infinity = multiply_add(floats(-INNER2), r0, r2);
  }

  // B' d for lines of RESULTS.
  template <int RESULTS>
  VMATH void turn(Floats* to, int step, const Floats* d) {
    if constexpr (RESULTS == 4) {
      const Floats even = floats(-INNER / APART) * multiply_add(floats(-OUTER2), d[0], d[4]);
      const Floats odd = multiply_add(floats(-OUTER2), d[2], d[6]);
      to[0] = multiply_add(floats(-1 / APART), odd, even);
      to[2 * step] = multiply_add(floats(1 / APART), odd, even);
      const Floats even_outer = floats(0.5 / APART) * multiply_add(floats(-INNER2), d[0], d[4]);
      const Floats odd_outer = multiply_add(floats(-INNER2), d[2], d[6]);
      to[4 * step] = multiply_add(floats(0.5 / (OUTER * APART)), odd_outer, even_outer);
      to[5 * step] = multiply_add(floats(-0.5 / (OUTER * APART)), odd_outer, even_outer);
      to[7 * step] = multiply_add(floats(-(INNER2 + OUTER2)), d[4], multiply_add(floats(INNER2 * OUTER2), d[0], d[8]));
      turn_four(to[step], to[3 * step], to[6 * step], to[8 * step], -OUTER, d[1], d[3], d[5], d[7]);
    } else {
      turn_four(to[0], to[2 * step], to[4 * step], to[7 * step], OUTER, d[0], d[2], d[4], d[6]);
      to[step] = multiply_add(floats(INNER), d[1], d[3]);
      to[3 * step] = multiply_add(floats(INNER), d[1], floats(0) - d[3]);
      to[8 * step] = multiply_add(floats(-INNER2), d[1], d[5]);
    }
  }

  // A' m, five sums to RESULTS.
  template <int RESULTS>
  VMATH void turn_back(Floats* to, int step, const Floats* m) {
    const Floats sum = m[0] + m[1], difference = m[0] - m[1];
    Floats sum_outer = m[2], difference_outer = m[2];
    if constexpr (RESULTS == 4) {
      sum_outer = m[2] + m[3];
      difference_outer = m[2] - m[3];
    }
    to[0] = sum + sum_outer;
    to[step] = multiply_add(floats(OUTER), difference_outer, floats(INNER) * difference);
    to[2 * step] = multiply_add(floats(OUTER2), sum_outer, floats(INNER2) * sum);
    if constexpr (RESULTS == 4) {
      to[3 * step] = multiply_add(floats(OUTER * OUTER2), difference_outer,
                                  multiply_add(floats(INNER * INNER2), difference, m[4]));
    } else {
      to[2 * step] = to[2 * step] + m[4];
    }
  }

  // G g; the last is the single tap.
  VMATH void turn_weights(Doubles* to, int step, const Doubles& a, const Doubles& b, const Doubles& c) {
    Doubles inner, outer;
    fill(inner, INNER);
    fill(outer, OUTER);
    to[0] = a + inner * c;
    to[step] = a - inner * c;
    to[2 * step] = a + outer * c;
    to[3 * step] = a - outer * c;
    to[4 * step] = c;
    to[5 * step] = b;
  }
};

}  // namespace

void winograd4_strided_weights(float* u, const float* w, int c, int k, int begin, int end) {
  turn_weights<Strided>(u, w, c, k, begin, end);
}

void winograd4_strided_tiles(float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
                             const Tiling& s, float* v, float* m, const float* zeros, int64_t first, int count, int k_begin,
                             int k_end) {
  tiles<Strided>(y, x, u, bias, residual, relu, s, v, m, zeros, first, count, k_begin, k_end);
}

}  // namespace THAW_ISA
}  // namespace thaw
