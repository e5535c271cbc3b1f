// How a loop is cut for a team of threads: contiguous parts, decided by the sizes alone (schedule(static) in effect).
#pragma once

#include <algorithm>
#include <cstdint>

namespace thaw {

// Floats in a cache line: the grain of elementwise loops.
constexpr int64_t LINE = 16;

// Calls f(begin, end) for up to `threads` contiguous parts of [0, n). Every part but the last is a multiple of `grain`:
// the unit of work that must stay whole, or LINE, so that two threads never write one cache line. One part runs on
// the calling thread without waking anybody.
template <class F>
void split(int threads, int64_t n, int64_t grain, const F& f) {
  const int64_t grains = (n + grain - 1) / grain;
  const int64_t parts = std::min<int64_t>(threads, grains);
  if (parts <= 1) {
    if (n > 0) f(int64_t(0), n);
    return;
  }
#pragma omp parallel for schedule(static, 1) num_threads(static_cast<int>(parts))
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t begin = grains * i / parts * grain;
    const int64_t end = std::min(n, grains * (i + 1) / parts * grain);
    if (begin < end) f(begin, end);
  }
}

}  // namespace thaw
