// Calls that allocate, copy and fill.
#include "driver.h"

using namespace thaw::sim;

namespace {

void* pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

Result host_end(const Driver& d, const void* host) {
  if (host == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "the address on the host is 0");
  if (d.memory.in(Kind::DEVICE, host)) {
    return refused(CUDA_ERROR_INVALID_VALUE, "the address on the host, " + hex(host) + ", is the card's memory");
  }
  return {};
}

// Through the default stream, and at once.
CUresult copy_now(const char* name, void* to, const void* from, std::size_t bytes, Pageable host) {
  return call_outside_capture(name, [&](Driver& d) -> Result {
    if (bytes == 0) return {};
    const void* end = host == Pageable::TO ? to : from;
    Result r = host_end(d, end);
    if (!r.ok()) return r;
    const Pageable pageable = d.memory.in(Kind::PINNED, end) ? Pageable::NONE : host;
    r = d.streams.enqueue(d.streams.default_stream(), std::make_shared<Copy>(to, from, bytes, pageable, name));
    if (!r.ok()) return r;
    d.streams.run(d.streams.default_stream());
    return d.streams.take_failure();
  });
}

CUresult copy_on_card(const char* name, CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream handle) {
  return call(name, [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (bytes == 0) return {};
    return d.streams.enqueue(stream, std::make_shared<Copy>(pointer(to), pointer(from), bytes, Pageable::NONE, name));
  });
}

CUresult fill(const char* name, CUdeviceptr to, unsigned value, std::size_t width, std::size_t count, CUstream handle) {
  return call(name, [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (to % width != 0) {
      return refused(CUDA_ERROR_INVALID_VALUE, hex(pointer(to)) + " is no multiple of " + std::to_string(width));
    }
    if (count == 0) return {};
    return d.streams.enqueue(stream, std::make_shared<Fill>(pointer(to), value, width, count, name));
  });
}

Result not_recorded(Stream* stream) {
  if (stream->capture == nullptr) return {};
  stream->capture->valid = false;
  return refused(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                 "the stream is recorded, and the host's end of the copy is not pinned (cuMemHostAlloc); the capture is "
                 "spoilt");
}

}  // namespace

THAW_API CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  return call("cuMemGetInfo", [&](Driver& d) -> Result {
    if (free == nullptr || total == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the sizes");
    *free = d.memory.limit() - d.memory.used();
    *total = d.memory.limit();
    return {};
  });
}

THAW_API CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t bytes) {
  return call_outside_capture("cuMemAlloc", [&](Driver& d) -> Result {
    if (address == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the address");
    void* p = nullptr;
    Result r = d.memory.allocate(&p, bytes, Kind::DEVICE);
    if (r.ok()) *address = reinterpret_cast<CUdeviceptr>(p);
    return r;
  });
}

THAW_API CUresult cuMemFree_v2(CUdeviceptr address) {
  return call_outside_capture("cuMemFree", [&](Driver& d) { return d.memory.free(pointer(address), Kind::DEVICE); });
}

THAW_API CUresult cuMemHostAlloc(void** address, std::size_t bytes, unsigned flags) {
  return call_outside_capture("cuMemHostAlloc", [&](Driver& d) -> Result {
    if (address == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the address");
    if (flags > 7) return refused(CUDA_ERROR_INVALID_VALUE, "no such flags: " + std::to_string(flags));
    return d.memory.allocate(address, bytes, Kind::PINNED);
  });
}

THAW_API CUresult cuMemFreeHost(void* address) {
  return call_outside_capture("cuMemFreeHost", [&](Driver& d) { return d.memory.free(address, Kind::PINNED); });
}

THAW_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t bytes) {
  return copy_now("cuMemcpyHtoD", pointer(to), from, bytes, Pageable::FROM);
}

THAW_API CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t bytes) {
  return copy_now("cuMemcpyDtoH", to, pointer(from), bytes, Pageable::TO);
}

// The host does not wait for these three either: the default stream does them in its turn.
THAW_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes) {
  return copy_on_card("cuMemcpyDtoD", to, from, bytes, nullptr);
}

THAW_API CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, std::size_t count) {
  return fill("cuMemsetD8", to, value, 1, count, nullptr);
}

THAW_API CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, std::size_t count) {
  return fill("cuMemsetD32", to, value, 4, count, nullptr);
}

// From pinned memory it reads when it runs; from other memory, now.
THAW_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes, CUstream handle) {
  return call("cuMemcpyHtoDAsync", [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (bytes == 0) return {};
    Result r = host_end(d, from);
    if (!r.ok()) return r;
    if (d.memory.in(Kind::PINNED, from)) {
      return d.streams.enqueue(stream, std::make_shared<Copy>(pointer(to), from, bytes, Pageable::NONE, "cuMemcpyHtoDAsync"));
    }
    r = not_recorded(stream);
    if (!r.ok()) return r;
    const char* bytes_now = static_cast<const char*>(from);
    return d.streams.enqueue(
        stream, std::make_shared<Copy>(pointer(to), std::vector<char>(bytes_now, bytes_now + bytes), "cuMemcpyHtoDAsync"));
  });
}

// To pinned memory it writes when it runs; for other memory, the call waits.
THAW_API CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes, CUstream handle) {
  return call("cuMemcpyDtoHAsync", [&](Driver& d) -> Result {
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    if (bytes == 0) return {};
    Result r = host_end(d, to);
    if (!r.ok()) return r;
    const bool pinned = d.memory.in(Kind::PINNED, to);
    if (!pinned) r = not_recorded(stream);
    if (!r.ok()) return r;
    r = d.streams.enqueue(stream, std::make_shared<Copy>(to, pointer(from), bytes, pinned ? Pageable::NONE : Pageable::TO,
                                                         "cuMemcpyDtoHAsync"));
    if (!r.ok() || pinned) return r;
    d.streams.run(stream);
    return d.streams.take_failure();
  });
}

THAW_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  return copy_on_card("cuMemcpyDtoDAsync", to, from, bytes, stream);
}

THAW_API CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, std::size_t count, CUstream stream) {
  return fill("cuMemsetD8Async", to, value, 1, count, stream);
}

THAW_API CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, std::size_t count, CUstream stream) {
  return fill("cuMemsetD32Async", to, value, 4, count, stream);
}
