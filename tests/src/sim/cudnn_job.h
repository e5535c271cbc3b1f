// A convolution whose tensors are known to lie somewhere: what cudnn_run.cpp makes of a plan, and cudnn_legacy.cpp of a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cudnn_descriptor.h"
#include "sim.h"

namespace thaw::dnn {

// A tensor where it lies: numbers of float or bf16, n, h, w, c.
struct Array {
  char* data = nullptr;
  int type = DATA_FLOAT;
  std::int64_t n = 0, c = 0, h = 0, w = 0;
  std::size_t bytes = 0;

  double get(std::int64_t i) const {
    if (type == DATA_FLOAT) return reinterpret_cast<const float*>(data)[i];
    const std::uint32_t bits = std::uint32_t{reinterpret_cast<const std::uint16_t*>(data)[i]} << 16;
    float f;
    std::memcpy(&f, &bits, sizeof(f));
    return f;
  }
  void put(std::int64_t i, double v) const {
    const float f = static_cast<float>(v);
    if (type == DATA_FLOAT) {
      reinterpret_cast<float*>(data)[i] = f;
      return;
    }
    std::uint32_t bits;
    std::memcpy(&bits, &f, sizeof(f));
    const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    reinterpret_cast<std::uint16_t*>(data)[i] = static_cast<std::uint16_t>(f != f ? (bits >> 16) | 0x40 : rounded);
  }
  std::int64_t at(std::int64_t in, std::int64_t ih, std::int64_t iw, std::int64_t ic) const {
    return ((in * h + ih) * w + iw) * c + ic;
  }
};

struct Job {
  Kind direction = CONVOLUTION_FORWARD;
  bool rounds = false;  // multiplies float32 as tensor cores do
  bool shuffles = false;
  Array x, w, y;  // of a chain, y is the convolution's output with the address of the last
  Array residual, bias;
  Array sums, squares;  // of y by channel
  bool relu = false, keeps_nan = false;
  bool adds = false;  // to what lies where the output goes
  std::int64_t stride[2]{}, pad[2]{}, dilation[2]{};
  char* scratch = nullptr;
  std::size_t scratch_bytes = 0;
};

// All places that a job may have.
std::vector<const Array*> arrays(const Job& job);

// Whether two of them share bytes.
bool overlap(const Array& a, const Array& b);

// Whether [data, data + bytes) is live memory; `who` begins what is said otherwise.
Answer in_memory(const Array& a, const std::string& who);

// Its room to compute in lies in live memory, and apart from its tensors.
Answer check_scratch(const Job& job);

// Queues it in a stream: simple loops, sums in double.
Answer enqueue(const Job& job, CUstream stream);

}  // namespace thaw::dnn
