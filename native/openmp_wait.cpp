// A library of its own, loaded before OpenMP's: how long a thread of a team spins before it sleeps. libgomp's default
// is several milliseconds, for which a waiting thread holds a processor that another process, or another thread of the
// team, may need: beside one busy neighbour every parallel loop then takes those milliseconds (measured: SeedCnn's
// training step at batch 1 0.32 ms with this, 69 ms without). libgomp reads its environment when it is loaded, and Java
// cannot set its own.
#include <cstdlib>

#include "thaw_cpu.h"

namespace {

// Some 50 to 100 microseconds: longer than the gap between two parallel loops of a step.
constexpr char SPINS[] = "5000";

bool is_ours = false;

}  // namespace

// The signatures are JNI's; what would be its environment and class is not looked at.
extern "C" THAW_API void Java_dev_thaw_cpu_OpenMpWait_choose(void*, void*) {
  if (getenv("GOMP_SPINCOUNT") == nullptr && getenv("OMP_WAIT_POLICY") == nullptr) {
    is_ours = setenv("GOMP_SPINCOUNT", SPINS, 0) == 0;
  }
}

// Once OpenMP is loaded, no child process shall inherit what was chosen for this one.
extern "C" THAW_API void Java_dev_thaw_cpu_OpenMpWait_forget(void*, void*) {
  if (is_ours) unsetenv("GOMP_SPINCOUNT");
  is_ours = false;
}
