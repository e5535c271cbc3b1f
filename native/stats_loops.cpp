// Measurements of a buffer in one pass.
#include "stats_loops.h"

#include <algorithm>
#include <cmath>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {

void stats_measure(double* y, const float* x, int64_t n) {
  Doubles squares, absolutes;
  fill(squares, 0.0);
  fill(absolutes, 0.0);
  Floats largest = floats(0);
  Ints bad = ints(0);
  for (int64_t i = 0; i < n; i += LANES) {
    float finite[LANES];
    int32_t wrong[LANES];
    const Floats v = n - i >= LANES ? load<Floats>(x + i) : load_part(x + i, n - i, 0);
    store(finite, v);
    for (int k = 0; k < LANES; ++k) {
      const float a = fabs(finite[k]);
      const bool good = a < INFINITY;
      finite[k] = good ? a : 0.0f;
      wrong[k] = good ? 0 : 1;
    }
    const Floats a = load<Floats>(finite);
    const Doubles d = widen(a);
    squares = squares + d * d;
    absolutes = absolutes + d;
    largest = choose(above(a, largest), a, largest);
    bad = bad + load<Ints>(wrong);
  }
  float most[LANES];
  store(most, largest);
  y[0] = sum_of<double>(squares);
  y[1] = sum_of<double>(absolutes);
  y[2] = *std::max_element(most, most + LANES);
  y[3] = sum_of<int32_t>(bad);
}

uint64_t stats_hash(const void* x, int64_t first, int64_t n) {
  const char* bytes = static_cast<const char*>(x);
  uint64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint64_t word;  // of floats: no word need lie at a multiple of eight
    std::memcpy(&word, bytes + 8 * i, 8);
    uint64_t z = word + static_cast<uint64_t>(first + i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    sum += z ^ (z >> 31);
  }
  return sum;
}

}  // namespace THAW_ISA
}  // namespace thaw
