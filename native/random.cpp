// Uniform numbers and dropout. Every number is a function of its element, so threads share the work as they like.
#include <cmath>

#include "parallel.h"
#include "random_loops.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// What the loops make at once; parts begin at a multiple.
constexpr int64_t GRAIN = 64;

}  // namespace

void thaw_uniform(float* y, int64_t n, int64_t seed, int stream, int call, int threads) {
  split(threads, n, GRAIN, [=](int64_t begin, int64_t end) {
    BEST(random_uniform)(y + begin, begin, end - begin, seed, stream, call);
  });
}

void thaw_dropout(float* y, const float* x, const double* call_base, int64_t n, double p, int64_t seed, int stream, int call,
                  int threads) {
  // u >= p in double, where u is a whole number of 2^-24: the same as that whole number against the next one above p 2^24.
  const uint32_t limit = static_cast<uint32_t>(std::ceil(p * 0x1p24));
  const double scale = 1 / (1 - p);
  const int number = call + (call_base == nullptr ? 0 : static_cast<int>(*call_base));
  split(threads, n, GRAIN, [=](int64_t begin, int64_t end) {
    BEST(random_dropout)(y + begin, x + begin, begin, end - begin, limit, scale, seed, stream, number);
  });
}
