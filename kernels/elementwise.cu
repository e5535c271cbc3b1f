// Elementwise functions of one argument (the lines of unary_ops.def) and of two (with broadcasting).
// All are bound by memory: 16 bytes a thread and turn where the addresses allow it.
#include "common.cuh"

// --- One argument: y = f(x; a, b), dx = dy f'(saved; a, b). ---

enum Reads { NOTHING, X, Y };

DEVICE float logistic(float x) { return 1.0f / (1.0f + exp(-x)); }

// 1 + tanh u = 2 gate(x) with u = sqrt(2 / pi) (x + 0.044715 x^3), see unary_ops.def.
DEVICE float gate(float x) {
  const float z = min_of(max_of(x, -20.0f), 20.0f);
  return logistic(1.59576912f * (z + 0.044715f * z * z * z));
}

DEVICE float gate_slope(float x) {
  const float z = min_of(max_of(x, -20.0f), 20.0f);
  return z * 1.59576912f * (1.0f + 0.134145f * z * z);
}

using T = float;

#define UNARY(name, reads_, f, slope_)                                                                  \
  struct unary_##name {                                                                                 \
    static constexpr Reads reads = reads_;                                                              \
    static DEVICE float value([[maybe_unused]] float x, [[maybe_unused]] float a, [[maybe_unused]] float b) { return f; } \
    static DEVICE float slope([[maybe_unused]] float x, [[maybe_unused]] float a, [[maybe_unused]] float b) { \
      [[maybe_unused]] const float y = x;                                                               \
      return slope_;                                                                                    \
    }                                                                                                   \
  };
#include "unary_ops.def"
#undef UNARY

// y may be x.
template <class Op, class S>
DEVICE void unary_forward(S* y, const S* x, long long n, float a, float b) {
  const long long whole = aligned(y, x) ? n / Pack<S>::WIDTH : 0;
  for (long long i = first(); i < whole; i += step()) {
    Pack<S> p = packs(x)[i];
    for (S& v : p.v) v = narrow<S>(Op::value(widen(v), a, b));
    packs(y)[i] = p;
  }
  for (long long i = whole * Pack<S>::WIDTH + first(); i < n; i += step()) {
    y[i] = narrow<S>(Op::value(widen(x[i]), a, b));
  }
}

// dx may be dy. A slope that reads nothing leaves `saved` alone.
template <class Op, class S>
DEVICE void unary_backward(S* dx, const S* dy, const S* saved, long long n, float a, float b) {
  constexpr bool reads = Op::reads != NOTHING;
  const long long whole = aligned(dx, dy) && (!reads || aligned(saved)) ? n / Pack<S>::WIDTH : 0;
  for (long long i = first(); i < whole; i += step()) {
    Pack<S> p = packs(dy)[i];
    Pack<S> s = p;
    if (reads) s = packs(saved)[i];
    for (int k = 0; k < Pack<S>::WIDTH; ++k) {
      p.v[k] = narrow<S>(widen(p.v[k]) * Op::slope(widen(s.v[k]), a, b));
    }
    packs(dx)[i] = p;
  }
  for (long long i = whole * Pack<S>::WIDTH + first(); i < n; i += step()) {
    const float s = reads ? widen(saved[i]) : 0.0f;
    dx[i] = narrow<S>(widen(dy[i]) * Op::slope(s, a, b));
  }
}

#define UNARY_OF(name, S, type)                                                                              \
  KERNEL(name##_forward_##type, S* y, const S* x, long long n, float a, float b) {                           \
    unary_forward<unary_##name>(y, x, n, a, b);                                                                 \
  }                                                                                                          \
  KERNEL(name##_backward_##type, S* dx, const S* dy, const S* saved, long long n, float a, float b) {        \
    unary_backward<unary_##name>(dx, dy, saved, n, a, b);                                                       \
  }
#define UNARY(name, reads, f, slope) \
  UNARY_OF(name, float, f32)         \
  UNARY_OF(name, bf16, bf16)
#include "unary_ops.def"
#undef UNARY

// --- Two arguments: y = f(a, b). ---

#define BINARIES(BINARY)                                \
  BINARY(add, a + b)                                    \
  BINARY(sub, a - b)                                    \
  BINARY(mul, a * b)                                    \
  BINARY(div, a / b)                                    \
  BINARY(min, min_of(a, b))                             \
  BINARY(max, max_of(a, b))                             \
  BINARY(pow, pow(a, b))                                \
  BINARY(share, a > b ? 1.0f : (a == b ? 0.5f : 0.0f))  \
  BINARY(equal, a == b ? 1.0f : 0.0f)

#define BINARY_FUNCTION(name, f)                               \
  struct binary_##name {                                       \
    static DEVICE float value(float a, float b) { return f; }  \
  };
BINARIES(BINARY_FUNCTION)

// Sizes of the result, outermost first, and each operand's step along them, 0 where it is repeated.
constexpr int MAX_RANK = 8;
struct Steps {
  int rank;
  int dims[MAX_RANK];
  long long a[MAX_RANK];
  long long b[MAX_RANK];
};

// Both operands as long as the result: y may be one of them.
template <class F, class S>
DEVICE void binary_same(S* y, const S* a, const S* b, long long n) {
  const long long whole = aligned(y, a, b) ? n / Pack<S>::WIDTH : 0;
  for (long long i = first(); i < whole; i += step()) {
    Pack<S> p = packs(a)[i];
    const Pack<S> q = packs(b)[i];
    for (int k = 0; k < Pack<S>::WIDTH; ++k) p.v[k] = narrow<S>(F::value(widen(p.v[k]), widen(q.v[k])));
    packs(y)[i] = p;
  }
  for (long long i = whole * Pack<S>::WIDTH + first(); i < n; i += step()) {
    y[i] = narrow<S>(F::value(widen(a[i]), widen(b[i])));
  }
}

// Operands repeated along some dimensions; y may be one that is not.
template <class F, class S>
DEVICE void binary_repeated(S* y, const S* a, const S* b, long long n, const Steps& steps) {
  for (long long i = first(); i < n; i += step()) {
    long long rest = i, ia = 0, ib = 0;
    for (int d = steps.rank - 1; d > 0; --d) {
      const long long at = rest % steps.dims[d];
      rest /= steps.dims[d];
      ia += at * steps.a[d];
      ib += at * steps.b[d];
    }
    y[i] = narrow<S>(F::value(widen(a[ia + rest * steps.a[0]]), widen(b[ib + rest * steps.b[0]])));
  }
}

#define BINARY_OF(name, S, type)                                                                  \
  KERNEL(name##_same_##type, S* y, const S* a, const S* b, long long n) {                         \
    binary_same<binary_##name>(y, a, b, n);                                                       \
  }                                                                                               \
  KERNEL(name##_repeated_##type, S* y, const S* a, const S* b, long long n, const Steps steps) {  \
    binary_repeated<binary_##name>(y, a, b, n, steps);                                            \
  }
#define BINARY_KERNELS(name, f)  \
  BINARY_OF(name, float, f32)    \
  BINARY_OF(name, bf16, bf16)
BINARIES(BINARY_KERNELS)
