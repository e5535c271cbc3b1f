// Memory for the length of one call. Not from the standard library: nothing here may throw, and contents need no zeros.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace thaw {

template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t n) : data_(static_cast<T*>(std::aligned_alloc(64, (n * sizeof(T) + 64) / 64 * 64))) {
    if (data_ == nullptr) {
      std::fprintf(stderr, "thaw: no memory for %lld bytes of scratch\n", static_cast<long long>(n * sizeof(T)));
      std::abort();
    }
  }
  ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() const { return data_; }
  T& operator[](int64_t i) const { return data_[i]; }

 private:
  T* data_;
};

}  // namespace thaw
