// Philox4x32-10 over sixteen counters at a time: bit for bit that of dev.thaw.backend.Philox.
#include "random_loops.h"

#include <algorithm>

#include "vmath.h"

namespace thaw {
namespace THAW_ISA {
namespace {

constexpr int COUNTERS = 16;
constexpr int NUMBERS = 4 * COUNTERS;

// The 32 bits of elements 4 * index and the 63 that follow.
VMATH void bits(uint32_t* y, int64_t index, int64_t seed, int32_t stream, int32_t call) {
  uint32_t c0[COUNTERS], c1[COUNTERS], c2[COUNTERS], c3[COUNTERS];
  for (int i = 0; i < COUNTERS; ++i) {
    c0[i] = static_cast<uint32_t>(index + i);
    c1[i] = static_cast<uint32_t>((index + i) >> 32);
    c2[i] = static_cast<uint32_t>(call);
    c3[i] = static_cast<uint32_t>(stream);
  }
  uint32_t k0 = static_cast<uint32_t>(seed);
  uint32_t k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < COUNTERS; ++i) {
      const uint64_t p0 = uint64_t(0xD2511F53u) * c0[i];
      const uint64_t p1 = uint64_t(0xCD9E8D57u) * c2[i];
      c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<uint32_t>(p1);
      c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (int i = 0; i < COUNTERS; ++i) {
    y[4 * i] = c0[i];
    y[4 * i + 1] = c1[i];
    y[4 * i + 2] = c2[i];
    y[4 * i + 3] = c3[i];
  }
}

}  // namespace

void random_uniform(float* y, int64_t first, int64_t n, int64_t seed, int32_t stream, int32_t call) {
  uint32_t random[NUMBERS];
  for (int64_t begin = 0; begin < n; begin += NUMBERS) {
    bits(random, (first + begin) / 4, seed, stream, call);
    const int64_t count = std::min<int64_t>(NUMBERS, n - begin);
    for (int64_t i = 0; i < count; ++i) y[begin + i] = static_cast<float>(static_cast<int32_t>(random[i] >> 8)) * 0x1p-24f;
  }
}

void random_dropout(float* y, const float* x, int64_t first, int64_t n, uint32_t limit, double scale, int64_t seed,
                    int32_t stream, int32_t call) {
  uint32_t random[NUMBERS];
  for (int64_t begin = 0; begin < n; begin += NUMBERS) {
    bits(random, (first + begin) / 4, seed, stream, call);
    const int64_t count = std::min<int64_t>(NUMBERS, n - begin);
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      const float kept = static_cast<float>(x[begin + i] * scale);
      y[begin + i] = static_cast<int32_t>(random[i] >> 8) >= static_cast<int32_t>(limit) ? kept : 0.0f;
    }
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
