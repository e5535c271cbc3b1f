// Elementwise functions of one argument (the lines of unary_ops.def) and of two (with broadcasting).
// All are bound by memory: 16 bytes a thread and turn where the addresses allow it.
#include "common.cuh"

// --- One argument: y = f(x; a, b), dx = dy f'(saved; a, b). ---

enum Reads { NOTHING, X, Y };

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

// gate(x) = logistic(2 u) = (1 + tanh u) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3), see unary_ops.def.
DEVICE float twice_u(float x) {
  const float z = min_of(max_of(x, -20.0f), 20.0f);
  return 1.59576912f * (z + 0.044715f * z * z * z);
}

// x times the derivative of 2 u.
DEVICE float gate_slope(float x) {
  const float z = min_of(max_of(x, -20.0f), 20.0f);
  return z * 1.59576912f * (1.0f + 0.134145f * z * z);
}

// For float.
namespace exact {

DEVICE float logistic(float x) { return 1.0f / (1.0f + exp(-x)); }

DEVICE float gate(float x) { return logistic(twice_u(x)); }

#include "unary_ops.def"

}  // namespace exact

// For bf16, whose packs have twice the numbers: with the exact functions a card would calculate for longer than memory takes.
// These are off by 2^-20, and where they come near 0 by 2^-14, where a bf16 is rounded by 2^-9.
namespace brief {

// One instruction on a card.
#ifdef __CUDA_ARCH__
#define APPROXIMATELY(name, instruction, on_host)               \
  DEVICE float name(float x) {                                  \
    float y;                                                    \
    asm(instruction ".f32 %0, %1;" : "=f"(y) : "f"(x));         \
    return y;                                                   \
  }
#else
#define APPROXIMATELY(name, instruction, on_host) \
  DEVICE float name(float x) { return on_host; }
#endif
APPROXIMATELY(two_to, "ex2.approx.ftz", exp2f(x))
APPROXIMATELY(one_over, "rcp.approx.ftz", 1.0f / x)
// To 2^-22 of it, or of 1 where x is between 1/2 and 2: of the bf16s nearest to 1 that leaves 2^-14.
APPROXIMATELY(log2_of, "lg2.approx", log2f(x))
#undef APPROXIMATELY

DEVICE float exp(float x) { return two_to(1.44269504f * x); }

DEVICE float expm1(float x) {
  if (fabs(x) < 0x1p-4f) return x * (1.0f + x * (0.5f + x * (0.166666667f + x * 0.0416666667f)));
  return exp(x) - 1.0f;
}

DEVICE float log(float x) { return 0.693147181f * log2_of(x); }

// Of x from 0 to 1, as softplus needs it.
DEVICE float log1p(float x) { return x < 0x1p-8f ? x - 0.5f * x * x : log(1.0f + x); }

DEVICE float logistic(float x) { return one_over(1.0f + exp(-x)); }

DEVICE float gate(float x) { return logistic(twice_u(x)); }

// To 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
DEVICE float erf(float x) {
  const float a = fabs(x), t = one_over(1.0f + 0.3275911f * a);
  const float p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  return copysign(1.0f - p * exp(-x * x), x);
}

#include "unary_ops.def"

}  // namespace brief
#undef UNARY

// y may be x.
template <class Op, class S>
DEVICE void unary_forward(S* y, const S* x, long long n, float a, float b) {
  constexpr int W = Pack<S>::WIDTH;
  const long long whole = aligned(y, x) ? n / W : 0;
  for (long long i = first(); i < whole; i += step()) {
    Floats<W> v = load<W>(x + i * W);
    for (float& e : v.v) e = Op::value(e, a, b);
    store(y + i * W, v);
  }
  for (long long i = whole * W + first(); i < n; i += step()) {
    y[i] = narrow<S>(Op::value(widen(x[i]), a, b));
  }
}

// dx may be dy. A slope that reads nothing leaves `saved` alone.
template <class Op, class S>
DEVICE void unary_backward(S* dx, const S* dy, const S* saved, long long n, float a, float b) {
  constexpr bool reads = Op::reads != NOTHING;
  constexpr int W = Pack<S>::WIDTH;
  const long long whole = aligned(dx, dy) && (!reads || aligned(saved)) ? n / W : 0;
  for (long long i = first(); i < whole; i += step()) {
    Floats<W> d = load<W>(dy + i * W), s = d;
    if (reads) s = load<W>(saved + i * W);
    for (int k = 0; k < W; ++k) d.v[k] *= Op::slope(s.v[k], a, b);
    store(dx + i * W, d);
  }
  for (long long i = whole * W + first(); i < n; i += step()) {
    const float s = reads ? widen(saved[i]) : 0.0f;
    dx[i] = narrow<S>(widen(dy[i]) * Op::slope(s, a, b));
  }
}

