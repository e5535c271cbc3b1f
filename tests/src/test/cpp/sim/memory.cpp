// The stand-in's memory and launches: what a real driver refuses is refused, and writes outside an allocation are found.
#include <cmath>
#include <thread>

#include "device.h"

namespace {

void contexts() {
  int n = 0;
  GIVES(CUDA_ERROR_NOT_INITIALIZED, "cuInit", cuDeviceGetCount(&n));
  CUdeviceptr p = 0;
  OK(cuInit(0));
  GIVES(CUDA_ERROR_INVALID_CONTEXT, "no context", cuMemAlloc_v2(&p, 4));
  open_context();
  CUresult elsewhere = CUDA_SUCCESS;
  std::thread([&] { elsewhere = cuMemAlloc_v2(&p, 4); }).join();
  CHECK(elsewhere == CUDA_ERROR_INVALID_CONTEXT);
  int version = 0, capability = 0;
  char name[64];
  OK(cuDriverGetVersion(&version));
  OK(cuDeviceGetCount(&n));
  OK(cuDeviceGetName(name, sizeof name, 0));
  OK(cuDeviceGetAttribute(&capability, 75, 0));
  CHECK(version == 13000 && n == 1 && capability == 9 && std::string(name) == "Thaw stand-in");
  CUdevice device;
  GIVES(CUDA_ERROR_INVALID_DEVICE, "device 0 only", cuDeviceGet(&device, 1));
  const char* text = nullptr;
  OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  CHECK(std::string(text) == "CUDA_ERROR_ILLEGAL_ADDRESS");
}

void allocations() {
  size_t free = 0, total = 0, left = 0;
  OK(cuMemGetInfo_v2(&free, &total));
  CUdeviceptr p = 0, q = 0;
  OK(cuMemAlloc_v2(&p, 1001));
  OK(cuMemGetInfo_v2(&left, &total));
  CHECK(free - left == 1001 && p % 256 == 0);
  float fresh = 0;
  OK(cuMemcpyDtoH_v2(&fresh, p, 4));
  CHECK(std::isnan(fresh));
  GIVES(CUDA_ERROR_OUT_OF_MEMORY, "are free", cuMemAlloc_v2(&q, total));
  GIVES(CUDA_ERROR_INVALID_VALUE, "no allocation begins there", cuMemFree_v2(p + 8));
  GIVES(CUDA_ERROR_INVALID_VALUE, "is device memory", cuMemFreeHost(reinterpret_cast<void*>(p)));
  char bytes[2000] = {};
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "end 1 bytes behind the end of allocation", cuMemcpyHtoD_v2(p, bytes, 1002));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "in no live allocation", cuMemcpyDtoH_v2(bytes, p + 1001, 1));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "cuMemsetD32: ", cuMemsetD32_v2(p, 0, 251));
  GIVES(CUDA_ERROR_INVALID_VALUE, "is no multiple of 4", cuMemsetD32_v2(p + 2, 0, 1));
  GIVES(CUDA_ERROR_INVALID_VALUE, "is the card's memory", cuMemcpyHtoD_v2(p, reinterpret_cast<void*>(p), 1));
  OK(cuMemFree_v2(p));
  GIVES(CUDA_ERROR_INVALID_VALUE, "was freed before", cuMemFree_v2(p));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "0 bytes into freed allocation", cuMemcpyHtoD_v2(p, bytes, 1));
}

void fills() {
  CUdeviceptr p = 0;
  OK(cuMemAlloc_v2(&p, 12));
  OK(cuMemsetD32_v2(p, 0x3f800000, 3));
  OK(cuMemsetD8_v2(p + 8, 0, 4));
  float x[3] = {-1, -1, -1};
  OK(cuMemcpyDtoH_v2(x, p, 12));
  CHECK(x[0] == 1 && x[1] == 1 && x[2] == 0);
  OK(cuMemcpyDtoD_v2(p + 8, p, 4));
  OK(cuMemcpyDtoH_v2(x, p, 12));
  CHECK(x[2] == 1);
  OK(cuMemFree_v2(p));
}

void modules() {
  CUmodule module = nullptr;
  CUfunction f = nullptr;
  unsigned count = 0;
  OK(cuModuleLoadData(&module, "any image"));
  OK(cuModuleGetFunctionCount(&count, module));
  std::vector<CUfunction> all(count);
  OK(cuModuleEnumerateFunctions(all.data(), count, module));
  bool found = false;
  for (CUfunction g : all) {
    const char* name = nullptr;
    OK(cuFuncGetName(&name, g));
    found = found || std::string(name) == "relu_forward_bf16";
  }
  CHECK(found);
  GIVES(CUDA_ERROR_NOT_FOUND, "no kernel nowhere", cuModuleGetFunction(&f, module, "nowhere"));
  OK(cuModuleGetFunction(&f, module, "test_nothing"));
  int threads = 0;
  OK(cuFuncGetAttribute(&threads, 0, f));
  CHECK(threads == 256);
  OK(cuModuleUnload(module));
  GIVES(CUDA_ERROR_INVALID_HANDLE, "no such function", cuLaunchKernel(f, 1, 1, 1, 256, 1, 1, 0, nullptr, nullptr, nullptr));
}

