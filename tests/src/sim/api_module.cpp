// Calls about modules and functions, and the launch.
#include <algorithm>
#include <cstring>

#include "driver.h"

using namespace thaw::sim;

namespace {

// What KERNEL promises the compiler in __launch_bounds__.
constexpr unsigned MAX_THREADS = 256;
constexpr unsigned MAX_ALONG_Y_AND_Z = 65535;

constexpr int ATTRIBUTE_MAX_THREADS = 0;
constexpr int ATTRIBUTE_BINARY_VERSION = 6;

Result invalid(const Kernel& k, const std::string& what) {
  return refused(CUDA_ERROR_INVALID_VALUE, std::string("kernel ") + k.name + ": " + what);
}

std::string triple(unsigned x, unsigned y, unsigned z) {
  return std::to_string(x) + " x " + std::to_string(y) + " x " + std::to_string(z);
}

Result shape(const Kernel& k, dim3 grid, dim3 block, unsigned shared) {
  const unsigned long long threads = 1ull * block.x * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return invalid(k, "a grid of " + triple(grid.x, grid.y, grid.z) + " blocks");
  if (grid.x > 0x7fffffffu || grid.y > MAX_ALONG_Y_AND_Z || grid.z > MAX_ALONG_Y_AND_Z) {
    return invalid(k, "a grid of " + triple(grid.x, grid.y, grid.z) + " blocks; at most 2147483647 x 65535 x 65535");
  }
  if (threads == 0 || threads > MAX_THREADS || block.z > 64) {
    return invalid(k, "blocks of " + triple(block.x, block.y, block.z) + " threads; 1 to 256, as in its __launch_bounds__");
  }
  if (shared != 0) return invalid(k, std::to_string(shared) + " bytes of dynamic shared memory; our kernels declare theirs");
  return {};
}

// The packed arguments, from the pointers to each or from the block in `extra`.
Result pack(const Kernel& k, void** parameters, void** extra, std::vector<char>& packed) {
  packed.assign(k.bytes, 0);
  if (parameters != nullptr && extra != nullptr) return invalid(k, "arguments given twice, in kernelParams and in extra");
  if (parameters != nullptr) {
    for (std::size_t i = 0; i < k.parameters.size(); ++i) {
      const Parameter& p = k.parameters[i];
      if (parameters[i] == nullptr) return invalid(k, "kernelParams[" + std::to_string(i) + "] is 0");
      std::memcpy(packed.data() + p.offset, parameters[i], p.bytes);
    }
    return {};
  }
  const void* buffer = nullptr;
  std::size_t bytes = 0;
  for (void** e = extra; e != nullptr && *e != CU_LAUNCH_PARAM_END; e += 2) {
    if (*e == CU_LAUNCH_PARAM_BUFFER_POINTER) {
      buffer = e[1];
    } else if (*e == CU_LAUNCH_PARAM_BUFFER_SIZE && e[1] != nullptr) {
      bytes = *static_cast<const std::size_t*>(e[1]);
    } else {
      return invalid(k, "extra names something else than a buffer and its size");
    }
  }
  // With or without what fills up the last argument to the alignment of all.
  const std::size_t filled = (k.bytes + k.alignment - 1) / k.alignment * k.alignment;
  if ((bytes != k.bytes && bytes != filled) || (buffer == nullptr && bytes > 0)) {
    return invalid(k, std::to_string(bytes) + " bytes of arguments; it takes " + std::to_string(k.bytes));
  }
  if (k.bytes > 0) std::memcpy(packed.data(), buffer, k.bytes);
  return {};
}

}  // namespace

THAW_API CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  return call_outside_capture("cuModuleLoadData", [&](Driver& d) -> Result {
    if (module == nullptr || image == nullptr) {
      return refused(CUDA_ERROR_INVALID_VALUE, "no image, or nowhere to put the module");
    }
    Module m;
    for (const Kernel* k : kernels()) m.functions.push_back(d.functions.add(k));
    *module = d.modules.add(std::move(m));
    return {};
  });
}

