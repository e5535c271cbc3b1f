// Finds the thread-local variables of this library, and fills them.
#include "shared.h"

#include <link.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace thaw::sim {

namespace {

constexpr int POISON = 0xff;
constexpr std::size_t PIECE = 256;

// One of the variables, to find the others by. It is filled like them.
thread_local char anchor;

struct Range {
  std::ptrdiff_t before;  // bytes of the range before the anchor
  std::size_t bytes;
};

int find(dl_phdr_info* info, std::size_t, void* result) {
  const auto address = reinterpret_cast<uintptr_t>(&find);
  bool ours = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    const uintptr_t from = info->dlpi_addr + part.p_vaddr;
    ours = ours || (part.p_type == PT_LOAD && address >= from && address < from + part.p_memsz);
  }
  for (int i = 0; ours && i < info->dlpi_phnum; ++i) {
    if (info->dlpi_phdr[i].p_type == PT_TLS) {
      *static_cast<Range*>(result) = {&anchor - static_cast<char*>(info->dlpi_tls_data), info->dlpi_phdr[i].p_memsz};
    }
  }
  return ours;
}

// The same in all threads, relative to the anchor.
const Range& range() {
  static const Range found = [] {
    anchor = static_cast<char>(POISON);  // a thread has the variables from its first use of one
    Range r{0, 0};
    dl_iterate_phdr(find, &r);
    if (r.bytes == 0) {
      std::fputs("cuda_on_cpu: cannot find the shared variables of the kernels\n", stderr);
      std::abort();
    }
    return r;
  }();
  return found;
}

bool poisoned(const char* from, std::size_t bytes) {
  return from[0] == static_cast<char>(POISON) && std::memcmp(from, from + 1, bytes - 1) == 0;
}

}  // namespace

SharedMemory::SharedMemory() : start_(&anchor - range().before), bytes_(range().bytes) { std::memset(start_, POISON, bytes_); }

void SharedMemory::look() {
  for (std::size_t at = 0; at < bytes_; at += PIECE) {
    const std::size_t n = std::min(PIECE, bytes_ - at);
    if (poisoned(start_ + at, n)) continue;
    if (!written_.empty() && at == written_.back().first + written_.back().second) {
      written_.back().second += n;
    } else {
      written_.emplace_back(at, n);
    }
  }
}

void SharedMemory::poison() const {
  for (const auto& [at, n] : written_) std::memset(start_ + at, POISON, n);
}

}  // namespace thaw::sim
