// Elementary functions of a float, written so that a loop over them is vectorised: no branch, no table, no call. Each is
// within 2 units in the last place over all floats, denormals included, and the logistic within 3
// (tests/src/test/cpp/vmath_test.cpp); infinities and NaN give what C's functions give.
//
// Products and sums are never fused, so the three compilations of a loop return the same bits. The polynomials are
// minimax fits (Remez) of this file's own; the reductions are those of Cody and Waite, Software Manual for the
// Elementary Functions (1980).
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace thaw {
namespace THAW_ISA {

#define VMATH [[maybe_unused]] static inline __attribute__((always_inline))

VMATH int32_t bits_of(float x) {
  int32_t i;
  std::memcpy(&i, &x, 4);
  return i;
}

VMATH float float_of(int32_t i) {
  float x;
  std::memcpy(&x, &i, 4);
  return x;
}

// Adding it rounds a float below 2^22 to an integer, which then stands in the low bits.
constexpr float ROUNDER = 12582912.0f;

// The smaller, the larger; NaN if either is.
VMATH float min_of(float a, float b) { return a < b || a != a ? a : b; }

VMATH float max_of(float a, float b) { return a > b || a != a ? a : b; }

VMATH float fabs(float x) { return float_of(bits_of(x) & 0x7fffffff); }

// x = n ln 2 + r with |r| <= ln 2 / 2: returns e^r - 1, and n.
VMATH float exp_reduced(float x, float& n, int32_t& exponent) {
  const float shifted = x * 1.44269504f + ROUNDER;
  exponent = bits_of(shifted) - bits_of(ROUNDER);
  n = shifted - ROUNDER;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float q = 1.979014633e-04f;
  q = q * r + 1.394486870e-03f;
  q = q * r + 8.333498612e-03f;
  q = q * r + 4.166629165e-02f;
  q = q * r + 1.666666567e-01f;
  q = q * r + 0.5f;
  return r * r * q + r;
}

VMATH float power_of_two(int32_t n) { return float_of((n + 127) << 23); }

// e^x.
VMATH float exp(float x) {
  x = x > 89.0f ? 89.0f : x;
  x = x < -104.0f ? -104.0f : x;
  float n;
  int32_t k;
  const float p = 1.0f + exp_reduced(x, n, k);
  // In two steps, since 2^k may be above the largest float or below the smallest; the last one rounds.
  const int32_t half = k >> 1;
  return p * power_of_two(half) * power_of_two(k - half);
}

// e^x - 1.
VMATH float expm1(float x) {
  const float limited = x < -30.0f ? -30.0f : x > 89.0f ? 89.0f : x;
  float n;
  int32_t k;
  const float p = exp_reduced(limited, n, k);
  const float half = power_of_two(k - 1);
  const float y = 2.0f * (half * p + (half - 0.5f));
  // The sign of zero, and denormals, which the reduction would round twice.
  return fabs(x) < 1e-7f ? x : y;
}

// 1 / (1 + e^-x). Near 1 it is taken from the other side, as 1 - e^-x / (1 + e^-x): the slope y (1 - y) lives on how far y
// is from 1.
VMATH float logistic(float x) {
  const float e = exp(-fabs(x));
  const float below = e / (1.0f + e);
  return x < 0.0f ? below : 1.0f - below;
}

// The two halves of gelu_tanh: see kernels/unary_ops.def.
VMATH float gate(float x) { return logistic(1.5957691216f * (x + 0.044715f * x * x * x)); }

VMATH float gate_slope(float x) {
  const float limited = min_of(max_of(x, -20.0f), 20.0f);
  return limited * 1.5957691216f * (1.0f + 0.134145f * limited * limited);
}

VMATH float tanh(float x) {
  const float a = fabs(x);
  const float far = 1.0f - 2.0f / (exp(2.0f * a) + 1.0f);
  const float s = a * a;
  float q = -5.648316350e-03f;
  q = q * s + 2.058982663e-02f;
  q = q * s - 5.372512713e-02f;
  q = q * s + 1.333127469e-01f;
  q = q * s - 3.333327472e-01f;
  const float near = a + a * (s * q);
  return std::copysign(a < 0.625f ? near : far, x);
}

// 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x.
VMATH float erf(float x) {
  const float a = fabs(x);
  const float s = a * a;
  float q = 8.334100130e-05f;
  q = q * s - 8.134160889e-04f;
  q = q * s + 5.200276617e-03f;
  q = q * s - 2.685909346e-02f;
  q = q * s + 1.128368974e-01f;
  q = q * s - 3.761263192e-01f;
  // 1.128379167 in two parts: the second is what a float cannot hold.
  const float near = a + a * (s * q + 0.128379167f);
  // 1 - erf a = e^p(a); from 3.92 on the result is 1.
  const float b = a > 4.0f ? 4.0f : a;
  float p = -2.035229409e-05f;
  p = p * b + 4.259577836e-04f;
  p = p * b - 4.130300600e-03f;
  p = p * b + 2.501337603e-02f;
  p = p * b - 1.081182510e-01f;
  p = p * b - 6.334918737e-01f;
  p = p * b - 1.129444361e+00f;
  p = p * b + 1.602412813e-04f;
  const float far = 1.0f - exp(p);
  return std::copysign(a < 0.92f ? near : far, x);
}

// ln x for a positive normal x: mantissa in [sqrt(1/2), sqrt 2), f = mantissa - 1.
VMATH float log_normal(float x, float shift) {
  const int32_t i = bits_of(x) - 0x3f3504f3;
  const float n = static_cast<float>(i >> 23) + shift;
  const float f = float_of((i & 0x007fffff) + 0x3f3504f3) - 1.0f;
  float q = 6.746651232e-02f;
  q = q * f - 1.167565435e-01f;
  q = q * f + 1.188815907e-01f;
  q = q * f - 1.240558848e-01f;
  q = q * f + 1.421955228e-01f;
  q = q * f - 1.666799635e-01f;
  q = q * f + 2.000211924e-01f;
  q = q * f - 2.500000894e-01f;
  q = q * f + 3.333331347e-01f;
  const float s = f * f;
  // Smallest parts first.
  return ((f * s * q + n * -2.12194440e-4f) - 0.5f * s) + f + n * 0.693359375f;
}

// ln x.
VMATH float log(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float y = log_normal(tiny ? x * 8388608.0f : x, tiny ? -23.0f : 0.0f);
  const float inside = x > 0.0f && x < INFINITY ? y : x;  // infinity and NaN stay
  return x == 0.0f ? -INFINITY : x < 0.0f ? NAN : inside;
}

// ln(1 + x) for x in (-1, 1]; what rounding 1 + x lost is added back.
VMATH float log1p(float x) {
  const float w = 1.0f + x;
  const float y = log_normal(w, 0.0f) + (x - (w - 1.0f)) / w;
  return fabs(x) < 1e-7f || x != x ? x : y;
}

VMATH float sqrt(float x) { return __builtin_sqrtf(x); }

// No series of ours: a power is rare, and C's is exact to half a unit.
VMATH float pow(float x, float y) { return __builtin_powf(x, y); }

}  // namespace THAW_ISA
}  // namespace thaw
