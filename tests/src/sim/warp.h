// Barriers, shuffles and votes. A call knows its line, so that errors can name it.
#pragma once

#include <cstring>

#include "block.h"

#define THAW_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(THAW_SITE) { thaw::sim::wait_for_block({file, line}); }

inline void __syncwarp(unsigned mask = 0xffffffffu, THAW_SITE) {
  thaw::sim::wait_for_lanes(mask, thaw::sim::Together::SYNC, 0, 0, {file, line});
}

namespace thaw::sim {

template <class T>
T shuffle(unsigned mask, T value, int source, Site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "CUDA shuffles values of 4 and 8 bytes");
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = wait_for_lanes(mask, Together::SHUFFLE, bits, source, site);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// The first lane of the part of the warp, `width` lanes long, in which the running lane is.
inline int part(int width, Site site) {
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) fail_block("the width of a shuffle is a power of two to 32", site);
  return lane() & ~(width - 1);
}

}  // namespace thaw::sim

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, THAW_SITE) {
  const int first = thaw::sim::part(width, {file, line});
  return thaw::sim::shuffle(mask, value, first + (source & (width - 1)), {file, line});
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, THAW_SITE) {
  const int first = thaw::sim::part(width, {file, line});
  const int lane = thaw::sim::lane();
  return thaw::sim::shuffle(mask, value, delta > unsigned(lane - first) ? lane : lane - int(delta), {file, line});
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, THAW_SITE) {
  const int end = thaw::sim::part(width, {file, line}) + width;
  const int lane = thaw::sim::lane();
  return thaw::sim::shuffle(mask, value, delta >= unsigned(end - lane) ? lane : lane + int(delta), {file, line});
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, THAW_SITE) {
  const int end = thaw::sim::part(width, {file, line}) + width;
  const int lane = thaw::sim::lane();
  const int other = lane ^ lanes;
  return thaw::sim::shuffle(mask, value, other < 0 || other >= end ? lane : other, {file, line});
}

inline unsigned __ballot_sync(unsigned mask, int predicate, THAW_SITE) {
  return static_cast<unsigned>(
      thaw::sim::wait_for_lanes(mask, thaw::sim::Together::VOTE, predicate != 0, 0, {file, line}));
}

inline int __any_sync(unsigned mask, int predicate, THAW_SITE) { return __ballot_sync(mask, predicate, file, line) != 0; }

// All lanes that still run.
inline int __all_sync(unsigned mask, int predicate, THAW_SITE) { return __ballot_sync(mask, !predicate, file, line) == 0; }

#undef THAW_SITE
