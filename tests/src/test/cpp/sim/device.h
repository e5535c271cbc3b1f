// The stand-in driver as the checks use it: a context, buffers on the card, launches by name.
#pragma once

#include "check.h"

// Calls cuInit and makes the context current.
void open_context();

// Floats on the card, freed at the end.
class Buffer {
 public:
  explicit Buffer(long n, float value = 0);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  float* data() const { return reinterpret_cast<float*>(address); }
  // Through the default stream.
  std::vector<float> read() const;

  CUdeviceptr address = 0;
  long n;
};

CUfunction function(const char* name);
CUresult launch_packed(const char* name, unsigned blocks, CUstream stream, std::vector<char> arguments);

// By a packed block of arguments of exactly the kernel's types.
template <class... A>
CUresult launch(const char* name, unsigned blocks, CUstream stream, A... values) {
  return launch_packed(name, blocks, stream, packed(values...));
}
