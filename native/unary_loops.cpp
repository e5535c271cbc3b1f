// y = f(x) and dx = dy f'(saved), element by element: one pair of loops per line of kernels/unary_ops.def.
#include "unary_loops.h"

#include "vmath.h"

namespace thaw {
namespace THAW_ISA {
namespace {

using T = float;

enum Reads { NOTHING, X, Y };

#define UNARY(name, reads_, f, slope_)                                                    \
  struct name##_op {                                                                      \
    static constexpr Reads reads = reads_;                                                \
    VMATH T value([[maybe_unused]] T x, [[maybe_unused]] T a, [[maybe_unused]] T b) {     \
      return f;                                                                           \
    }                                                                                     \
    VMATH T slope([[maybe_unused]] T x, [[maybe_unused]] T a, [[maybe_unused]] T b) {     \
      [[maybe_unused]] const T y = x;                                                     \
      return slope_;                                                                      \
    }                                                                                     \
  };
#include "unary_ops.def"
#undef UNARY

template <class Op>
void forward(float* y, const float* x, int64_t n, float a, float b) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = Op::value(x[i], a, b);
}

template <class Op>
void backward(float* dx, const float* dy, const float* saved, int64_t n, float a, float b) {
  if constexpr (Op::reads == NOTHING) {
    const float slope = Op::slope(0, a, b);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] * slope;
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] * Op::slope(saved[i], a, b);
  }
}

const UnaryLoops TABLE[] = {
#define UNARY(name, reads, f, slope) {#name, forward<name##_op>, backward<name##_op>},
#include "unary_ops.def"
#undef UNARY
    {nullptr, nullptr, nullptr}};

}  // namespace

const UnaryLoops* unary_table() { return TABLE; }

}  // namespace THAW_ISA
}  // namespace thaw
