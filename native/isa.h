// Which of the three compilations of a loop runs. A file *_loops.cpp is compiled once per instruction set and puts what it
// defines into namespace thaw::THAW_ISA; LOOP(..) in a header declares a loop in all three, BEST(..) names the one to call.
#pragma once

namespace thaw {

enum Isa { GENERIC = 0, AVX2 = 1, AVX512 = 2 };

// Set once by thaw_choose_isa, before any loop runs.
extern Isa isa;

}  // namespace thaw

#define LOOP(result, name, ...)            \
  namespace generic {                      \
  result name(__VA_ARGS__);                \
  }                                        \
  namespace avx2 {                         \
  result name(__VA_ARGS__);                \
  }                                        \
  namespace avx512 {                       \
  result name(__VA_ARGS__);                \
  }

#define BEST(name) (isa == AVX512 ? avx512::name : isa == AVX2 ? avx2::name : generic::name)
