// Calls that record streams into graphs, and launch those.
#include <cstdlib>
#include <string>

#include "driver.h"
#include "sim.h"

using namespace thaw::sim;

THAW_API CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  return call("cuStreamBeginCapture", [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (mode < CU_STREAM_CAPTURE_MODE_GLOBAL || mode > CU_STREAM_CAPTURE_MODE_RELAXED) {
      return refused(CUDA_ERROR_INVALID_VALUE, "no such mode: " + std::to_string(mode));
    }
    if (stream == d.streams.default_stream()) {
      return refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the default stream cannot be recorded");
    }
    if (stream->capture != nullptr) return refused(CUDA_ERROR_ILLEGAL_STATE, "the stream is recorded already");
    stream->capture = std::make_shared<Capture>(stream, mode);
    stream->after.clear();
    return {};
  });
}

THAW_API CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus* status) {
  return call("cuStreamIsCapturing", [&](Driver& d) -> Result {
    const Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (status == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the status");
    *status = stream->capture == nullptr  ? CU_STREAM_CAPTURE_STATUS_NONE
              : stream->capture->valid ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                                       : CU_STREAM_CAPTURE_STATUS_INVALIDATED;
    return {};
  });
}

THAW_API CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
  return call("cuStreamEndCapture", [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (graph == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the graph");
    *graph = nullptr;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (capture == nullptr) return refused(CUDA_ERROR_ILLEGAL_STATE, "the stream is not recorded");
    if (capture->origin != stream) {
      capture->valid = false;
      return refused(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "the capture began in another stream, and must end there");
    }
    if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != std::this_thread::get_id()) {
      return refused(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "the capture began in another thread, and must end there");
    }
    const std::set<int> last = stream->after;
    d.streams.end(*capture);
    if (!capture->valid) return refused(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call has spoilt this capture");
    if (!capture->joined(last)) {
      return refused(CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                     "work of another stream is recorded too, and this stream does not wait for it");
    }
    *graph = d.graphs.add(capture->nodes);
    return {};
  });
}

THAW_API CUresult cuGraphInstantiateWithFlags(CUgraphExec* result, CUgraph graph, unsigned long long flags) {
  return call("cuGraphInstantiate", [&](Driver& d) -> Result {
    const Graph* g = d.graphs.find(graph);
    if (g == nullptr) return bad_handle("graph");
    if (result == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the graph");
    if (flags != 0) return refused(CUDA_ERROR_INVALID_VALUE, "the stand-in knows no flags of graphs");
    *result = d.programs.add(std::make_shared<Program>(*g));
    return {};
  });
}

// With THAW_SIM_LAUNCHES=none it does nothing: what is left of a step is Java's.
THAW_API CUresult cuGraphLaunch(CUgraphExec graph, CUstream handle) {
  static const char* const launches = std::getenv("THAW_SIM_LAUNCHES");
  if (launches != nullptr && std::string(launches) == "none") return CUDA_SUCCESS;
  return call("cuGraphLaunch", [&](Driver& d) -> Result {
    const std::shared_ptr<Program>* program = d.programs.find(graph);
    if (program == nullptr) return bad_handle("graph");
    Stream* stream = d.stream(handle);
    return stream == nullptr ? bad_handle("stream") : d.streams.enqueue(stream, *program);
  });
}

THAW_API CUresult cuGraphDestroy(CUgraph graph) {
  return call("cuGraphDestroy", [&](Driver& d) -> Result {
    if (d.graphs.find(graph) == nullptr) return bad_handle("graph");
    d.graphs.remove(graph);
    return {};
  });
}

THAW_API CUresult cuGraphExecDestroy(CUgraphExec graph) {
  return call("cuGraphExecDestroy", [&](Driver& d) -> Result {
    if (d.programs.find(graph) == nullptr) return bad_handle("graph");
    d.programs.remove(graph);
    return {};
  });
}

THAW_API int thaw_sim_enqueue(CUstream handle, void (*run)(void*), void (*drop)(void*), void* context) {
  return call("thaw_sim_enqueue", [&](Driver& d) -> Result {
    const auto work = std::make_shared<Foreign>(run, drop, context);
    Stream* stream = d.stream(handle);
    return stream == nullptr ? bad_handle("stream") : d.streams.enqueue(stream, work);
  });
}

THAW_API int thaw_sim_check(const void* p, std::size_t bytes, const char* who) {
  return call("", Needs::NOTHING, [&](Driver& d) {
    const Result r = d.memory.check(p, bytes, who);
    Foreign::note(r);
    return r;
  });
}
