// Sixteen numbers side by side, in one, two or four registers as the instruction set has it: loops that keep running
// results (sums, extremes) are written over them, so that the order of the additions, and with it every bit, is the same
// everywhere. Loops without running results are left to the compiler.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "vmath.h"

namespace thaw {
namespace THAW_ISA {

#if defined(__AVX512F__)
constexpr int REGISTER = 64;
#elif defined(__AVX2__)
constexpr int REGISTER = 32;
#else
constexpr int REGISTER = 16;
#endif

typedef float FloatRegister __attribute__((vector_size(REGISTER)));
typedef int32_t IntRegister __attribute__((vector_size(REGISTER)));
typedef double DoubleRegister __attribute__((vector_size(REGISTER)));

// Two halves that do everything together.
template <class H>
struct Pair {
  H low, high;
};

template <class V, int REGISTERS>
struct Lanes {
  using type = Pair<typename Lanes<V, REGISTERS / 2>::type>;
};
template <class V>
struct Lanes<V, 1> {
  using type = V;
};

constexpr int LANES = 16;
using Floats = Lanes<FloatRegister, 64 / REGISTER>::type;
using Ints = Lanes<IntRegister, 64 / REGISTER>::type;  // also masks: -1 is true
using Doubles = Lanes<DoubleRegister, 128 / REGISTER>::type;

#define EACH(op)                                                  \
  template <class H>                                              \
  VMATH Pair<H> operator op(const Pair<H>& a, const Pair<H>& b) { \
    return {a.low op b.low, a.high op b.high};                    \
  }
EACH(+)
EACH(-)
EACH(*)
EACH(&)
EACH(|)
#undef EACH

template <class H>
VMATH Pair<H> operator~(const Pair<H>& a) {
  return {~a.low, ~a.high};
}

template <class V>
VMATH V load(const void* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class V>
VMATH void store(void* p, const V& v) {
  std::memcpy(p, &v, sizeof v);
}

VMATH void fill(FloatRegister& v, float x) { v = x - FloatRegister{}; }
VMATH void fill(DoubleRegister& v, double x) { v = x - DoubleRegister{}; }
VMATH void fill(IntRegister& v, int32_t x) { v = x - IntRegister{}; }
template <class H, class T>
VMATH void fill(Pair<H>& v, T x) {
  fill(v.low, x);
  v.high = v.low;
}

VMATH Floats floats(float x) {
  Floats v;
  fill(v, x);
  return v;
}

VMATH Ints ints(int32_t x) {
  Ints v;
  fill(v, x);
  return v;
}

// a * b + c, rounded once where the instruction set makes it one step: for products, whose last bits differ between
// instruction sets anyway.
VMATH Floats multiply_add(const Floats& a, const Floats& b, const Floats& c) {
#if defined(__AVX512F__)
  return (Floats)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#else
  return a * b + c;
#endif
}

// mask ? a : b.
VMATH FloatRegister choose(IntRegister mask, FloatRegister a, FloatRegister b) { return mask ? a : b; }
VMATH IntRegister choose(IntRegister mask, IntRegister a, IntRegister b) { return mask ? a : b; }
template <class M, class H>
VMATH Pair<H> choose(const Pair<M>& mask, const Pair<H>& a, const Pair<H>& b) {
  return {choose(mask.low, a.low, b.low), choose(mask.high, a.high, b.high)};
}

VMATH IntRegister above(FloatRegister a, FloatRegister b) { return a > b; }
VMATH IntRegister is_nan(FloatRegister a) { return a != a; }
VMATH IntRegister same(IntRegister a, IntRegister b) { return a == b; }
template <class H>
VMATH auto above(const Pair<H>& a, const Pair<H>& b) -> Pair<decltype(above(a.low, b.low))> {
  return {above(a.low, b.low), above(a.high, b.high)};
}
template <class H>
VMATH Pair<H> same(const Pair<H>& a, const Pair<H>& b) {
  return {same(a.low, b.low), same(a.high, b.high)};
}
template <class H>
VMATH auto is_nan(const Pair<H>& a) -> Pair<decltype(is_nan(a.low))> {
  return {is_nan(a.low), is_nan(a.high)};
}

// x as doubles.
VMATH Doubles widen(const Floats& x) {
  float f[LANES];
  double d[LANES];
  store(f, x);
  for (int i = 0; i < LANES; ++i) d[i] = f[i];
  return load<Doubles>(d);
}

// The sum over the lanes, halves onto halves.
template <class T, class V>
VMATH T sum_of(const V& v) {
  T t[LANES];
  store(t, v);
  for (int half = LANES / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) t[i] += t[i + half];
  }
  return t[0];
}

// The first n < LANES elements at p, the rest filled up.
VMATH Floats load_part(const float* p, int64_t n, float rest) {
  float t[LANES];
  for (int i = 0; i < LANES; ++i) t[i] = rest;
  for (int i = 0; i < n; ++i) t[i] = p[i];
  return load<Floats>(t);
}

}  // namespace THAW_ISA
}  // namespace thaw
