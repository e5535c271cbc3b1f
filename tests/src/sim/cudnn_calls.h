// How each call of the stand-in for cuDNN begins and ends, and its contexts.
#pragma once

#include <functional>

#include "cudnn_descriptor.h"
#include "sim.h"

// What the library shows to the process.
#define THAW_API extern "C" __attribute__((visibility("default")))

namespace thaw::dnn {

struct Context {
  CUstream stream = nullptr;
  bool streams = false;  // cudnnSetStream was called
};

// One call of the interface, alone; cudnnGetLastErrorString says its message.
int call(const std::function<Answer()>& f);

// nullptr if the handle is none; within a call.
Context* context(void* handle);

Answer no_context();

}  // namespace thaw::dnn