THAW_API CUresult cuModuleUnload(CUmodule module) {
  return call_outside_capture("cuModuleUnload", [&](Driver& d) -> Result {
    const Module* m = d.modules.find(module);
    if (m == nullptr) return bad_handle("module");
    for (CUfunction f : m->functions) d.functions.remove(f);
    d.modules.remove(module);
    return {};
  });
}

THAW_API CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
  return call("cuModuleGetFunction", [&](Driver& d) -> Result {
    const Module* m = d.modules.find(module);
    if (m == nullptr) return bad_handle("module");
    if (function == nullptr || name == nullptr) {
      return refused(CUDA_ERROR_INVALID_VALUE, "no name, or nowhere to put the function");
    }
    for (std::size_t i = 0; i < kernels().size(); ++i) {
      if (std::strcmp(kernels()[i]->name, name) == 0) {
        *function = m->functions[i];
        return {};
      }
    }
    return refused(CUDA_ERROR_NOT_FOUND, std::string("there is no kernel ") + name);
  });
}

THAW_API CUresult cuModuleGetFunctionCount(unsigned* count, CUmodule module) {
  return call("cuModuleGetFunctionCount", [&](Driver& d) -> Result {
    const Module* m = d.modules.find(module);
    if (m == nullptr) return bad_handle("module");
    if (count == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the count");
    *count = static_cast<unsigned>(m->functions.size());
    return {};
  });
}

THAW_API CUresult cuModuleEnumerateFunctions(CUfunction* functions, unsigned count, CUmodule module) {
  return call("cuModuleEnumerateFunctions", [&](Driver& d) -> Result {
    const Module* m = d.modules.find(module);
    if (m == nullptr) return bad_handle("module");
    if (functions == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the functions");
    std::copy_n(m->functions.begin(), std::min<std::size_t>(count, m->functions.size()), functions);
    return {};
  });
}

THAW_API CUresult cuFuncGetName(const char** name, CUfunction function) {
  return call("cuFuncGetName", [&](Driver& d) -> Result {
    const Kernel* k = d.kernel(function);
    if (k == nullptr) return bad_handle("function");
    if (name == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the name");
    *name = k->name;
    return {};
  });
}

THAW_API CUresult cuFuncGetParamInfo(CUfunction function, std::size_t index, std::size_t* offset, std::size_t* bytes) {
  return call("cuFuncGetParamInfo", [&](Driver& d) -> Result {
    const Kernel* k = d.kernel(function);
    if (k == nullptr) return bad_handle("function");
    if (offset == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the offset");
    if (index >= k->parameters.size()) {
      return invalid(*k, "no argument " + std::to_string(index) + " of " + std::to_string(k->parameters.size()));
    }
    *offset = k->parameters[index].offset;
    if (bytes != nullptr) *bytes = k->parameters[index].bytes;
    return {};
  });
}

// What a function needs on a card, registers and shared memory, is known to nvcc only.
THAW_API CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
  return call("cuFuncGetAttribute", [&](Driver& d) -> Result {
    if (d.kernel(function) == nullptr) return bad_handle("function");
    if (value == nullptr) return refused(CUDA_ERROR_INVALID_VALUE, "nowhere to put the value");
    switch (attribute) {
      case ATTRIBUTE_MAX_THREADS: *value = MAX_THREADS; return {};
      case ATTRIBUTE_BINARY_VERSION: *value = 90; return {};
      default: return refused(CUDA_ERROR_INVALID_VALUE, "the stand-in does not know attribute " + std::to_string(attribute));
    }
  });
}

THAW_API CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                                 unsigned block_y, unsigned block_z, unsigned shared, CUstream handle, void** parameters,
                                 void** extra) {
  return call("cuLaunchKernel", [&](Driver& d) -> Result {
    const Kernel* k = d.kernel(function);
    if (k == nullptr) return bad_handle("function");
    Stream* stream = d.stream(handle);
    if (stream == nullptr) return bad_handle("stream");
    const dim3 grid(grid_x, grid_y, grid_z), block(block_x, block_y, block_z);
    Result r = shape(*k, grid, block, shared);
    if (!r.ok()) return r;
    std::vector<char> packed;
    r = pack(*k, parameters, extra, packed);
    if (!r.ok()) return r;
    return d.streams.enqueue(stream, std::make_shared<Launch>(k, grid, block, packed.data()));
  });
}
