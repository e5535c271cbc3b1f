// Graphs: what is recorded runs at each launch, and what cannot be recorded is refused.
#include <thread>

#include "device.h"
#include "sim.h"

namespace {

constexpr long long N = 300;

struct Recording {
  Recording() {
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&fork, CU_EVENT_DISABLE_TIMING));
    OK(cuEventCreate(&join, CU_EVENT_DISABLE_TIMING));
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() {
    OK(cuEventDestroy_v2(fork));
    OK(cuEventDestroy_v2(join));
    OK(cuStreamDestroy_v2(stream));
    OK(cuStreamDestroy_v2(other));
  }

  void fork_off() {
    OK(cuEventRecord(fork, stream));
    OK(cuStreamWaitEvent(other, fork, 0));
  }
  void join_in() {
    OK(cuEventRecord(join, other));
    OK(cuStreamWaitEvent(stream, join, 0));
  }
  CUgraphExec end() {
    CUgraph graph = nullptr;
    CUgraphExec executable = nullptr;
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphInstantiateWithFlags(&executable, graph, 0));
    OK(cuGraphDestroy(graph));
    return executable;
  }
  // After what has spoilt it.
  void ends_with(CUresult wanted) {
    CUgraph graph = nullptr;
    GIVES(wanted, "", cuStreamEndCapture(stream, &graph));
    CHECK(graph == nullptr);
    CUstreamCaptureStatus status;
    OK(cuStreamIsCapturing(stream, &status));
    CHECK(status == CU_STREAM_CAPTURE_STATUS_NONE);
  }

  CUstream stream = nullptr, other = nullptr;
  CUevent fork = nullptr, join = nullptr;
};

void replays() {
  const Buffer x(N, 0), y(N, 0);
  Recording r;
  OK(launch("test_add_one", 2, r.stream, x.data(), N));
  OK(cuMemcpyDtoDAsync_v2(y.address, x.address, N * sizeof(float), r.stream));
  OK(cuMemsetD32Async(y.address, 0, 1, r.stream));
  CUstreamCaptureStatus status;
  OK(cuStreamIsCapturing(r.stream, &status));
  CHECK(status == CU_STREAM_CAPTURE_STATUS_ACTIVE);
  CUgraphExec graph = r.end();
  CHECK(x.read()[0] == 0);  // recorded, not run
  for (int i = 0; i < 3; ++i) OK(cuGraphLaunch(graph, r.stream));
  OK(cuStreamSynchronize(r.stream));
  CHECK(x.read()[0] == 3 && y.read()[0] == 0 && y.read()[1] == 3);
  OK(cuGraphExecDestroy(graph));
  GIVES(CUDA_ERROR_INVALID_HANDLE, "no such graph", cuGraphLaunch(graph, r.stream));
}

// With a wait missing inside, the copy comes too late for the kernel, at each launch.
void forked(bool wait) {
  const Buffer x(N, 1), y(N, 1), five(N, 5);
  Recording r;
  r.fork_off();
  OK(cuMemcpyDtoDAsync_v2(x.address, five.address, N * sizeof(float), r.other));
  if (wait) r.join_in();
  OK(launch("test_copy", 2, r.stream, y.data(), x.data(), N));
  if (!wait) r.join_in();
  CUgraphExec graph = r.end();
  OK(cuGraphLaunch(graph, r.stream));
  OK(cuStreamSynchronize(r.stream));
  CHECK(y.read()[0] == (wait ? 5 : 1));
  OK(cuGraphExecDestroy(graph));
}

void stale_pointer() {
  CUgraphExec graph = nullptr;
  CUstream stream = nullptr;
  OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  {
    const Buffer gone(N, 0);
    OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(launch("test_add_one", 2, stream, gone.data(), N));
    CUgraph recorded = nullptr;
    OK(cuStreamEndCapture(stream, &recorded));
    OK(cuGraphInstantiateWithFlags(&graph, recorded, 0));
    OK(cuGraphLaunch(graph, stream));
    OK(cuStreamSynchronize(stream));
  }
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "kernel test_add_one, argument 1 of 2", cuGraphLaunch(graph, stream));
  OK(cuStreamDestroy_v2(stream));
}

