// y = W x: every number of W is read once and used once, so the memory it comes from decides. A row is four running sums.
#include "gemv_loops.h"

#include <algorithm>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {

void gemv_rows(float* y, const float* w, const float* x, const float* bias, bool relu, int64_t k, int64_t begin,
               int64_t end) {
  constexpr int SUMS = 4;
  for (int64_t r = begin; r < end; ++r) {
    const float* const row = w + r * k;
    Floats sums[SUMS];
    for (Floats& s : sums) s = floats(0.0f);
    int64_t i = 0;
    for (; i + SUMS * LANES <= k; i += SUMS * LANES) {
      for (int j = 0; j < SUMS; ++j) {
        sums[j] = multiply_add(load<Floats>(row + i + j * LANES), load<Floats>(x + i + j * LANES), sums[j]);
      }
    }
    for (; i < k; i += LANES) {
      const int64_t n = std::min<int64_t>(LANES, k - i);
      sums[0] = multiply_add(load_part(row + i, n, 0.0f), load_part(x + i, n, 0.0f), sums[0]);
    }
    const float sum = sum_of<float>((sums[0] + sums[1]) + (sums[2] + sums[3])) + (bias == nullptr ? 0.0f : bias[r]);
    y[r] = relu && sum <= 0.0f ? 0.0f : sum;
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
