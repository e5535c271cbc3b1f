// The library itself: version, choice of the instruction set, memory.
#include "thaw_cpu.h"

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "isa.h"
#include "parallel.h"

namespace thaw {

Isa isa = GENERIC;

namespace {

// From here on a block is its own mapping: returned to the system as soon as it is freed, and never touched before use.
constexpr int64_t MAPPED = 256 << 10;

}  // namespace
}  // namespace thaw

int thaw_abi_version(void) { return 5; }

int thaw_choose_isa(int wanted) {
  using namespace thaw;
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  isa = static_cast<Isa>(std::min(wanted, avx512 ? 2 : avx2 ? 1 : 0));
  return isa;
}

int thaw_isa(void) { return thaw::isa; }

void thaw_set_threads(int threads) { omp_set_num_threads(threads); }

int64_t thaw_allocate(int64_t bytes) {
  if (bytes >= thaw::MAPPED) {
    void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return block == MAP_FAILED ? 0 : reinterpret_cast<int64_t>(block);
  }
  return reinterpret_cast<int64_t>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
}

void thaw_free(int64_t address, int64_t bytes) {
  void* block = reinterpret_cast<void*>(address);
  if (bytes >= thaw::MAPPED) {
    munmap(block, bytes);
  } else {
    std::free(block);
  }
}

void thaw_copy(void* y, const void* x, int64_t bytes, int threads) {
  thaw::split(threads, bytes, 4096, [=](int64_t begin, int64_t end) {
    std::memcpy(static_cast<char*>(y) + begin, static_cast<const char*>(x) + begin, end - begin);
  });
}
