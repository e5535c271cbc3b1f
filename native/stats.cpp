// Measurements and hashes: pieces of fixed size, joined in their order.
#include "stats_loops.h"

#include <algorithm>
#include <cstring>

#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

constexpr int64_t PIECE = 65536;
constexpr int NUMBERS = 4;

}  // namespace

void thaw_stats_measure(double* y, const float* x, int64_t n, int threads) {
  const int64_t pieces = (n + PIECE - 1) / PIECE;
  const Scratch<double> parts(pieces * NUMBERS);
  split(threads, pieces, 1, [=, &parts](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      BEST(stats_measure)(&parts[p * NUMBERS], x + p * PIECE, std::min(PIECE, n - p * PIECE));
    }
  });
  std::fill(y, y + NUMBERS, 0.0);
  for (int64_t p = 0; p < pieces; ++p) {
    const double* part = &parts[p * NUMBERS];
    y[0] += part[0];
    y[1] += part[1];
    y[2] = std::max(y[2], part[2]);
    y[3] += part[3];
  }
}

int64_t thaw_stats_hash(const void* x, int64_t bytes, int threads) {
  const int64_t words = bytes / 8;
  const int64_t pieces = (words + PIECE - 1) / PIECE;
  const Scratch<uint64_t> parts(pieces);
  split(threads, pieces, 1, [=, &parts](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * PIECE;
      parts[p] = BEST(stats_hash)(static_cast<const char*>(x) + first * 8, first, std::min(PIECE, words - first));
    }
  });
  // The length is mixed like a word at place -1, whose golden ratio is taken 0 times.
  const uint64_t length = static_cast<uint64_t>(bytes);
  uint64_t sum = BEST(stats_hash)(&length, -1, 1);
  for (int64_t p = 0; p < pieces; ++p) sum += parts[p];
  if (words * 8 < bytes) {
    uint64_t last = 0;
    std::memcpy(&last, static_cast<const char*>(x) + words * 8, bytes - words * 8);
    sum += BEST(stats_hash)(&last, words, 1);
  }
  return static_cast<int64_t>(sum);
}
