// A 3 x 3 convolution in 2.25 multiplications a result: a tile d of 6 x 6 inputs gives 4 x 4 results,
// Y = A' [(G g G') . (B' d B)] A, with 36 products over the input channels in the middle.
//
// The polynomials behind B, G and A are evaluated at 0, infinity, +-1/sqrt(2) and +-sqrt(2). Usual are 0, +-1, +-2; ours
// lie evenly about 1, where powers neither grow nor vanish: measured, errors are half as large in the mean and a quarter
// at most. Points in pairs +-p share the even and the odd part of each row.
//
// Three results take the five points without 0. Their rows of B are the long ones' divided by the factor x of point 0, and
// multiplied by the point, by which G divides: so both have the same weights.
#include "winograd4_parts.h"

namespace thaw {
namespace THAW_ISA {
namespace {

constexpr double INNER = 0.70710678118654752440;  // its square is 1/2
constexpr double OUTER = 1.41421356237309504880;  // its square is 2, the product of both 1

struct Unstrided {
  static constexpr int STRIDE = 1, ELEMENTS = 6, POINTS = 6;
  static constexpr Element LINE[ELEMENTS] = {{0, 0, true},  {1, 1, false}, {2, 2, false},
                                             {3, 3, false}, {4, 4, false}, {5, 5, false}};

  // B' d for lines of RESULTS.
  template <int RESULTS>
  VMATH void turn(Floats* to, int step, const Floats* d) {
    const Floats both = floats(-2.5f);
    Floats even, odd, even_outer, odd_outer;
    if constexpr (RESULTS == 4) {
      to[0] = multiply_add(both, d[2], d[0] + d[4]);
      even = multiply_add(floats(-2), d[2], d[4]);
      odd = multiply_add(floats(-2), d[1], d[3]);
      even_outer = multiply_add(floats(-0.5f), d[2], d[4]);
      odd_outer = multiply_add(floats(-0.5f), d[1], d[3]);
      to[5 * step] = multiply_add(both, d[3], d[1] + d[5]);
    } else {
      even = multiply_add(floats(0.5f), d[2], floats(0) - d[0]);
      odd = multiply_add(floats(-2), d[1], d[3]);
      even_outer = multiply_add(floats(2), d[2], floats(0) - d[0]);
      odd_outer = multiply_add(floats(-0.5f), d[1], d[3]);
      to[5 * step] = multiply_add(both, d[2], d[0] + d[4]);
    }
    to[step] = multiply_add(floats(INNER), odd, even);
    to[2 * step] = multiply_add(floats(-INNER), odd, even);
    to[3 * step] = multiply_add(floats(OUTER), odd_outer, even_outer);
    to[4 * step] = multiply_add(floats(-OUTER), odd_outer, even_outer);
  }

  // A' m, six sums to RESULTS.
  template <int RESULTS>
  VMATH void turn_back(Floats* to, int step, const Floats* m) {
    const Floats sum = m[1] + m[2], difference = m[1] - m[2];
    const Floats sum_outer = m[3] + m[4], difference_outer = m[3] - m[4];
    to[0] = sum + sum_outer;
    to[step] = multiply_add(floats(OUTER), difference_outer, floats(INNER) * difference);
    to[2 * step] = multiply_add(floats(2), sum_outer, floats(0.5f) * sum);
    if constexpr (RESULTS == 4) {
      to[0] = m[0] + to[0];
      to[3 * step] = multiply_add(floats(2 * OUTER), difference_outer, multiply_add(floats(0.5 * INNER), difference, m[5]));
    } else {
      to[2 * step] = to[2 * step] + m[5];
    }
  }

  // G g.
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
};

}  // namespace

void winograd4_weights(float* u, const float* w, int c, int k, int begin, int end) {
  turn_weights<Unstrided>(u, w, c, k, begin, end);
}

void winograd4_tiles(float* y, const float* x, const float* u, const float* bias, const float* residual, bool relu,
                     const Tiling& s, float* v, float* m, const float* zeros, int64_t first, int count, int k_begin,
                     int k_end) {
  tiles<Unstrided>(y, x, u, bias, residual, relu, s, v, m, zeros, first, count, k_begin, k_end);
}

}  // namespace THAW_ISA
}  // namespace thaw
