// Elementwise functions of one argument.
#include <cstring>

#include "parallel.h"
#include "thaw_cpu.h"
#include "unary_loops.h"

using namespace thaw;

int thaw_unary_find(const char* name) {
  const UnaryLoops* table = BEST(unary_table)();
  for (int i = 0; table[i].name != nullptr; ++i) {
    if (std::strcmp(table[i].name, name) == 0) return i;
  }
  return -1;
}

void thaw_unary_forward(int f, float* y, const float* x, int64_t n, double a, double b, int threads) {
  const UnaryLoops& loops = BEST(unary_table)()[f];
  split(threads, n, LINE, [=, &loops](int64_t begin, int64_t end) {
    loops.forward(y + begin, x + begin, end - begin, static_cast<float>(a), static_cast<float>(b));
  });
}

void thaw_unary_backward(int f, float* dx, const float* dy, const float* saved, int64_t n, double a, double b, int threads) {
  const UnaryLoops& loops = BEST(unary_table)()[f];
  split(threads, n, LINE, [=, &loops](int64_t begin, int64_t end) {
    loops.backward(dx + begin, dy + begin, saved + begin, end - begin, static_cast<float>(a), static_cast<float>(b));
  });
}
