// Fibers: functions that can stop in the middle, on stacks of their own, all in one thread of the operating system.
//
// A switch saves the six registers that a called function must keep, and the stack pointer: 2 ns. ucontext also saves the
// signal mask, by a system call each time. The rounding modes are the thread's and are not touched. For x86-64 with the
// System V calling convention.
#pragma once

#include <cstddef>
#include <vector>

extern "C" {
// Saves where this fiber is in *from, and goes on where `to` was saved. Returns when somebody goes on here.
void thaw_sim_switch(void** from, void* to);
}

namespace thaw::sim {

// Stacks, handed out the most recently returned first, so that few are in use they stay in the cache.
class Stacks {
 public:
  static constexpr std::size_t BYTES = 128 * 1024;

  // The number of a free stack.
  int take();
  void give(int stack) { free_.push_back(stack); }
  void give_all();

  // Where a fiber that starts with `entry` on this stack is "saved". The function never returns.
  void* start(int stack, void (*entry)());

 private:
  std::vector<char*> tops_;
  std::vector<int> free_;
};

}  // namespace thaw::sim
