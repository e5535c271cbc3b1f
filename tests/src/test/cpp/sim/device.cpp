// The context and the module that all checks use.
#include "device.h"

void open_context() {
  CUcontext context = nullptr;
  OK(cuInit(0));
  OK(cuDevicePrimaryCtxRetain(&context, 0));
  OK(cuCtxSetCurrent(context));
}

Buffer::Buffer(long n_, float value) : n(n_) {
  OK(cuMemAlloc_v2(&address, n * sizeof(float)));
  const std::vector<float> values(n, value);
  OK(cuMemcpyHtoD_v2(address, values.data(), n * sizeof(float)));
}

Buffer::~Buffer() { cuMemFree_v2(address); }

std::vector<float> Buffer::read() const {
  std::vector<float> values(n, -1);
  OK(cuMemcpyDtoH_v2(values.data(), address, n * sizeof(float)));
  return values;
}

CUfunction function(const char* name) {
  static const CUmodule module = [] {
    CUmodule m = nullptr;
    OK(cuModuleLoadData(&m, "kernels"));
    return m;
  }();
  CUfunction f = nullptr;
  OK(cuModuleGetFunction(&f, module, name));
  return f;
}

CUresult launch_packed(const char* name, unsigned blocks, CUstream stream, std::vector<char> arguments) {
  size_t bytes = arguments.size();
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, arguments.data(), CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  return cuLaunchKernel(function(name), blocks, 1, 1, 256, 1, 1, 0, stream, nullptr, extra);
}
