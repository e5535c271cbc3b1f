// Streams and events: a stream that should wait for another and does not sees old bytes, each time.
#include <cstdlib>

#include "device.h"
#include "sim.h"

namespace {

constexpr long N = 300;

struct Two {
  Two() {
    OK(cuStreamCreate(&compute, CU_STREAM_NON_BLOCKING));
    OK(cuStreamCreate(&copy, CU_STREAM_NON_BLOCKING));
    OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
    OK(cuMemHostAlloc(reinterpret_cast<void**>(&pinned), N * sizeof(float), 0));
    for (long i = 0; i < N; ++i) pinned[i] = 5;
  }
  Two(const Two&) = delete;
  Two& operator=(const Two&) = delete;
  ~Two() {
    OK(cuCtxSynchronize());
    OK(cuEventDestroy_v2(event));
    OK(cuStreamDestroy_v2(compute));
    OK(cuStreamDestroy_v2(copy));
    OK(cuMemFreeHost(pinned));
  }

  CUstream compute = nullptr, copy = nullptr;
  CUevent event = nullptr;
  float* pinned = nullptr;
};

float copied_beside_compute(bool wait) {
  const Two two;
  const Buffer x(N, 1), y(N, 1);
  OK(cuMemcpyHtoDAsync_v2(x.address, two.pinned, N * sizeof(float), two.copy));
  OK(cuEventRecord(two.event, two.copy));
  if (wait) OK(cuStreamWaitEvent(two.compute, two.event, 0));
  OK(launch("test_copy", 2, two.compute, y.data(), x.data(), static_cast<long long>(N)));
  OK(cuStreamSynchronize(two.compute));
  const float seen = y.read()[N - 1];
  OK(cuCtxSynchronize());
  return seen;
}

void missing_wait() {
  CHECK(copied_beside_compute(true) == 5);
  CHECK(copied_beside_compute(false) == 1);
}

// The copy overwrites what an earlier kernel still has to read.
float overwritten_beside_compute(bool wait) {
  const Two two;
  const Buffer x(N, 1), y(N, 0), z(N, 0);
  OK(launch("test_copy", 2, two.compute, y.data(), x.data(), static_cast<long long>(N)));
  CUevent read = nullptr;
  OK(cuEventCreate(&read, CU_EVENT_DISABLE_TIMING));
  OK(cuEventRecord(read, two.compute));
  if (wait) OK(cuStreamWaitEvent(two.copy, read, 0));
  OK(cuMemcpyHtoDAsync_v2(x.address, two.pinned, N * sizeof(float), two.copy));
  OK(cuEventRecord(two.event, two.copy));
  OK(cuStreamWaitEvent(two.compute, two.event, 0));
  OK(launch("test_copy", 2, two.compute, z.data(), x.data(), static_cast<long long>(N)));
  OK(cuStreamSynchronize(two.compute));
  CHECK(z.read()[0] == 5);
  OK(cuEventDestroy_v2(read));
  return y.read()[0];
}

void overwritten_too_early() {
  const char* streams = std::getenv("THAW_SIM_STREAMS");
  const bool eager = streams != nullptr && std::strcmp(streams, "eager") == 0;
  CHECK(overwritten_beside_compute(true) == 1);
  CHECK(overwritten_beside_compute(false) == (eager ? 5 : 1));
}

// What lies behind the event does not run with it.
void no_further_than_the_event() {
  const Two two;
  const Buffer x(N, 0);
  const long long n = N;
  OK(launch("test_add_one", 2, two.copy, x.data(), n));
  OK(cuEventRecord(two.event, two.copy));
  OK(launch("test_add_one", 2, two.copy, x.data(), n));
  CHECK(x.read()[0] == 0);  // the default stream does not wait for these two
  OK(cuEventSynchronize(two.event));
  CHECK(x.read()[0] == 1);
  OK(cuStreamSynchronize(two.copy));
  CHECK(x.read()[0] == 2);
  // Recorded again, an event is the later point; who waited before still waits for the earlier one.
  OK(cuEventRecord(two.event, two.copy));
  OK(cuStreamWaitEvent(two.compute, two.event, 0));
  OK(launch("test_add_one", 2, two.copy, x.data(), n));
  OK(cuEventRecord(two.event, two.copy));
  OK(cuStreamSynchronize(two.compute));
  CHECK(x.read()[0] == 2);
  OK(cuCtxSynchronize());
  CHECK(x.read()[0] == 3);
}

void default_stream() {
  CUstream blocking = nullptr;
  OK(cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
  const Buffer x(N, 0);
  OK(launch("test_add_one", 2, blocking, x.data(), static_cast<long long>(N)));
  CHECK(x.read()[0] == 1);  // a blocking stream is waited for
  OK(cuMemsetD8_v2(x.address, 0, N * sizeof(float)));
  OK(launch("test_add_one", 2, blocking, x.data(), static_cast<long long>(N)));
  OK(cuStreamSynchronize(blocking));  // and waits itself
  CHECK(x.read()[0] == 1);
  OK(cuStreamDestroy_v2(blocking));
  GIVES(CUDA_ERROR_INVALID_HANDLE, "no such stream", cuStreamSynchronize(blocking));
}

void pinned_and_pageable() {
  const Two two;
  const Buffer x(N, 0);
  std::vector<float> pageable(N, 7);
  OK(cuMemcpyHtoDAsync_v2(x.address, pageable.data(), 4, two.copy));
  OK(cuMemcpyHtoDAsync_v2(x.address + 4, two.pinned, 4, two.copy));
  pageable[0] = two.pinned[0] = 9;
  OK(cuStreamSynchronize(two.copy));
  CHECK(x.read()[0] == 7);  // read when it was asked for
  CHECK(x.read()[1] == 9);  // read when it ran, too late
  two.pinned[0] = 0;
  OK(cuMemcpyDtoHAsync_v2(two.pinned, x.address, 4, two.copy));
  CHECK(two.pinned[0] == 0);
  OK(cuMemcpyDtoHAsync_v2(pageable.data() + 1, x.address, 4, two.copy));
  CHECK(two.pinned[0] == 7 && pageable[1] == 7);
}

void queries() {
  const Two two;
  const Buffer x(N, 0);
  CUevent start = nullptr, end = nullptr;
  OK(cuEventCreate(&start, 0));
  OK(cuEventCreate(&end, 0));
  OK(cuEventRecord(start, two.copy));
  OK(launch("test_add_one", 2, two.copy, x.data(), static_cast<long long>(N)));
  OK(cuEventRecord(end, two.copy));
  float time = -1;
  GIVES(CUDA_ERROR_NOT_READY, "", cuEventElapsedTime_v2(&time, start, end));
  GIVES(CUDA_ERROR_NOT_READY, "", cuStreamQuery(two.copy));
  int asked = 1;
  while (cuEventQuery(end) == CUDA_ERROR_NOT_READY) ++asked;
  CHECK(asked < 4);
  OK(cuStreamQuery(two.copy));
  OK(cuEventElapsedTime_v2(&time, start, end));
  CHECK(time >= 0);
  GIVES(CUDA_ERROR_INVALID_HANDLE, "without timing", cuEventElapsedTime_v2(&time, start, two.event));
  OK(cuEventDestroy_v2(start));
  OK(cuEventDestroy_v2(end));
  GIVES(CUDA_ERROR_INVALID_HANDLE, "no such event", cuEventRecord(start, two.copy));
}

// A queue that grows too long runs its oldest operations.
void long_queue() {
  const Two two;
  const Buffer x(N, 0);
  for (int i = 0; i < 3000; ++i) OK(launch("test_add_one", 1, two.copy, x.data(), 1ll));
  const float seen = x.read()[0];
  CHECK(seen > 0 && seen < 3000);
  OK(cuStreamSynchronize(two.copy));
  CHECK(x.read()[0] == 3000);
}

struct Foreign {
  float* x;
  int runs = 0, drops = 0;
  static void run(void* self) {
    auto* f = static_cast<Foreign*>(self);
    ++f->runs;
    if (thaw_sim_check(f->x, N * sizeof(float), "foreign") == CUDA_SUCCESS) f->x[0] += 10;
  }
  static void drop(void* self) { ++static_cast<Foreign*>(self)->drops; }
};

void foreign_operations() {
  const Two two;
  const Buffer x(N, 1);
  Foreign f{x.data()};
  OK(static_cast<CUresult>(thaw_sim_enqueue(two.compute, Foreign::run, Foreign::drop, &f)));
  CHECK(f.runs == 0 && f.drops == 0);
  OK(cuStreamSynchronize(two.compute));
  CHECK(f.runs == 1 && f.drops == 1 && x.read()[0] == 11);
  f.x = x.data() + 1;
  OK(static_cast<CUresult>(thaw_sim_enqueue(two.compute, Foreign::run, Foreign::drop, &f)));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "foreign: 1200 bytes", cuStreamSynchronize(two.compute));
  CHECK(thaw_sim_enqueue(reinterpret_cast<CUstream>(&f), Foreign::run, Foreign::drop, &f) == CUDA_ERROR_INVALID_HANDLE);
  CHECK(f.drops == 3);
}

}  // namespace

void check_streams() {
  missing_wait();
  overwritten_too_early();
  no_further_than_the_event();
  default_stream();
  pinned_and_pageable();
  queries();
  long_queue();
  foreign_operations();
}
