// Kernels by name, and launching one with a packed block of arguments, as CUDA's driver does.
#pragma once

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "block.h"

namespace thaw::sim {

// Where an argument lies in the block of arguments: each at a multiple of its own alignment, in order.
struct Parameter {
  std::size_t offset;
  std::size_t bytes;
  bool pointer;
};

struct Kernel {
  const char* name;
  std::vector<Parameter> parameters;
  std::size_t bytes = 0;      // to the end of the last argument
  std::size_t alignment = 1;  // of the one with the strictest
  void (*function)() = nullptr;
  void (*call)(void (*function)(), const char* arguments) = nullptr;

  // Runs it at once. The arguments lie aligned. Returns an error in one line, or "".
  std::string run(dim3 grid, dim3 block, const char* arguments) const;
};

// All that were compiled into this library, in the order of their names.
const std::vector<const Kernel*>& kernels();

// nullptr if there is none.
const Kernel* find_kernel(const std::string& name);

void add_kernel(Kernel kernel);

template <class... A>
struct Packed {
  template <std::size_t I>
  static constexpr std::size_t offset() {
    constexpr std::size_t bytes[] = {sizeof(A)..., 0};
    constexpr std::size_t alignments[] = {alignof(A)..., 1};
    std::size_t at = 0;
    for (std::size_t i = 0;; ++i) {
      at = (at + alignments[i] - 1) / alignments[i] * alignments[i];
      if (i == I) return at;
      at += bytes[i];
    }
  }

  template <std::size_t... I>
  static void call(void (*function)(), [[maybe_unused]] const char* arguments, std::index_sequence<I...>) {
    reinterpret_cast<void (*)(A...)>(function)(*reinterpret_cast<const A*>(arguments + offset<I>())...);
  }

  static void call_all(void (*function)(), const char* arguments) {
    call(function, arguments, std::index_sequence_for<A...>());
  }

  template <std::size_t... I>
  static std::vector<Parameter> parameters(std::index_sequence<I...>) {
    return {Parameter{offset<I>(), sizeof(A), std::is_pointer_v<A>}...};
  }
};

// Made while the library is loaded, one for each line KERNEL(...).
class Registration {
 public:
  template <class... A>
  Registration(const char* name, void (*function)(A...)) {
    static_assert((std::is_trivially_copyable_v<A> && ...), "arguments of a kernel are copied as bytes");
    Kernel k;
    k.name = name;
    k.parameters = Packed<A...>::parameters(std::index_sequence_for<A...>());
    k.bytes = k.parameters.empty() ? 0 : k.parameters.back().offset + k.parameters.back().bytes;
    ((k.alignment = k.alignment < alignof(A) ? alignof(A) : k.alignment), ...);
    k.function = reinterpret_cast<void (*)()>(function);
    k.call = &Packed<A...>::call_all;
    add_kernel(std::move(k));
  }
};

}  // namespace thaw::sim
