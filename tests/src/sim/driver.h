// The state of the stand-in driver, and how each of its calls begins and ends.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "capture.h"
#include "cuda_calls.h"
#include "memory.h"
#include "stream.h"

// What the library shows to the process.
#define THAW_API extern "C" __attribute__((visibility("default")))

namespace thaw::sim {

// A number that no object had before, of whatever kind: a handle that outlives its object is known to be stale.
std::uintptr_t new_handle();

// The objects of one kind, by their handles.
template <class T, class Handle>
class Handles {
 public:
  Handle add(T object) {
    const std::uintptr_t number = new_handle();
    live_.emplace(number, std::move(object));
    return reinterpret_cast<Handle>(number);
  }
  // nullptr if the handle is none.
  T* find(Handle handle) {
    const auto found = live_.find(reinterpret_cast<std::uintptr_t>(handle));
    return found == live_.end() ? nullptr : &found->second;
  }
  void remove(Handle handle) { live_.erase(reinterpret_cast<std::uintptr_t>(handle)); }
  void clear() { live_.clear(); }

 private:
  std::map<std::uintptr_t, T> live_;
};

// Whatever image is loaded, the kernels are those compiled into the library: one function each, in the order of kernels().
struct Module {
  std::vector<CUfunction> functions;
};

struct Driver {
  Driver(std::size_t limit, bool eager) : memory(limit), streams(memory, eager) {}

  std::recursive_mutex lock;
  bool initialised = false;
  int retained = 0;  // the context lives as long as somebody retains it
  Memory memory;
  Streams streams;
  Handles<Stream*, CUstream> made_streams;
  Handles<Event, CUevent> events;
  Handles<Module, CUmodule> modules;
  Handles<const Kernel*, CUfunction> functions;
  Handles<Graph, CUgraph> graphs;
  Handles<std::shared_ptr<Program>, CUgraphExec> programs;

  // The handle of the one context.
  CUcontext context() { return reinterpret_cast<CUcontext>(this); }

  // Destroys all that belongs to the context.
  void reset();

  // nullptr if the handle is none.
  Stream* stream(CUstream handle);
  const Kernel* kernel(CUfunction handle);

  // Spoils the captures that forbid calls that cannot be recorded, allocations and waits, and says so.
  Result forbid_while_capturing();
};

Driver& driver();

// What the calling thread has: its context, and what went wrong last.
CUcontext current_context();
void set_current_context(CUcontext context);

// Keeps the message for cuGetErrorString, with the name of the call before it if there is one.
CUresult answer(const char* call, const Result& result);
const char* last_message(CUresult code);

inline Result bad_handle(const char* what) {
  return refused(CUDA_ERROR_INVALID_HANDLE, std::string("no such ") + what + ", or it was destroyed");
}

enum class Needs { NOTHING, INIT, CONTEXT };

Result ready(Driver& d, Needs needs);

// One call of the interface: f(driver), alone.
template <class F>
CUresult call(const char* name, Needs needs, const F& f) {
  Driver& d = driver();
  const std::lock_guard<std::recursive_mutex> alone(d.lock);
  Result r = ready(d, needs);
  return answer(name, r.ok() ? f(d) : r);
}

template <class F>
CUresult call(const char* name, const F& f) {
  return call(name, Needs::CONTEXT, f);
}

// One that must not happen while a stream is recorded.
template <class F>
CUresult call_outside_capture(const char* name, const F& f) {
  return call(name, [&](Driver& d) {
    Result r = d.forbid_while_capturing();
    return r.ok() ? f(d) : r;
  });
}

}  // namespace thaw::sim
