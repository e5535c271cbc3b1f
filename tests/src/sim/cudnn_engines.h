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
  enum { GOOD, TOO_LARGE, NOT_HERE, FAILS, FORGETS } nature;
  bool scratch;  // wants room for its output in float
};

// nullptr if it is none of the stand-in's.
const Engine* engine(std::int64_t index);

// Queues a finished plan with a finished pack in a stream.
Answer run(const Descriptor& plan, const Descriptor& pack, CUstream stream);

}  // namespace thaw::dnn
