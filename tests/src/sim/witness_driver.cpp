// A libcuda.so.1 for the witness alone (cudnn_witness.h): there is no card, but what cuDNN compiles at run time it also
// loads, when a plan is made. So whatever is loaded is taken and never looked at; nothing can be allocated or launched.
#define THAW_API extern "C" __attribute__((visibility("default")))

namespace {

constexpr int SUCCESS = 0, NO_DEVICE = 100;

int handle;

}  // namespace

THAW_API int cuInit(unsigned) { return NO_DEVICE; }

THAW_API int cuDriverGetVersion(int* version) {
  *version = 13000;
  return SUCCESS;
}

THAW_API int cuGetErrorString(int, const char** text) {
  *text = "the witness has no card";
  return SUCCESS;
}

THAW_API int cuGetErrorName(int, const char** text) {
  *text = "CUDA_ERROR_NO_DEVICE";
  return SUCCESS;
}

#define LOADS(name)                   \
  THAW_API int name(void** result) {  \
    *result = &handle;                \
    return SUCCESS;                   \
  }
LOADS(cuModuleLoadData)
LOADS(cuModuleLoadDataEx)
LOADS(cuModuleLoadFatBinary)
LOADS(cuModuleGetFunction)
LOADS(cuLibraryLoadData)
LOADS(cuLibraryGetKernel)

#define ACCEPTS(name) \
  THAW_API int name() { return SUCCESS; }
ACCEPTS(cuModuleUnload)
ACCEPTS(cuLibraryUnload)
ACCEPTS(cuKernelSetAttribute)
ACCEPTS(cuFuncSetAttribute)

#define REFUSES(name) \
  THAW_API int name() { return NO_DEVICE; }
REFUSES(cuCtxGetCurrent)
REFUSES(cuCtxGetDevice)
REFUSES(cuCtxGetLimit)
REFUSES(cuCtxPopCurrent)
REFUSES(cuCtxPushCurrent)
REFUSES(cuDeviceGet)
REFUSES(cuDeviceGetAttribute)
REFUSES(cuDeviceGetCount)
REFUSES(cuDevicePrimaryCtxRelease)
REFUSES(cuDevicePrimaryCtxReset)
REFUSES(cuDevicePrimaryCtxRetain)
REFUSES(cuFuncGetAttribute)
REFUSES(cuKernelGetAttribute)
REFUSES(cuLaunchCooperativeKernel)
REFUSES(cuLaunchKernel)
REFUSES(cuLaunchKernelEx)
REFUSES(cuLibraryLoadFromFile)
REFUSES(cuLinkAddData)
REFUSES(cuLinkAddData_v2)
REFUSES(cuLinkAddFile_v2)
REFUSES(cuLinkComplete)
REFUSES(cuLinkCreate)
REFUSES(cuLinkCreate_v2)
REFUSES(cuLinkDestroy)
REFUSES(cuMemcpyDtoH_v2)
REFUSES(cuModuleGetGlobal_v2)
REFUSES(cuOccupancyMaxActiveBlocksPerMultiprocessor)
REFUSES(cuOccupancyMaxPotentialClusterSize)
REFUSES(cuStreamGetCtx)
REFUSES(cuStreamSynchronize)
REFUSES(cuTensorMapEncodeTiled)
