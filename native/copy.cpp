// Strided copies: the walk is brought into its simplest form, and run as rows, as transpositions of blocks, or one by one.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "index_loops.h"
#include "parallel.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

struct Dim {
  int64_t n, to, from;  // size, and the step in y and in x
};

// Drops dimensions of one, orders the others by their step in y, and merges neighbours that both walk as one.
int simplify(Dim* d, int rank) {
  int used = 0;
  for (int i = 0; i < rank; ++i) {
    if (d[i].n != 1) d[used++] = d[i];
  }
  for (int i = 1; i < used; ++i) {
    for (int k = i; k > 0 && std::abs(d[k - 1].to) < std::abs(d[k].to); --k) std::swap(d[k - 1], d[k]);
  }
  int merged = 0;
  for (int i = 0; i < used; ++i) {
    if (merged > 0 && d[merged - 1].to == d[i].to * d[i].n && d[merged - 1].from == d[i].from * d[i].n) {
      d[merged - 1] = {d[merged - 1].n * d[i].n, d[i].to, d[i].from};
    } else {
      d[merged++] = d[i];
    }
  }
  if (merged == 0) d[merged++] = {1, 1, 1};
  return merged;
}

// Calls f(place in y, place in x) for elements [begin, end) of the outer dimensions.
template <class F>
void walk(const Dim* d, int rank, int64_t begin, int64_t end, const F& f) {
  for (int64_t i = begin; i < end; ++i) {
    int64_t to = 0, from = 0, rest = i;
    for (int k = rank - 1; k >= 0; --k) {
      to += rest % d[k].n * d[k].to;
      from += rest % d[k].n * d[k].from;
      rest /= d[k].n;
    }
    f(to, from);
  }
}

}  // namespace

void thaw_copy_strided(void* y, const void* x, int element_bytes, int64_t y_offset, int64_t x_offset, const int* sizes,
                       int rank, int threads) {
  Dim d[THAW_MAX_RANK + 1];
  for (int i = 0; i < rank; ++i) {
    if (sizes[i] == 0) return;
    d[i] = {sizes[i], sizes[rank + i], sizes[2 * rank + i]};
  }
  rank = simplify(d, rank);
  const int64_t size = element_bytes;
  char* to = static_cast<char*>(y) + y_offset * size;
  const char* from = static_cast<const char*>(x) + x_offset * size;

  const Dim inner = d[rank - 1];
  // The dimension that x walks step by step, if it is not the one that y does.
  int across = -1;
  for (int i = 0; i < rank - 1; ++i) {
    if (d[i].from == 1 && inner.to == 1 && inner.from != 1) across = i;
  }
  if (across >= 0) {
    const Dim rows = d[across];
    std::copy(d + across + 1, d + rank - 1, d + across);
    int64_t outer = 1;
    for (int i = 0; i < rank - 2; ++i) outer *= d[i].n;
    // Few large transpositions are cut along y's rows, many small ones are dealt out whole.
    constexpr int64_t STRIP = 64;
    const int64_t strips = (rows.n + STRIP - 1) / STRIP;
    split(threads, outer * strips, 1, [=, &d](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        const int64_t first = u % strips * STRIP;
        walk(d, rank - 2, u / strips, u / strips + 1, [=](int64_t at_y, int64_t at_x) {
          BEST(index_transpose)(to + (at_y + first * rows.to) * size, from + (at_x + first) * size, element_bytes,
                                std::min(STRIP, rows.n - first), inner.n, rows.to, inner.from);
        });
      }
    });
    return;
  }
  int64_t outer = 1;
  for (int i = 0; i < rank - 1; ++i) outer *= d[i].n;
  if (inner.to == 1 && inner.from == 1) {
    if (outer == 1) {
      thaw_copy(to, from, inner.n * size, threads);
      return;
    }
    split(threads, outer, 1, [=, &d](int64_t begin, int64_t end) {
      walk(d, rank - 1, begin, end, [=](int64_t at_y, int64_t at_x) {
        std::memcpy(to + at_y * size, from + at_x * size, inner.n * size);
      });
    });
    return;
  }
  split(threads, outer, 1, [=, &d](int64_t begin, int64_t end) {
    walk(d, rank - 1, begin, end, [=](int64_t at_y, int64_t at_x) {
      BEST(index_strided)(to + at_y * size, inner.to, from + at_x * size, inner.from, element_bytes, inner.n);
    });
  });
}
