// The engines that the stand-in offers, and what they do.
#pragma once

#include <cstddef>

#include "cudnn_descriptor.h"
#include "sim.h"

namespace thaw::dnn {

struct Engine {
  int index;
  std::vector<int> numerics, behaviors;  // notes
  bool fallback;                         // FALLBACK's, not A's
  enum { GOOD, TOO_LARGE, NOT_HERE, FAILS } nature;
  bool scratch;  // wants room for its output in float
};

const Engine* engine(int index);

// Bytes that it computes in.
std::size_t workspace(const Engine& engine, const Descriptor& graph);

// Queues a finished plan with a finished pack in a stream.
Answer run(const Descriptor& plan, const Descriptor& pack, CUstream stream);

}  // namespace thaw::dnn
