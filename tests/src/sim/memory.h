// The card's memory and pinned memory of the host, both kept in the host's, each allocation between two guard zones.
//
// Addresses are never used twice: a freed range may no longer be touched, and a pointer into it is known to be stale. New
// memory is filled with bits 1 (NaN, -1). The guards hold a pattern that is a NaN too, as float and as bf16: what was
// read outside an allocation spoils the result, what was written there is found when the guards are next looked at. An
// allocation is aligned to 256 bytes, as the card promises, and to no more.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "errors.h"

namespace thaw::sim {

enum class Kind { DEVICE, PINNED };

class Memory {
 public:
  explicit Memory(std::size_t limit) : limit_(limit) {}

  std::size_t limit() const { return limit_; }
  std::size_t used() const { return used_; }  // of the card's memory

  Result allocate(void** address, std::size_t bytes, Kind kind);
  Result free(void* address, Kind kind);
  void free_all();

  // Whether [p, p + bytes) lies inside one live allocation, of whichever kind. `who` begins the message.
  Result check(const void* p, std::size_t bytes, const std::string& who) const;

  // Whether p points into a live allocation of this kind.
  bool in(Kind kind, const void* p) const;

  // Whether nothing was written just outside the allocation that p points into, or outside any.
  Result check_guards(const void* p, const std::string& who);
  Result check_all_guards(const std::string& who);

 private:
  struct Allocation {
    std::size_t bytes;
    std::size_t mapped;  // guards included, from `start`
    char* start;
    long number;
    Kind kind;
    bool live;
  };
  using Map = std::map<const char*, Allocation>;

  const Map::value_type* at(const void* p) const;
  std::string nearest(const void* p) const;
  char* reserve(std::size_t bytes);
  Result check_guards_of(Map::value_type& entry, const std::string& who);

  std::size_t limit_;
  std::size_t used_ = 0;
  long count_ = 0;
  char* next_ = nullptr;  // of the reserved addresses
  char* end_ = nullptr;
  std::size_t freed_ = 0;
  Map map_;  // by address, freed ones too
};

std::string hex(const void* p);

}  // namespace thaw::sim
