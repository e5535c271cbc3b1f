// One block of threads: each a fiber, run one after another until it ends or has to wait for others.
//
// A thread runs until it reaches a barrier; then another one of its warp runs, and when none of the warp can, another
// warp: threads get as far ahead of each other as the barriers let them, so a barrier that is missing shows. The order
// turns at each barrier of the block and from block to block (THAW_SIM_ORDER: alternate, forward, backward, shuffled): who
// reads what a thread with a higher number writes is found in one order, who reads a lower one's in the other.
#pragma once

#include <cstdint>
#include <string>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

// CUDA's variables, set for the thread that runs.
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;

namespace thaw::sim {

// Where in a kernel's source something is called.
struct Site {
  const char* file;
  int line;
};

// What the lanes of a warp can do together.
enum class Together { SYNC, SHUFFLE, VOTE };

// Waits until all threads of the block that still run are here.
void wait_for_block(Site site);

// Waits until all lanes in the mask that still run are here, then returns what `source` gave as value: of a vote, the
// lanes that gave a value other than 0. A lane that is not there gives bits 1: of a float, a NaN.
uint64_t wait_for_lanes(unsigned mask, Together what, uint64_t value, int source, Site site);

// The number of the running thread in its block, and in its warp.
extern int running_thread;
inline int lane() { return running_thread % 32; }

// Ends the block that runs with an error; does not return.
[[noreturn]] void fail_block(const std::string& what, Site site);

// Runs call(context) for every thread of every block, the blocks one after another. Returns an error in one line, or "".
std::string run_grid(const char* kernel, dim3 grid, dim3 block, void (*call)(const void*), const void* context);

}  // namespace thaw::sim