void launches() {
  const Buffer x(1000, 2), y(1000);
  const long long n = 1000;
  const CUfunction copy = function("test_copy");
  OK(launch("test_copy", 2, nullptr, y.data(), x.data(), n));
  CHECK(y.read() == std::vector<float>(1000, 2));

  const Buffer z(1000);
  CUdeviceptr to = z.address, from = x.address;
  void* parameters[] = {&to, &from, const_cast<long long*>(&n)};
  OK(cuLaunchKernel(copy, 2, 1, 1, 256, 1, 1, 0, nullptr, parameters, nullptr));
  CHECK(z.read() == std::vector<float>(1000, 2));

  OK(launch("test_nothing", 1, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, "kernel test_copy: blocks of 512",
        cuLaunchKernel(copy, 2, 1, 1, 512, 1, 1, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, "a grid of 0 x 1 x 1",
        cuLaunchKernel(copy, 0, 1, 1, 256, 1, 1, 0, nullptr, parameters, nullptr));
  GIVES(CUDA_ERROR_INVALID_VALUE, "20 bytes of arguments; it takes 24",
        launch("test_copy", 2, nullptr, y.data(), x.data(), 1000));
  GIVES(CUDA_ERROR_INVALID_HANDLE, "no such stream",
        cuLaunchKernel(copy, 1, 1, 1, 256, 1, 1, 0, reinterpret_cast<CUstream>(parameters), parameters, nullptr));
}

void stray_pointers() {
  const Buffer x(1000, 2), y(1000);
  std::vector<float> host(1000);
  const long long n = 1000;
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "kernel test_copy, argument 1 of 3",
        launch("test_copy", 2, nullptr, y.data() + 1000, x.data(), n));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "argument 2 of 3", launch("test_copy", 2, nullptr, y.data(), host.data(), n));
  OK(launch("test_copy", 2, nullptr, static_cast<float*>(nullptr), x.data(), 0ll));  // 0 is a pointer to nothing
  float* stale;
  {
    const Buffer gone(1000);
    stale = gone.data();
  }
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "0 bytes into freed allocation", launch("test_copy", 2, nullptr, y.data(), stale, n));
  // Freed between the launch and its turn.
  CUdeviceptr p = 0;
  OK(cuMemAlloc_v2(&p, 4000));
  OK(launch("test_copy", 2, nullptr, y.data(), reinterpret_cast<float*>(p), n));
  OK(cuMemFree_v2(p));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "argument 2 of 3", cuCtxSynchronize());
  OK(cuCtxSynchronize());
}

void stray_writes() {
  const Buffer y(1001), other(100);
  OK(launch("wrong_bound", 2, nullptr, y.data(), 1001ll));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "kernel wrong_bound: something was written 0 bytes behind the end of allocation",
        cuCtxSynchronize());
  OK(launch("wrong_start", 2, nullptr, y.data(), 1001ll));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "kernel wrong_start: something was written 4 bytes before allocation",
        cuCtxSynchronize());
  OK(launch("wrong_bound", 2, nullptr, y.data(), 1000ll));
  OK(cuCtxSynchronize());
  // A grid that has a block too many writes outside, and one that has too few leaves what was there.
  const Buffer even(1024);
  OK(launch("wrong_grid", 5, nullptr, even.data()));
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "kernel wrong_grid", cuCtxSynchronize());
  OK(cuMemsetD8_v2(even.address, 0xff, 4096));
  OK(launch("wrong_grid", 3, nullptr, even.data()));
  CHECK(std::isnan(even.read()[1023]));
  // Written by somebody that is not a kernel.
  other.data()[100] = 1;
  GIVES(CUDA_ERROR_ILLEGAL_ADDRESS, "0 bytes behind the end", cuCtxSynchronize());
  OK(launch("wrong_divergent_lanes", 1, nullptr));
  GIVES(CUDA_ERROR_LAUNCH_FAILED, "kernel wrong_divergent_lanes, block (0,0,0)", cuCtxSynchronize());
  OK(cuCtxSynchronize());
}

}  // namespace

void check_memory() {
  contexts();
  allocations();
  fills();
  modules();
  launches();
  stray_pointers();
  stray_writes();
}
