// CUDA's language for g++: kernels/*.cu, compiled with THAW_ON_HOST, run on the CPU, thread by thread (block.h).
//
// Nothing of CUDA is needed. What is here behaves as the CUDA C++ programming guide says, and where the guide says
// "undefined", a test should fail: shared memory starts as NaN, a shuffle from a lane that is not there gives NaN, a
// barrier that not all threads reach is an error that names kernel and block.
//
// What cannot be found here: two blocks that race (blocks run one after another), a read outside an allocation whose
// result is not used, and what depends on the card's arithmetic (fused multiply-adds, its exp and log).
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __shared__ static thread_local

#include "atomics.h"
#include "block.h"
#include "kernel.h"
#include "math_functions.h"
#include "warp.h"

// As in CUDA, all that a kernel takes is copied; its argument types tell how they lie in a launch's block of arguments.
#define KERNEL(name, ...)                                                    \
  extern "C" void name(__VA_ARGS__);                                         \
  static const thaw::sim::Registration registration_of_##name(#name, &name); \
  extern "C" void name(__VA_ARGS__)
