// Elementwise functions of two arguments, with broadcasting.
#include "binary_loops.h"
#include "parallel.h"
#include "thaw_cpu.h"

using namespace thaw;

void thaw_binary_2d(int f, float* y, const float* a, const float* b, int64_t rows, int64_t columns, int64_t a_row,
                    int64_t a_column, int64_t b_row, int64_t b_column, int threads) {
  if (rows == 1) {
    split(threads, columns, LINE, [=](int64_t begin, int64_t end) {
      BEST(binary_row)(f, y + begin, a + begin * a_column, b + begin * b_column, end - begin, a_column, b_column);
    });
    return;
  }
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    BEST(binary_rows)(f, y + begin * columns, a + begin * a_row, b + begin * b_row, end - begin, columns, a_row, a_column,
                      b_row, b_column);
  });
}

void thaw_binary_nd(int f, float* y, const float* a, const float* b, const int* walk, int rank, int threads) {
  const int* dims = walk;
  const int* a_steps = walk + rank;
  const int* b_steps = walk + 2 * rank;
  int64_t rows = 1;
  for (int d = 0; d < rank - 1; ++d) rows *= dims[d];
  const int64_t n = dims[rank - 1];
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t at_a = 0;
      int64_t at_b = 0;
      int64_t rest = row;
      for (int d = rank - 2; d >= 0; --d) {
        at_a += rest % dims[d] * a_steps[d];
        at_b += rest % dims[d] * b_steps[d];
        rest /= dims[d];
      }
      BEST(binary_row)(f, y + row * n, a + at_a, b + at_b, n, a_steps[rank - 1], b_steps[rank - 1]);
    }
  });
}
