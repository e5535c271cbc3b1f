// Product of a matrix and a vector: rows handed to threads.
#include "gemv_loops.h"
#include "parallel.h"
#include "thaw_cpu.h"

using namespace thaw;

void thaw_gemv(float* y, const float* w, const float* x, const float* bias, int relu, int64_t rows, int64_t k, int threads) {
  split(threads, rows, LINE, [=](int64_t begin, int64_t end) { BEST(gemv_rows)(y, w, x, bias, relu != 0, k, begin, end); });
}
