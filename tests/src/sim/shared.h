// Shared memory: the variables that kernels declare __shared__.
//
// They are `static thread_local`, so the linker puts those of all kernels into one range of the library, templates' too (a
// section of one's own is not possible: GCC 12 leaves static variables of templates out of it). No other variable of the
// library may be thread_local. The range is filled with bits 1 - NaN, -1 - before each block: on the card it holds what
// some block before left. To fill all of it for every block would take longer than many a block; so what a kernel writes
// is learned, by looking after each block of its launches number 1, 2, 4, 8 and so on, and only that is filled again.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace thaw::sim {

// What one kernel writes.
class SharedMemory {
 public:
  void before_launch();
  void after_block();

 private:
  void look();

  long launches_ = 0;
  bool looking_ = false;
  std::vector<bool> written_;                                // by pieces
  std::vector<std::pair<std::size_t, std::size_t>> ranges_;  // of them: offset and length
};

}  // namespace thaw::sim