#define UNARY_OF(name, S, type, functions)                                                                   \
  KERNEL(name##_forward_##type, S* y, const S* x, long long n, float a, float b) {                           \
    unary_forward<functions::unary_##name>(y, x, n, a, b);                                                   \
  }                                                                                                          \
  KERNEL(name##_backward_##type, S* dx, const S* dy, const S* saved, long long n, float a, float b) {        \
    unary_backward<functions::unary_##name>(dx, dy, saved, n, a, b);                                         \
  }
#define UNARY(name, reads, f, slope)  \
  UNARY_OF(name, float, f32, exact)   \
  UNARY_OF(name, bf16, bf16, brief)
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

// Sizes of the result, outermost first, and each operand's step along them, 0 where it is repeated. The innermost size counts
// packs where the result is made in packs: an operand has one of these there too, or one number for all of them.
constexpr int MAX_RANK = 8;
struct Steps {
  int packed, rank;
  Divisor dims[MAX_RANK];
  long long a[MAX_RANK];
  long long b[MAX_RANK];
};

// Both operands as long as the result: y may be one of them.
template <class F, class S>
DEVICE void binary_same(S* y, const S* a, const S* b, long long n) {
  constexpr int W = Pack<S>::WIDTH;
  const long long whole = aligned(y, a, b) ? n / W : 0;
  for (long long i = first(); i < whole; i += step()) {
    Floats<W> p = load<W>(a + i * W);
    const Floats<W> q = load<W>(b + i * W);
    for (int k = 0; k < W; ++k) p.v[k] = F::value(p.v[k], q.v[k]);
    store(y + i * W, p);
  }
  for (long long i = whole * W + first(); i < n; i += step()) {
    y[i] = narrow<S>(F::value(widen(a[i]), widen(b[i])));
  }
}

// W neighbours, or one number as many times.
template <int W, class S>
DEVICE Floats<W> load_or_repeat(const S* p, bool repeated) {
  if (!repeated) return load<W>(p);
  Floats<W> v;
  for (float& e : v.v) e = widen(*p);
  return v;
}

// Operands repeated along some dimensions; y may be one that is not. n counts packs where W is one, I is wide enough for it.
template <int W, class I, class F, class S>
DEVICE void binary_repeated(S* y, const S* a, const S* b, I n, const Steps& steps) {
  const bool one_a = steps.a[steps.rank - 1] == 0, one_b = steps.b[steps.rank - 1] == 0;
  for (I i = (I)first(); i < n; i += (I)step()) {
    I rest = i;
    long long ia = 0, ib = 0;
    for (int d = steps.rank - 1; d > 0; --d) {
      const I outer = over(rest, steps.dims[d]);
      const I at = rest - outer * steps.dims[d].by;
      ia += at * steps.a[d];
      ib += at * steps.b[d];
      rest = outer;
    }
    Floats<W> p = load_or_repeat<W>(a + ia + rest * steps.a[0], one_a);
    const Floats<W> q = load_or_repeat<W>(b + ib + rest * steps.b[0], one_b);
    for (int k = 0; k < W; ++k) p.v[k] = F::value(p.v[k], q.v[k]);
    store(y + (long long)i * W, p);
  }
}

#define BINARY_OF(name, S, type)                                                                  \
  KERNEL(name##_same_##type, S* y, const S* a, const S* b, long long n) {                         \
    binary_same<binary_##name>(y, a, b, n);                                                       \
  }                                                                                               \
  KERNEL(name##_repeated_##type, S* y, const S* a, const S* b, long long n, const Steps steps) {  \
    if (steps.packed) {                                                                           \
      binary_repeated<Pack<S>::WIDTH, unsigned, binary_##name>(y, a, b, (unsigned)n, steps);      \
    } else if (n < 1ll << 31) {                                                                   \
      binary_repeated<1, unsigned, binary_##name>(y, a, b, (unsigned)n, steps);                   \
    } else {                                                                                      \
      binary_repeated<1, long long, binary_##name>(y, a, b, n, steps);                            \
    }                                                                                             \
  }
#define BINARY_KERNELS(name, f)  \
  BINARY_OF(name, float, f32)    \
  BINARY_OF(name, bf16, bf16)
BINARIES(BINARY_KERNELS)