void forbidden_calls() {
  const Buffer x(N, 0);
  CUdeviceptr p = 0;
  float host = 0;
  {
    Recording r;
    GIVES(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "the stream is recorded", cuStreamSynchronize(r.stream));
    GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "spoilt", launch("test_add_one", 2, r.stream, x.data(), N));
    r.ends_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  }
  const auto spoils = [](CUresult wanted, auto call) {
    Recording r;
    const CUresult found = call(r);
    GIVES(wanted, "", found);
    r.ends_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  };
  const CUresult unsupported = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  spoils(unsupported, [&](Recording&) { return cuMemAlloc_v2(&p, 4); });
  spoils(unsupported, [&](Recording&) { return cuMemFree_v2(x.address); });
  spoils(unsupported, [&](Recording&) { return cuCtxSynchronize(); });
  spoils(unsupported, [&](Recording& r) { return cuStreamSynchronize(r.other); });
  spoils(unsupported, [&](Recording& r) { return cuStreamQuery(r.stream); });
  spoils(unsupported, [&](Recording&) { return cuMemcpyDtoH_v2(&host, x.address, 4); });
  spoils(unsupported, [&](Recording& r) { return cuMemcpyDtoHAsync_v2(&host, x.address, 4, r.stream); });
  spoils(unsupported, [&](Recording& r) { return cuMemcpyHtoDAsync_v2(x.address, &host, 4, r.stream); });
  spoils(CUDA_ERROR_CAPTURED_EVENT, [&](Recording& r) {
    OK(cuEventRecord(r.fork, r.stream));
    return cuEventSynchronize(r.fork);
  });
  spoils(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, [&](Recording& r) {
    OK(cuEventRecord(r.fork, r.other));
    return cuStreamWaitEvent(r.stream, r.fork, 0);
  });
  spoils(CUDA_ERROR_STREAM_CAPTURE_MERGE, [&](Recording& r) {
    OK(cuStreamBeginCapture_v2(r.other, CU_STREAM_CAPTURE_MODE_RELAXED));
    OK(cuEventRecord(r.fork, r.stream));
    const CUresult found = cuStreamWaitEvent(r.other, r.fork, 0);
    CUgraph graph = nullptr;
    GIVES(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "", cuStreamEndCapture(r.other, &graph));
    return found;
  });
  // What a relaxed capture, and one of another thread's own, allow.
  CUstream stream = nullptr;
  CUgraph graph = nullptr;
  OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
  OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  OK(cuMemAlloc_v2(&p, 4));
  OK(cuMemFree_v2(p));
  OK(cuStreamEndCapture(stream, &graph));
  OK(cuStreamDestroy_v2(stream));
}

void bad_ends() {
  const Buffer x(N, 0);
  CUgraph graph = nullptr;
  {
    Recording r;
    r.fork_off();
    OK(launch("test_add_one", 2, r.other, x.data(), N));
    r.ends_with(CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  }
  Recording r;
  GIVES(CUDA_ERROR_ILLEGAL_STATE, "not recorded", cuStreamEndCapture(r.other, &graph));
  r.fork_off();
  CUresult elsewhere = CUDA_SUCCESS;
  CUcontext context = nullptr;
  OK(cuCtxGetCurrent(&context));
  std::thread([&] {
    cuCtxSetCurrent(context);
    elsewhere = cuStreamEndCapture(r.stream, &graph);
  }).join();
  CHECK(elsewhere == CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
  GIVES(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "must end there", cuStreamEndCapture(r.other, &graph));
  r.ends_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

struct Foreign {
  int runs = 0, drops = 0;
};

void foreign_nodes() {
  Foreign f;
  Recording r;
  CHECK(thaw_sim_enqueue(
            r.stream, [](void* p) { ++static_cast<Foreign*>(p)->runs; }, [](void* p) { ++static_cast<Foreign*>(p)->drops; },
            &f) == CUDA_SUCCESS);
  CUgraphExec graph = r.end();
  CHECK(f.runs == 0 && f.drops == 0);
  OK(cuGraphLaunch(graph, r.stream));
  OK(cuGraphLaunch(graph, r.stream));
  OK(cuGraphExecDestroy(graph));  // what was launched still runs
  OK(cuStreamSynchronize(r.stream));
  CHECK(f.runs == 2 && f.drops == 1);
}

}  // namespace

void check_graphs() {
  replays();
  forked(true);
  forked(false);
  stale_pointer();
  forbidden_calls();
  bad_ends();
  foreign_nodes();
}
