// Reductions of the middle of [outer, n, inner]. The work is cut into units whose size depends on the sizes alone; each
// leaves its result in double, and the units of one place are joined in their order: the thread count changes no bit.
#include <algorithm>

#include "parallel.h"
#include "reduce_loops.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// Floats in a unit, about: large enough to outweigh handing it out, small enough for many threads.
constexpr int64_t UNIT = 65536;

// inner = 1: a unit is a piece of a row, or several short rows.
void reduce_rows(int reduction, float* y, const float* x, int64_t outer, int64_t n, double scale, int threads) {
  const int64_t pieces = (n + UNIT - 1) / UNIT;
  if (pieces <= 1) {
    split(threads, outer, LINE, [=](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) y[o] = static_cast<float>(BEST(reduce_row)(reduction, x + o * n, n) * scale);
    });
    return;
  }
  const Scratch<double> partial(outer * pieces);
  split(threads, outer * pieces, 1, [=, &partial](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t from = u % pieces * UNIT;
      partial[u] = BEST(reduce_row)(reduction, x + u / pieces * n + from, std::min(UNIT, n - from));
    }
  });
  for (int64_t o = 0; o < outer; ++o) {
    double result = partial[o * pieces];
    for (int64_t p = 1; p < pieces; ++p) BEST(reduce_join)(reduction, &result, &partial[o * pieces + p], 1);
    y[o] = static_cast<float>(result * scale);
  }
}

}  // namespace

void thaw_reduce(int reduction, float* y, const float* x, int64_t outer, int64_t n, int64_t inner, double scale, int threads) {
  if (outer * inner == 0) return;
  if (n == 0) {
    for (int64_t i = 0; i < outer * inner; ++i) y[i] = 0;
    return;
  }
  if (inner == 1) {
    reduce_rows(reduction, y, x, outer, n, scale, threads);
    return;
  }
  // Short rows are folded several at a time, as if they were one of at least 64.
  const int64_t together = std::min(n, (63 + inner) / inner);
  const int64_t wide = together * inner;
  const int64_t wide_rows = n / together;
  const int64_t rest = n - wide_rows * together;
  // What is left when the wide rows are one: folds its parts and the rows that filled no wide row.
  const auto finish = [=](int64_t o, double* result) {
    for (int64_t k = 1; k < together; ++k) BEST(reduce_join)(reduction, result, result + k * inner, inner);
    if (rest > 0) {
      const Scratch<double> last(inner);
      BEST(reduce_columns)(reduction, last.data(), x + (o * n + wide_rows * together) * inner, rest, inner, inner);
      BEST(reduce_join)(reduction, result, last.data(), inner);
    }
    for (int64_t i = 0; i < inner; ++i) y[o * inner + i] = static_cast<float>(result[i] * scale);
  };
  const int64_t rows = std::max<int64_t>(64, UNIT / wide);
  const int64_t pieces = (wide_rows + rows - 1) / rows;
  if (pieces == 1) {
    split(threads, outer, 1, [=, &finish](int64_t begin, int64_t end) {
      const Scratch<double> result(wide);
      for (int64_t o = begin; o < end; ++o) {
        BEST(reduce_columns)(reduction, result.data(), x + o * n * inner, wide_rows, wide, wide);
        finish(o, result.data());
      }
    });
    return;
  }
  const Scratch<double> partial(outer * pieces * wide);
  split(threads, outer * pieces, 1, [=, &partial](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t from = u % pieces * rows;
      BEST(reduce_columns)(reduction, &partial[u * wide], x + u / pieces * n * inner + from * wide,
                           std::min(rows, wide_rows - from), wide, wide);
    }
  });
  split(threads, outer, 1, [=, &partial, &finish](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      double* result = &partial[o * pieces * wide];
      for (int64_t p = 1; p < pieces; ++p) BEST(reduce_join)(reduction, result, result + p * wide, wide);
      finish(o, result);
    }
  });
}

void thaw_argmax(int64_t* y, const float* x, int64_t outer, int64_t n, int64_t inner, int threads) {
  split(threads, outer, LINE, [=](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) BEST(reduce_argmax)(y + o * inner, x + o * n * inner, n, inner);
  });
}
