// Calls about the driver, its one device, contexts and errors.
#include <cstdio>
#include <cstdlib>

#include "driver.h"

using namespace thaw::sim;

namespace {

constexpr char NAME[] = "Thaw stand-in";
constexpr int VERSION = 13000;
constexpr int CAPABILITY = 90;

struct Attribute {
  int number;  // of CUdevice_attribute
  int value;
};

constexpr Attribute ATTRIBUTES[] = {
    {1, 1024},        // threads of a block
    {2, 1024},        // along x
    {3, 1024},        // along y
    {4, 64},          // along z
    {5, 2147483647},  // blocks along x
    {6, 65535},       // along y
    {7, 65535},       // along z
    {8, 49152},       // bytes of shared memory of a block
    {9, 65536},       // bytes of constant memory
    {10, 32},         // threads of a warp
    {12, 65536},      // registers of a block
    {13, 1000000},    // clock, kHz
    {15, 1},          // copies while kernels run
    {18, 0},          // shares the host's memory chips
    {19, 1},          // maps memory of the host
    {20, 0},          // compute mode: shared
    {31, 1},          // several kernels at a time
    {32, 0},          // ECC
    {33, 0},          // PCI bus
    {34, 0},          // PCI device
    {36, 1000000},    // clock of the memory, kHz
    {37, 64},         // bits of its bus
    {38, 1048576},    // bytes of the second cache
    {39, 2048},       // threads of a multiprocessor
    {40, 1},          // copy engines
    {41, 1},          // one address space with the host
    {50, 0},          // PCI domain
    {81, 49152},  // bytes of shared memory of a multiprocessor
    {82, 65536},  // registers of a multiprocessor
    {97, 49152},  // bytes of shared memory of a block that asks for more
    {106, 32},    // blocks of a multiprocessor
    {115, 0},     // memory pools
};

constexpr int MULTIPROCESSORS = 16, COMPUTE_CAPABILITY_MAJOR = 75, COMPUTE_CAPABILITY_MINOR = 76;

// A number that a variable of the environment says, for tests of what other drivers and cards are.
int number(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

Result device(CUdevice d) {
  return d == 0 ? Result{} : refused(CUDA_ERROR_INVALID_DEVICE, "there is device 0 only, not " + std::to_string(d));
}

}  // namespace

THAW_API CUresult cuInit(unsigned flags) {
  return call("cuInit", Needs::NOTHING, [&](Driver& d) -> Result {
    if (flags != 0) return refused(CUDA_ERROR_INVALID_VALUE, "the flags must be 0");
    if (d.memory.limit() == 0) return refused(CUDA_ERROR_INVALID_VALUE, "THAW_SIM_MEMORY must be a number of bytes above 0");
    d.initialised = true;
    return {};
  });
}

THAW_API CUresult cuDriverGetVersion(int* version) {
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version = number("THAW_SIM_VERSION", VERSION);
  return CUDA_SUCCESS;
}

// NVIDIA's compiler looks for a table of it in whatever driver it finds, with no check whether there is this function, and
// goes without where there is no such table.
THAW_API CUresult cuGetExportTable(const void** table, const void*) {
  if (table == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *table = nullptr;
  return CUDA_ERROR_NOT_FOUND;
}

THAW_API CUresult cuDeviceGetCount(int* count) {
  return call("cuDeviceGetCount", Needs::INIT, [&](Driver&) -> Result {
    if (count == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the count");
    *count = 1;
    return {};
  });
}

THAW_API CUresult cuDeviceGet(CUdevice* result, int ordinal) {
  return call("cuDeviceGet", Needs::INIT, [&](Driver&) -> Result {
    if (result == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the device");
    Result r = device(ordinal);
    if (r.ok()) *result = 0;
    return r;
  });
}

THAW_API CUresult cuDeviceGetName(char* name, int length, CUdevice dev) {
  return call("cuDeviceGetName", Needs::INIT, [&](Driver&) -> Result {
    if (name == nullptr || length <= 0) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the name");
    Result r = device(dev);
    if (r.ok()) std::snprintf(name, static_cast<std::size_t>(length), "%s", NAME);
    return r;
  });
}

THAW_API CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice dev) {
  return call("cuDeviceGetAttribute", Needs::INIT, [&](Driver&) -> Result {
    if (value == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the value");
    Result r = device(dev);
    if (!r.ok()) return r;
    const int capability = number("THAW_SIM_CAPABILITY", CAPABILITY);
    if (attribute == COMPUTE_CAPABILITY_MAJOR || attribute == COMPUTE_CAPABILITY_MINOR) {
      *value = attribute == COMPUTE_CAPABILITY_MAJOR ? capability / 10 : capability % 10;
      return {};
    }
    if (attribute == MULTIPROCESSORS) {
      *value = number("THAW_SIM_MULTIPROCESSORS", 2);
      return {};
    }
    for (const Attribute& a : ATTRIBUTES) {
      if (a.number == attribute) {
        *value = a.value;
        return {};
      }
    }
    return refused(CUDA_ERROR_INVALID_VALUE, "the stand-in does not know attribute " + std::to_string(attribute));
  });
}

THAW_API CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice dev) {
  return call("cuDeviceTotalMem", Needs::INIT, [&](Driver& d) -> Result {
    if (bytes == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the size");
    Result r = device(dev);
    if (r.ok()) *bytes = d.memory.limit();
    return r;
  });
}

THAW_API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice dev) {
  return call("cuDevicePrimaryCtxRetain", Needs::INIT, [&](Driver& d) -> Result {
    if (context == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the context");
    Result r = device(dev);
    if (r.ok()) {
      ++d.retained;
      *context = d.context();
    }
    return r;
  });
}

THAW_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice dev) {
  return call("cuDevicePrimaryCtxRelease", Needs::INIT, [&](Driver& d) -> Result {
    Result r = device(dev);
    if (!r.ok()) return r;
    if (d.retained == 0) return refused(CUDA_ERROR_INVALID_CONTEXT, "nobody retains the context");
    if (--d.retained == 0) d.reset();
    return {};
  });
}

THAW_API CUresult cuCtxSetCurrent(CUcontext context) {
  return call("cuCtxSetCurrent", Needs::INIT, [&](Driver& d) -> Result {
    if (context != nullptr && (context != d.context() || d.retained == 0)) {
      return refused(CUDA_ERROR_INVALID_CONTEXT, "no such context, or nobody retains it");
    }
    set_current_context(context);
    return {};
  });
}

THAW_API CUresult cuCtxGetCurrent(CUcontext* context) {
  return call("cuCtxGetCurrent", Needs::INIT, [&](Driver&) -> Result {
    if (context == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the context");
    *context = current_context();
    return {};
  });
}

THAW_API CUresult cuCtxSynchronize() {
  return call_outside_capture("cuCtxSynchronize", [](Driver& d) {
    d.streams.run_all();
    return d.streams.take_failure();
  });
}

THAW_API CUresult cuGetErrorName(CUresult error, const char** text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *text = error_name(error);
  return *text == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

// More than CUDA says: if this was the thread's last error, what exactly was wrong.
THAW_API CUresult cuGetErrorString(CUresult error, const char** text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *text = last_message(error);
  if (*text == nullptr) *text = error_meaning(error);
  return *text == nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}
