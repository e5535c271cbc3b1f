// Runs the checks of the stand-in for CUDA; fails if any did.
#include "check.h"

int main() {
  check_blocks();
  check_memory();
  check_streams();
  check_graphs();
  check_elementwise();
  std::printf(failures == 0 ? "all checks hold\n" : "%d checks fail\n", failures);
  return failures == 0 ? 0 : 1;
}
