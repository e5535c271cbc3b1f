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
  char* anchor;
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
      auto& r = *static_cast<Range*>(result);
      r.before = r.anchor - static_cast<char*>(info->dlpi_tls_data);
      r.bytes = info->dlpi_phdr[i].p_memsz;
    }
  }
  return ours;
}

// The same in all threads, relative to the anchor.
const Range& range() {
  static const Range found = [] {
    Range r{&anchor, 0, 0};  // asking for one variable's address gives the thread all of them
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

char* start() { return &anchor - range().before; }

}  // namespace

void SharedMemory::before_launch() {
  const std::size_t bytes = range().bytes;
  if (anchor != static_cast<char>(POISON)) std::memset(start(), POISON, bytes);  // this thread's first launch
  ++launches_;
  looking_ = (launches_ & (launches_ - 1)) == 0;
}

void SharedMemory::after_block() {
  if (looking_) look();
  for (const auto& [at, n] : ranges_) std::memset(start() + at, POISON, n);
}

void SharedMemory::look() {
  const std::size_t bytes = range().bytes;
  written_.resize((bytes + PIECE - 1) / PIECE, false);
  bool more = false;
  for (std::size_t p = 0; p < written_.size(); ++p) {
    if (written_[p] || poisoned(start() + p * PIECE, std::min(PIECE, bytes - p * PIECE))) continue;
    written_[p] = more = true;
  }
  if (!more) return;
  ranges_.clear();
  for (std::size_t p = 0; p < written_.size(); ++p) {
    if (!written_[p]) continue;
    const std::size_t at = p * PIECE, n = std::min(PIECE, bytes - at);
    if (!ranges_.empty() && ranges_.back().first + ranges_.back().second == at) {
      ranges_.back().second += n;
    } else {
      ranges_.emplace_back(at, n);
    }
  }
}

}  // namespace thaw::sim
