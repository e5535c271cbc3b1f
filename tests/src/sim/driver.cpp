// State that calls share, and the state of threads.
#include "driver.h"

#include <pthread.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

namespace thaw::sim {

namespace {

constexpr std::size_t MEMORY = std::size_t(8) << 30;

// A pthread key and not thread_local, which shared memory is alone in (shared.h).
struct ThreadState {
  CUcontext context = nullptr;
  CUresult code = CUDA_SUCCESS;
  const char* message = nullptr;
};

ThreadState& thread_state() {
  static const pthread_key_t key = [] {
    pthread_key_t k;
    pthread_key_create(&k, [](void* state) { delete static_cast<ThreadState*>(state); });
    return k;
  }();
  auto* state = static_cast<ThreadState*>(pthread_getspecific(key));
  if (state == nullptr) {
    state = new ThreadState;
    pthread_setspecific(key, state);
  }
  return *state;
}

std::size_t memory_wanted() {
  const char* text = std::getenv("THAW_SIM_MEMORY");
  return text == nullptr ? MEMORY : std::strtoull(text, nullptr, 10);
}

// Of the words that a variable of the environment may be, whether it is the second; unset is the first.
bool second_word(const char* variable, const char* first, const char* second) {
  const char* text = std::getenv(variable);
  if (text == nullptr || std::strcmp(text, first) == 0) return false;
  if (std::strcmp(text, second) == 0) return true;
  std::fprintf(stderr, "%s is %s: expected %s or %s\n", variable, text, first, second);
  std::exit(2);
}

}  // namespace

Driver& driver() {
  // Never destroyed: other threads may still call while the process ends.
  static Driver& d = *new Driver(memory_wanted(), second_word("THAW_SIM_STREAMS", "lazy", "eager"));
  return d;
}

std::uintptr_t new_handle() {
  static std::uintptr_t last = 0x10000;  // above what has a meaning of its own, such as CU_STREAM_LEGACY
  return last += 16;
}

void Driver::reset() {
  streams.destroy_all();
  streams.take_failure();
  made_streams.clear();
  events.clear();
  modules.clear();
  functions.clear();
  programs.clear();
  graphs.clear();
  memory.free_all();
}

Stream* Driver::stream(CUstream handle) {
  if (handle == nullptr || handle == CU_STREAM_LEGACY) return streams.default_stream();
  Stream** stream = made_streams.find(handle);
  return stream == nullptr ? nullptr : *stream;
}

const Kernel* Driver::kernel(CUfunction handle) {
  const Kernel** kernel = functions.find(handle);
  return kernel == nullptr ? nullptr : *kernel;
}

Result Driver::forbid_while_capturing() {
  bool forbidden = false;
  for (Capture* capture : streams.captures()) {
    const bool mine = capture->thread == std::this_thread::get_id();
    if (capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL || (mine && capture->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)) {
      capture->valid = false;
      forbidden = true;
    }
  }
  if (!forbidden) return {};
  return refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                 "not while a stream is recorded: the call cannot be part of a graph; the capture is spoilt");
}

CUcontext current_context() { return thread_state().context; }

void set_current_context(CUcontext context) { thread_state().context = context; }

CUresult answer(const char* call, const Result& result) {
  if (!result.ok() && !result.message.empty()) {
    static std::set<std::string> messages;  // whoever asked may keep the pointer
    ThreadState& state = thread_state();
    state.code = result.code;
    const std::string begin = *call == 0 ? "" : std::string(call) + ": ";
    state.message = messages.insert(begin + result.message).first->c_str();
  }
  return result.code;
}

const char* last_message(CUresult code) {
  const ThreadState& state = thread_state();
  return code != CUDA_SUCCESS && state.code == code ? state.message : nullptr;
}

Result ready(Driver& d, Needs needs) {
  if (needs == Needs::NOTHING) return {};
  if (!d.initialised) return refused(CUDA_ERROR_NOT_INITIALIZED, "call cuInit first");
  if (needs == Needs::CONTEXT && (current_context() != d.context() || d.retained == 0)) {
    return refused(CUDA_ERROR_INVALID_CONTEXT, "this thread has no context; call cuDevicePrimaryCtxRetain and cuCtxSetCurrent");
  }
  return {};
}

}  // namespace thaw::sim
