// Calls about streams and events.
#include "driver.h"

using namespace thaw::sim;

namespace {

CUresult with_stream(const char* name, CUstream handle, Result (*f)(Driver&, Stream*)) {
  return call(name, [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    return stream == nullptr ? bad_handle("stream") : f(d, stream);
  });
}

// A stream that is recorded cannot be waited for, and neither can any other from a thread that may not.
Result waitable(Driver& d, const Stream* stream) {
  if (stream->capture == nullptr) return d.forbid_while_capturing();
  stream->capture->valid = false;
  return refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the stream is recorded, nothing runs in it; the capture is spoilt");
}

Result waitable(Driver& d, const Event* event) {
  if (event->capture == nullptr) return d.forbid_while_capturing();
  event->capture->valid = false;
  return refused(CUDA_ERROR_CAPTURED_EVENT, "the event was last recorded in a capture");
}

}  // namespace

THAW_API CUresult cuStreamCreate(CUstream* result, unsigned flags) {
  return call("cuStreamCreate", [&](Driver& d) -> Result {
    if (result == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the stream");
    if (flags > CU_STREAM_NON_BLOCKING) return refused(CUDA_ERROR_INVALID_VALUE, "no such flags: " + std::to_string(flags));
    *result = d.made_streams.add(d.streams.create(flags == CU_STREAM_DEFAULT));
    return {};
  });
}

THAW_API CUresult cuStreamDestroy_v2(CUstream handle) {
  return call("cuStreamDestroy", [&](Driver& d) -> Result {
    Stream** stream = d.made_streams.find(handle);
    if (stream == nullptr) return bad_handle("stream");
    d.streams.destroy(*stream);
    d.made_streams.remove(handle);
    return {};
  });
}

THAW_API CUresult cuStreamSynchronize(CUstream handle) {
  return with_stream("cuStreamSynchronize", handle, [](Driver& d, Stream* stream) -> Result {
    Result r = waitable(d, stream);
    if (!r.ok()) return r;
    d.streams.run(stream);
    return d.streams.take_failure();
  });
}

// Each time one more operation has run, so that who asks again and again gets on.
THAW_API CUresult cuStreamQuery(CUstream handle) {
  return with_stream("cuStreamQuery", handle, [](Driver& d, Stream* stream) -> Result {
    Result r = waitable(d, stream);
    if (!r.ok()) return r;
    d.streams.run_one(stream);
    if (!stream->queue.empty()) return {CUDA_ERROR_NOT_READY, ""};
    return d.streams.take_failure();
  });
}

THAW_API CUresult cuStreamWaitEvent(CUstream handle, CUevent event, unsigned flags) {
  return call("cuStreamWaitEvent", [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    const Event* e = d.events.find(event);
    if (e == nullptr) return bad_handle("event");
    if (flags != 0) return refused(CUDA_ERROR_INVALID_VALUE, "no such flags: " + std::to_string(flags));
    return d.streams.wait_for(stream, *e);
  });
}

THAW_API CUresult cuEventCreate(CUevent* result, unsigned flags) {
  return call("cuEventCreate", [&](Driver& d) -> Result {
    if (result == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the event");
    if (flags > (CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING)) {
      return refused(CUDA_ERROR_INVALID_VALUE, "no such flags: " + std::to_string(flags));
    }
    Event e;
    e.timing = (flags & CU_EVENT_DISABLE_TIMING) == 0;
    *result = d.events.add(e);
    return {};
  });
}

THAW_API CUresult cuEventDestroy_v2(CUevent event) {
  return call("cuEventDestroy", [&](Driver& d) -> Result {
    if (d.events.find(event) == nullptr) return bad_handle("event");
    d.events.remove(event);
    return {};
  });
}

THAW_API CUresult cuEventRecord(CUevent event, CUstream handle) {
  return call("cuEventRecord", [&](Driver& d) -> Result {
    Event* e = d.events.find(event);
    if (e == nullptr) return bad_handle("event");
    Stream* stream = d.stream(handle);
    return stream == nullptr ? bad_handle("stream") : d.streams.record(stream, e);
  });
}

THAW_API CUresult cuEventSynchronize(CUevent event) {
  return call("cuEventSynchronize", [&](Driver& d) -> Result {
    const Event* e = d.events.find(event);
    if (e == nullptr) return bad_handle("event");
    Result r = waitable(d, e);
    if (!r.ok() || e->recorded == nullptr) return r;
    d.streams.run_until(*e->recorded);
    return d.streams.take_failure();
  });
}

THAW_API CUresult cuEventQuery(CUevent event) {
  return call("cuEventQuery", [&](Driver& d) -> Result {
    const Event* e = d.events.find(event);
    if (e == nullptr) return bad_handle("event");
    Result r = waitable(d, e);
    if (!r.ok() || e->recorded == nullptr) return r;
    if (!e->recorded->reached) d.streams.run_one(e->recorded->stream);
    if (!e->recorded->reached) return {CUDA_ERROR_NOT_READY, ""};
    return d.streams.take_failure();
  });
}

THAW_API CUresult cuEventElapsedTime_v2(float* milliseconds, CUevent start, CUevent end) {
  return call("cuEventElapsedTime", [&](Driver& d) -> Result {
    const Event* a = d.events.find(start);
    const Event* b = d.events.find(end);
    if (a == nullptr || b == nullptr) return bad_handle("event");
    if (milliseconds == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the time");
    if (a->recorded == nullptr || b->recorded == nullptr || !a->timing || !b->timing) {
      return refused(CUDA_ERROR_INVALID_HANDLE, "an event that was not recorded, or made without timing");
    }
    if (!a->recorded->reached || !b->recorded->reached) return {CUDA_ERROR_NOT_READY, ""};
    *milliseconds = std::chrono::duration<float, std::milli>(b->recorded->time - a->recorded->time).count();
    return {};
  });
}
