// A stand-in for libcudnn_graph.so.9: the calls of the graph interface that Thaw makes. Its siblings (cudnn_part.cpp) only
// have to be there.
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>

#include "cuda_calls.h"
#include "cudnn_calls.h"
#include "cudnn_engines.h"
#include "cudnn_witness.h"

namespace thaw::dnn {

namespace {

std::mutex lock;

std::set<Context*>& contexts() {
  static std::set<Context*> live;
  return live;
}

thread_local std::string last_message;

}  // namespace

int call(const std::function<Answer()>& f) {
  const std::lock_guard<std::mutex> alone(lock);
  const Answer answer = f();
  last_message = answer.message;
  return answer.status;
}

Context* context(void* handle) {
  auto* c = static_cast<Context*>(handle);
  return contexts().count(c) != 0 ? c : nullptr;
}

Answer no_context() { return refused(BAD_PARAM, "no such context, or it was destroyed"); }

}  // namespace thaw::dnn

using namespace thaw::dnn;

namespace {

Answer no_descriptor() { return refused(BAD_PARAM_NULL_POINTER, "no such descriptor, or it was destroyed"); }

Answer check_finished(const Shared& d, Kind kind) {
  if (d == nullptr) return no_descriptor();
  if (d->kind != kind) return refused(BAD_PARAM_DESCRIPTOR_TYPE, "expected " + name_of(kind) + ", found " + name_of(d->kind));
  if (!d->finished) return refused(BAD_PARAM_NOT_FINALIZED, name_of(kind) + " is not finished");
  return {};
}

// Nothing says what cuDNN does with the stream of a context while it makes a plan, so that must still be there.
Answer check_stream(const Descriptor& d) {
  if (d.kind != EXECUTION_PLAN || !d.has(PLAN_HANDLE)) return {};
  const Context* c = context(d.at<void*>(PLAN_HANDLE));
  CUstreamCaptureStatus status;
  if (c == nullptr || !c->streams || cuStreamIsCapturing(c->stream, &status) == CUDA_SUCCESS) return {};
  return refused(BAD_PARAM_STREAM_MISMATCH, "the stream that the context was sent to was destroyed");
}

}  // namespace

// 9.19.0 for CUDA 13.0, or what a test says in THAW_SIM_CUDNN.
THAW_API std::size_t cudnnGetVersion() {
  const char* version = std::getenv("THAW_SIM_CUDNN");
  if (version == nullptr && witness::present()) return witness::version();
  return version == nullptr ? 91900 : std::strtoul(version, nullptr, 10);
}

THAW_API std::size_t cudnnGetCudartVersion() { return 13000; }

THAW_API const char* cudnnGetErrorString(int status) {
  switch (status) {
    case SUCCESS: return "CUDNN_STATUS_SUCCESS";
    case NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
    case BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
    case BAD_PARAM_NULL_POINTER: return "CUDNN_STATUS_BAD_PARAM_NULL_POINTER";
    case BAD_PARAM_MISALIGNED_POINTER: return "CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER";
    case BAD_PARAM_NOT_FINALIZED: return "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED";
    case BAD_PARAM_OUT_OF_BOUND: return "CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND";
    case BAD_PARAM_SIZE_INSUFFICIENT: return "CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT";
    case BAD_PARAM_STREAM_MISMATCH: return "CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH";
    case BAD_PARAM_SHAPE_MISMATCH: return "CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH";
    case BAD_PARAM_DUPLICATED_ENTRIES: return "CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES";
    case BAD_PARAM_ATTRIBUTE_TYPE: return "CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE";
    case BAD_PARAM_DESCRIPTOR_TYPE: return "CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE";
    case NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
    case NOT_SUPPORTED_GRAPH_PATTERN: return "CUDNN_STATUS_NOT_SUPPORTED_GRAPH_PATTERN";
    case NOT_SUPPORTED_SHAPE: return "CUDNN_STATUS_NOT_SUPPORTED_SHAPE";
    case NOT_SUPPORTED_DATA_TYPE: return "CUDNN_STATUS_NOT_SUPPORTED_DATA_TYPE";
    case EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
    default: return "CUDNN_STATUS_UNKNOWN";
  }
}

