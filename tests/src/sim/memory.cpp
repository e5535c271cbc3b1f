// Allocations, their guards, and what to say about an address that is in none.
#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace thaw::sim {

namespace {

constexpr std::size_t PAGE = 4096;
constexpr std::size_t GUARD = 4096 + 256;
constexpr std::size_t RESERVED = std::size_t(1) << 40;
constexpr std::size_t REMEMBERED = 4096;  // freed allocations

// As 16 bits, and twice as 32, a NaN; its low byte lies at even addresses.
constexpr unsigned char EVEN = 0xa5, ODD = 0xff;

void fill_guard(char* from, char* to) {
  for (char* p = from; p < to; ++p) *p = static_cast<char>(reinterpret_cast<uintptr_t>(p) % 2 == 0 ? EVEN : ODD);
}

// The first byte that is not the pattern's, or nullptr.
char* find_damage(char* from, char* to) {
  static const auto pattern = [] {
    struct Pattern {
      char bytes[GUARD + PAGE + 2];
    };
    static Pattern p;
    for (std::size_t i = 0; i < sizeof p.bytes; ++i) p.bytes[i] = static_cast<char>(i % 2 == 0 ? EVEN : ODD);
    return p.bytes;
  }();
  if (std::memcmp(from, pattern + reinterpret_cast<uintptr_t>(from) % 2, to - from) == 0) return nullptr;
  char* p = from;
  while (static_cast<unsigned char>(*p) == (reinterpret_cast<uintptr_t>(p) % 2 == 0 ? EVEN : ODD)) ++p;
  return p;
}

const char* name(Kind kind) { return kind == Kind::DEVICE ? "device" : "pinned"; }

std::string plain(std::size_t n) { return std::to_string(n); }

}  // namespace

std::string hex(const void* p) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(p)));
  return text;
}

