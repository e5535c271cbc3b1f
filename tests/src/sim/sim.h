// What the stand-in driver offers the stand-ins of CUDA's libraries, beside CUDA's own interface.
#pragma once

#include <stddef.h>

#include "cuda_types.h"

extern "C" {
// Queues run(context) in a stream, or records it where the stream is recorded: then it may run never, or many times. It
// runs alone, with the card's memory at its addresses. drop(context) is called once, when it cannot run again, and also
// if this returns an error. Returns a CUresult.
int thaw_sim_enqueue(CUstream stream, void (*run)(void* context), void (*drop)(void* context), void* context);

// Whether [p, p + bytes) lies in one live allocation: CUDA_SUCCESS or CUDA_ERROR_ILLEGAL_ADDRESS, and then
// cuGetErrorString says in one line what is there instead, beginning with `who`. Called from what was enqueued, an error is
// also the result of that, as a kernel's would be.
int thaw_sim_check(const void* p, size_t bytes, const char* who);
}