THAW_API void cudnnGetLastErrorString(char* message, std::size_t most) {
  if (message == nullptr || most == 0) return;
  std::strncpy(message, last_message.c_str(), most - 1);
  message[most - 1] = 0;
}

THAW_API int cudnnCreate(void** handle) {
  return call([&]() -> Answer {
    if (handle == nullptr) return refused(BAD_PARAM_NULL_POINTER, "nowhere to put the context");
    *handle = *contexts().insert(new Context).first;
    return {};
  });
}

THAW_API int cudnnDestroy(void* handle) {
  return call([&]() -> Answer {
    Context* c = context(handle);
    if (c == nullptr) return no_context();
    contexts().erase(c);
    delete c;
    return {};
  });
}

THAW_API int cudnnSetStream(void* handle, CUstream stream) {
  return call([&]() -> Answer {
    Context* c = context(handle);
    if (c == nullptr) return no_context();
    c->stream = stream;
    c->streams = true;
    return {};
  });
}

THAW_API int cudnnBackendCreateDescriptor(int kind, void** descriptor) {
  return call([&]() -> Answer {
    if (descriptor == nullptr) return refused(BAD_PARAM_NULL_POINTER, "nowhere to put the descriptor");
    if (!known(kind)) return refused(NOT_SUPPORTED, "the stand-in has no descriptors of kind " + std::to_string(kind));
    *descriptor = add(static_cast<Kind>(kind));
    return witness::present() ? witness::create(*find(*descriptor)) : Answer{};
  });
}

THAW_API int cudnnBackendDestroyDescriptor(void* descriptor) {
  return call([&]() -> Answer { return remove(descriptor) ? Answer{} : no_descriptor(); });
}

THAW_API int cudnnBackendSetAttribute(void* descriptor, int name, int type, std::int64_t count, const void* elements) {
  return call([&]() -> Answer {
    const Shared d = find(descriptor);
    if (d == nullptr) return no_descriptor();
    Answer r = set(*d, name, type, count, elements);
    if (r.ok() && witness::present()) r = witness::set(*d, name, type, count, elements);
    if (r.ok() && type == HANDLE && context(d->at<void*>(name)) == nullptr) {
      d->values.erase(name);
      return no_context();
    }
    return r;
  });
}

THAW_API int cudnnBackendFinalize(void* descriptor) {
  return call([&]() -> Answer {
    const Shared d = find(descriptor);
    if (d == nullptr) return no_descriptor();
    const Answer r = check_stream(*d);
    return r.ok() ? finish(*d) : r;
  });
}

THAW_API int cudnnBackendGetAttribute(void* descriptor, int name, int type, std::int64_t most, std::int64_t* count,
                                      void* elements) {
  return call([&]() -> Answer {
    const Shared d = find(descriptor);
    return d == nullptr ? no_descriptor() : get(*d, name, type, most, count, elements);
  });
}

THAW_API int cudnnBackendExecute(void* handle, void* plan, void* pack) {
  return call([&]() -> Answer {
    const Context* c = context(handle);
    if (c == nullptr) return no_context();
    const Shared p = find(plan), addresses = find(pack);
    Answer r = check_finished(p, EXECUTION_PLAN);
    if (r.ok()) r = check_finished(addresses, VARIANT_PACK);
    if (!r.ok()) return r;
    if (p->at<void*>(PLAN_HANDLE) != handle) return refused(BAD_PARAM, "the plan is of another context");
    if (!c->streams) {
      return refused(BAD_PARAM_STREAM_MISMATCH, "cudnnSetStream was not called: it would run in the default stream");
    }
    return run(*p, *addresses, c->stream);
  });
}
