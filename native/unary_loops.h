// Loops over the table kernels/unary_ops.def.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

struct UnaryLoops {
  const char* name;
  void (*forward)(float* y, const float* x, int64_t n, float a, float b);
  void (*backward)(float* dx, const float* dy, const float* saved, int64_t n, float a, float b);
};

// The table in the order of the file, ended by a null name.
LOOP(const UnaryLoops*, unary_table)

}  // namespace thaw
