// Shared memory: the variables that kernels declare __shared__.
//
// They are `static thread_local`, so the linker puts those of all kernels into one range of the library, templates' too (a
// section of one's own is not possible: GCC 12 leaves static variables of templates out of it). No other variable of the
// library may be thread_local. The range is filled with bits 1 - NaN, -1 - before each block, as on the card it holds what
// the block before left.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace thaw::sim {

class SharedMemory {
 public:
  // Everything is poison from here on.
  SharedMemory();

  // Notes what has been written: after the first block, for all blocks of a launch write the same variables.
  void look();

  // Fills what was noted.
  void poison() const;

 private:
  char* start_;
  std::size_t bytes_;
  std::vector<std::pair<std::size_t, std::size_t>> written_;  // offset and length
};

}  // namespace thaw::sim
