// Fills, casts, and gathers along one dimension of [outer, n, inner].
#include <algorithm>
#include <cstring>

#include "index_loops.h"
#include "parallel.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

int64_t at(const void* index, int wide, int64_t i) {
  return wide ? static_cast<const int64_t*>(index)[i] : static_cast<const int32_t*>(index)[i];
}

// The first place that holds no number in [0, n), -1 where all do: an index from outside must not become an address.
int64_t first_bad(const void* index, int wide, int64_t count, int64_t n) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t v = at(index, wide, i);
    if (v < 0 || v >= n) return i;
  }
  return -1;
}

template <class T>
void fill_all(void* y, T value, int64_t n, int threads) {
  T* to = static_cast<T*>(y);
  split(threads, n, 64, [=](int64_t begin, int64_t end) { std::fill(to + begin, to + end, value); });
}

}  // namespace

void thaw_fill(void* y, int dtype, int64_t n, double value, int threads) {
  // One element, cast as all casts are, gives the pattern.
  alignas(8) unsigned char element[8] = {0};
  BEST(index_cast)(element, dtype, &value, FLOAT64, 1);
  switch (bytes_of(dtype)) {
    case 1: return fill_all(y, element[0], n, threads);
    case 2: {
      uint16_t v;
      std::memcpy(&v, element, sizeof v);
      return fill_all(y, v, n, threads);
    }
    case 4: {
      uint32_t v;
      std::memcpy(&v, element, sizeof v);
      return fill_all(y, v, n, threads);
    }
    default: {
      uint64_t v;
      std::memcpy(&v, element, sizeof v);
      return fill_all(y, v, n, threads);
    }
  }
}

void thaw_cast(void* y, int y_type, const void* x, int x_type, int64_t n, int threads) {
  const int64_t y_size = bytes_of(y_type);
  const int64_t x_size = bytes_of(x_type);
  if (y_type == x_type) {
    thaw_copy(y, x, n * y_size, threads);
    return;
  }
  split(threads, n, 64, [=](int64_t begin, int64_t end) {
    BEST(index_cast)(static_cast<char*>(y) + begin * y_size, y_type, static_cast<const char*>(x) + begin * x_size, x_type,
                     end - begin);
  });
}

int64_t thaw_take(void* y, const void* x, int element_bytes, const void* index, int wide, int64_t outer, int64_t n,
                  int64_t count, int64_t inner, int threads) {
  const int64_t bad = first_bad(index, wide, count, n);
  if (bad >= 0) return bad;
  const int64_t row = inner * element_bytes;
  split(threads, outer * count, 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::memcpy(static_cast<char*>(y) + i * row,
                  static_cast<const char*>(x) + (i / count * n + at(index, wide, i % count)) * row, row);
    }
  });
  return -1;
}

int64_t thaw_take_backward(float* dx, const float* dy, const void* index, int wide, int64_t outer, int64_t n, int64_t count,
                           int64_t inner, int threads) {
  const int64_t bad = first_bad(index, wide, count, n);
  if (bad >= 0) return bad;
  fill_all(dx, 0.0f, outer * n * inner, threads);
  // Threads share out the columns: each adds in the order of the index.
  split(threads, inner, LINE, [=](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < outer * count; ++i) {
      BEST(index_add)(dx + (i / count * n + at(index, wide, i % count)) * inner + begin, dy + i * inner + begin, end - begin);
    }
  });
  return -1;
}

int64_t thaw_gather(void* y, const void* x, int element_bytes, const void* index, int wide, int64_t outer, int64_t n,
                    int64_t count, int64_t inner, int threads) {
  const int64_t bad = first_bad(index, wide, outer * count * inner, n);
  if (bad >= 0) return bad;
  const int64_t size = element_bytes;
  split(threads, outer * count, 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t k = 0; k < inner; ++k) {
        const int64_t from = (i / count * n + at(index, wide, i * inner + k)) * inner + k;
        std::memcpy(static_cast<char*>(y) + (i * inner + k) * size, static_cast<const char*>(x) + from * size, size);
      }
    }
  });
  return -1;
}

int64_t thaw_gather_backward(float* dx, const float* dy, const void* index, int wide, int64_t outer, int64_t n, int64_t count,
                             int64_t inner, int threads) {
  const int64_t bad = first_bad(index, wide, outer * count * inner, n);
  if (bad >= 0) return bad;
  fill_all(dx, 0.0f, outer * n * inner, threads);
  split(threads, outer, 1, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin * count; i < end * count; ++i) {
      for (int64_t k = 0; k < inner; ++k) {
        dx[(i / count * n + at(index, wide, i * inner + k)) * inner + k] += dy[i * inner + k];
      }
    }
  });
  return -1;
}
