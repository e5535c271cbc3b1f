// What the checks of the stand-in share: a failed one is printed with its line and counted, and the rest go on.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cuda_calls.h"
#include "kernel.h"

inline int failures = 0;

inline void check(bool ok, const char* file, int line, const std::string& what) {
  if (ok) return;
  ++failures;
  std::printf("%s:%d: %s\n", file, line, what.c_str());
}

#define CHECK(condition) check(condition, __FILE__, __LINE__, #condition)

// That a call gives this code; `text` has to be in its message.
inline void check_code(CUresult found, CUresult wanted, const char* text, const char* file, int line, const char* call) {
  const char* message = "";
  cuGetErrorString(found, &message);
  const bool ok = found == wanted && std::strstr(message, text) != nullptr;
  check(ok, file, line, std::string(call) + " gives " + std::to_string(found) + " (" + message + "), expected " +
                            std::to_string(wanted) + " with '" + text + "'");
}

#define GIVES(wanted, text, call) check_code(call, wanted, text, __FILE__, __LINE__, #call)
#define OK(call) check_code(call, CUDA_SUCCESS, "", __FILE__, __LINE__, #call)

inline void check_text(const std::string& found, const char* text, const char* file, int line) {
  const bool ok = *text == 0 ? found.empty() : found.find(text) != std::string::npos;
  check(ok, file, line, "gives '" + found + "', expected '" + text + "'");
}

#define SAYS(text, call) check_text(call, text, __FILE__, __LINE__)

// The block of arguments that a launch takes, packed from values of exactly the kernel's types.
template <class... A>
std::vector<char> packed(A... values) {
  std::vector<char> bytes;
  [[maybe_unused]] const auto add = [&](const void* value, std::size_t size, std::size_t alignment) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    bytes.insert(bytes.end(), static_cast<const char*>(value), static_cast<const char*>(value) + size);
  };
  (add(&values, sizeof(A), alignof(A)), ...);
  return bytes;
}

// Runs a kernel on the shim alone, in memory of the host's. Returns its error, or "".
template <class... A>
std::string run(const char* name, dim3 grid, A... values) {
  const thaw::sim::Kernel* kernel = thaw::sim::find_kernel(name);
  if (kernel == nullptr) return std::string("no kernel ") + name;
  const std::vector<char> arguments = packed(values...);
  if (arguments.size() != kernel->bytes) return std::string("not the arguments of ") + name;
  return kernel->run(grid, dim3(256), arguments.data());
}

void check_blocks();
void check_elementwise();
void check_memory();
void check_streams();
void check_graphs();
