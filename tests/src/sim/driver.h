// The state of the stand-in driver, and how each of its calls begins and ends.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "capture.h"
#include "cuda_calls.h"
#include "memory.h"
#include "stream.h"

// What the library shows to the process.
#define THAW_API extern "C" __attribute__((visibility("default")))

namespace thaw::sim {

// The objects of one kind that are alive: a handle is an address, and only these are handles.
template <class T>
class Handles {
 public:
  T* add(T* object) {
    live_.insert(object);
    return object;
  }
  // nullptr if the handle is none.
  template <class Handle>
  T* find(Handle* handle) const {
    T* object = reinterpret_cast<T*>(handle);
    return live_.count(object) != 0 ? object : nullptr;
  }
  void remove(T* object) {
    live_.erase(object);
    delete object;
  }
  template <class F>
  bool any(const F& f) const {
    for (const T* object : live_) {
      if (f(*object)) return true;
    }
    return false;
  }
  void remove_all() {
    for (T* object : live_) delete object;
    live_.clear();
  }

 private:
  std::set<T*> live_;
};

// What cuModuleGetFunction gives.
struct Function {
  const Kernel* kernel;
};

// Whatever image is loaded, the kernels are those compiled into the library.
struct Module {
  std::vector<Function> functions;
};

struct Executable {
  std::shared_ptr<Program> program;
};

struct Driver {
  explicit Driver(std::size_t limit) : memory(limit), streams(memory) {}

  std::recursive_mutex lock;
  bool initialised = false;
  int retained = 0;  // the context lives as long as somebody retains it
  Memory memory;
  Streams streams;
  Handles<Event> events;
  Handles<Module> modules;
  Handles<Graph> graphs;
  Handles<Executable> executables;

  // The handle of the one context.
  CUcontext context() { return reinterpret_cast<CUcontext>(this); }

  // Destroys all that belongs to the context.
  void reset();

  // nullptr if the handle is none.
  Stream* stream(CUstream handle);
  Function* function(CUfunction handle);

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