char* Memory::reserve(std::size_t bytes) {
  if (static_cast<std::size_t>(end_ - next_) < bytes) {
    const std::size_t wanted = std::max(RESERVED, bytes);
    void* p = mmap(nullptr, wanted, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return nullptr;
    next_ = static_cast<char*>(p);
    end_ = next_ + wanted;
  }
  char* start = next_;
  next_ += bytes;
  return start;
}

Result Memory::allocate(void** address, std::size_t bytes, Kind kind) {
  if (bytes == 0) return refused(CUDA_ERROR_INVALID_VALUE, "an allocation of 0 bytes");
  if (kind == Kind::DEVICE && bytes > limit_ - std::min(limit_, used_)) {
    return refused(CUDA_ERROR_OUT_OF_MEMORY, plain(bytes) + " bytes asked for, " + plain(limit_ - used_) + " of " +
                                                 plain(limit_) + " are free (THAW_SIM_MEMORY sets how many there are)");
  }
  const std::size_t mapped = (bytes + 2 * GUARD + PAGE - 1) / PAGE * PAGE;
  char* start = reserve(mapped);
  if (start == nullptr || mprotect(start, mapped, PROT_READ | PROT_WRITE) != 0) {
    return refused(CUDA_ERROR_OUT_OF_MEMORY, plain(bytes) + " bytes asked for, which this machine does not have");
  }
  char* base = start + GUARD;
  fill_guard(start, base);
  std::memset(base, 0xff, bytes);
  fill_guard(base + bytes, start + mapped);
  map_[base] = {bytes, mapped, start, ++count_, kind, true};
  if (kind == Kind::DEVICE) used_ += bytes;
  *address = base;
  return {};
}

Result Memory::free(void* address, Kind kind) {
  const auto found = map_.find(static_cast<char*>(address));
  const std::string who = std::string("free of ") + name(kind) + " memory at " + hex(address);
  if (found == map_.end()) return refused(CUDA_ERROR_INVALID_VALUE, who + ": no allocation begins there; " + nearest(address));
  Allocation& a = found->second;
  if (!a.live) {
    return refused(CUDA_ERROR_INVALID_VALUE, who + ": allocation " + std::to_string(a.number) + " was freed before");
  }
  if (a.kind != kind) {
    return refused(CUDA_ERROR_INVALID_VALUE,
                   who + ": allocation " + std::to_string(a.number) + " is " + name(a.kind) + " memory");
  }
  const Result guards = check_guards_of(*found, who);
  a.live = false;
  if (kind == Kind::DEVICE) used_ -= a.bytes;
  // Gives the pages back, and keeps the addresses.
  mmap(a.start, a.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (++freed_ > REMEMBERED) {
    for (auto i = map_.begin(); i != map_.end();) i = i->second.live ? std::next(i) : map_.erase(i);
    freed_ = 0;
  }
  return guards;
}

void Memory::free_all() {
  for (auto& [base, a] : map_) {
    if (a.live) mmap(a.start, a.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  }
  map_.clear();
  used_ = freed_ = 0;
}

const Memory::Map::value_type* Memory::at(const void* p) const {
  auto after = map_.upper_bound(static_cast<const char*>(p));
  if (after == map_.begin()) return nullptr;
  const auto& entry = *std::prev(after);
  return static_cast<const char*>(p) < entry.first + entry.second.bytes ? &entry : nullptr;
}

std::string Memory::nearest(const void* p) const {
  const char* c = static_cast<const char*>(p);
  const auto after = map_.upper_bound(c);
  const Map::value_type* best = nullptr;
  const auto distance = [&](const Map::value_type& e) {
    return c < e.first ? e.first - c : c - e.first - std::ptrdiff_t(e.second.bytes);
  };
  if (after != map_.begin()) best = &*std::prev(after);
  if (after != map_.end() && (best == nullptr || distance(*after) < distance(*best))) best = &*after;
  if (best == nullptr) return "there is no allocation";
  const auto& [base, a] = *best;
  const std::string described = std::string(a.live ? "" : "freed ") + "allocation " + std::to_string(a.number) + " of " +
                                plain(a.bytes) + " bytes of " + name(a.kind) + " memory at " + hex(base);
  if (c >= base && c < base + a.bytes) return plain(c - base) + " bytes into " + described;
  return plain(static_cast<std::size_t>(distance(*best))) + (c < base ? " bytes before " : " bytes behind the end of ") +
         described;
}

Result Memory::check(const void* p, std::size_t bytes, const std::string& who) const {
  const Map::value_type* entry = at(p);
  if (entry == nullptr || !entry->second.live) {
    return illegal(who + ": " + hex(p) + " is in no live allocation; it is " + nearest(p));
  }
  const std::size_t left = entry->first + entry->second.bytes - static_cast<const char*>(p);
  if (bytes > left) {
    return illegal(who + ": " + plain(bytes) + " bytes at " + hex(p) + " end " + plain(bytes - left) +
                   " bytes behind the end of allocation " + std::to_string(entry->second.number) + " of " +
                   plain(entry->second.bytes) + " bytes");
  }
  return {};
}

bool Memory::in(Kind kind, const void* p) const {
  const Map::value_type* entry = at(p);
  return entry != nullptr && entry->second.live && entry->second.kind == kind;
}

Result Memory::check_guards_of(Map::value_type& entry, const std::string& who) {
  auto& [base, a] = entry;
  char* begin = a.start + (base - a.start);
  char* end = begin + a.bytes;
  char* damage = find_damage(a.start, begin);
  if (damage == nullptr) damage = find_damage(end, a.start + a.mapped);
  if (damage == nullptr) return {};
  const std::string where =
      damage < begin ? plain(begin - damage) + " bytes before" : plain(damage - end) + " bytes behind the end of";
  // So that it is told once.
  fill_guard(a.start, begin);
  fill_guard(end, a.start + a.mapped);
  return illegal(who + ": something was written " + where + " allocation " + std::to_string(a.number) + " of " +
                 plain(a.bytes) + " bytes of " + name(a.kind) + " memory at " + hex(begin));
}

Result Memory::check_guards(const void* p, const std::string& who) {
  const Map::value_type* entry = at(p);
  return entry == nullptr || !entry->second.live ? Result{} : check_guards_of(*map_.find(entry->first), who);
}

Result Memory::check_all_guards(const std::string& who) {
  for (auto& entry : map_) {
    if (!entry.second.live) continue;
    Result r = check_guards_of(entry, who);
    if (!r.ok()) return r;
  }
  return {};
}

}  // namespace thaw::sim
