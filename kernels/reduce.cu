// Reductions of the middle of [outer, n, inner] to [outer, inner]: sum, max, min, times a scale, and argmax. The shape picks
// one of four kernels:
//
//   each        n is short, or there are as many results as the card has threads: a thread a result
//   short_rows  inner = 1 and n is short: some lanes of a warp a row
//   rows        inner = 1: a block a row
//   columns     a block a tile of neighbouring columns, its threads as rows by columns
//
// Where few results are made of much, n is cut into pieces: the first launch makes [outer, pieces, inner], the second one
// result of the pieces, by the same kernels. What is added to what depends on sizes alone, so results repeat to the bit.
#include "rows.cuh"

// Sums and extremes: floats that are folded by R. Written as they are (`raw`, as for the second launch) or as bf16.
template <class R>
struct Value {
  using A = float;
  static DEVICE A none() { return R::none(); }
  static DEVICE A of(A a, A b) { return R::of(a, b); }

  template <class T>
  static DEVICE A lift(T x, int) {
    return widen(x);
  }

  static DEVICE void store(void* y, int raw, long long i, A v, double scale) {
    const float result = (float)(v * scale);
    if (raw) {
      ((float*)y)[i] = result;
    } else {
      ((bf16*)y)[i] = narrow<bf16>(result);
    }
  }
};

// Where the largest is, as the largest of keys: above, the number as an integer of the same order, with NaN over all and
// -0 as 0; below, its place, the first ones larger. Written as they are (`raw`) or as the place.
struct Argmax {
  using A = unsigned long long;
  static DEVICE A none() { return 0; }
  static DEVICE A of(A a, A b) { return a > b ? a : b; }

  template <class T>
  static DEVICE A lift(T x, int j) {
    const float v = widen(x) + 0.0f;
    const unsigned bits = __float_as_uint(v);
    const unsigned order = v != v ? 0xffffffffu : bits ^ ((unsigned)((int)bits >> 31) | 0x80000000u);
    return (A)order << 32 | ~(unsigned)j;
  }

  static DEVICE A lift(A key, int) { return key; }

  static DEVICE void store(void* y, int raw, long long i, A v, double) {
    ((A*)y)[i] = raw ? v : (A)~(unsigned)v;
  }
};

// Keys that were found before.
struct Keys : Argmax {};

// What a thread finds by itself, whose first element is the j-th, and `any` if it has one at all.
template <class R>
struct Found {
  typename R::A all = R::none();

  DEVICE explicit Found(int = 0) {}

  template <class T>
  DEVICE void take(T x, int j) {
    all = R::of(all, R::lift(x, j));
  }

  DEVICE typename R::A result(bool) const { return all; }
};

// It goes through its elements in order, so that the first of the largest is the one no other exceeds: it makes one key.
template <>
struct Found<Argmax> {
  float largest = Max::none();
  int place;

  DEVICE explicit Found(int j = 0) : place(j) {}

  template <class T>
  DEVICE void take(T x, int j) {
    const float v = widen(x);
    if (largest == largest && !(v <= largest)) {
      largest = v;
      place = j;
    }
  }

  DEVICE Argmax::A result(bool any) const { return any ? Argmax::lift(largest, place) : Argmax::none(); }
};

template <class R, class T>
DEVICE void reduce_each(void* y, const T* x, long long results, int n, int inner, int raw, double scale) {
  for (long long i = first(); i < results; i += step()) {
    const T* at = x + i / inner * n * inner + i % inner;
    Found<R> found(0);
#pragma unroll 4
    for (int j = 0; j < n; ++j) found.take(at[j * (long long)inner], j);
    R::store(y, raw, i, found.result(n > 0), scale);
  }
}

// y [rows, pieces] of x [rows, n].
template <class R, class Team, class T>
DEVICE void reduce_rows(const Team team, void* y, const T* x, long long rows, int n, int pieces, int piece, int raw,
                        double scale) {
  for (long long begin = team.start(); begin < rows * pieces; begin += team.stride()) {
    const long long i = begin + team.row();
    const bool here = i < rows * pieces;
    const int from = here ? (int)(i % pieces) * piece : 0;
    const T* const part = x + (here ? i / pieces * n : 0) + from;
    const int own = here ? min(piece, n - from) : 0, begin_of_own = first_of(team, part, own);
    Found<R> found(from + begin_of_own);
    each_of(team, part, own, [&](int j, typename Computed<T>::Type e) { found.take(e, from + j); });
    const typename R::A v = team.template fold<R>(found.result(begin_of_own < own));
    if (here && team.rank() == 0) R::store(y, raw, i, v, scale);
  }
}

// y [outer, pieces, inner], W columns a thread, `lanes` threads side by side.
template <class R, int W, class T>
DEVICE void reduce_columns(void* y, const T* x, long long outer, int n, int inner, int pieces, int piece, int lanes, int raw,
                           double scale) {
  using A = typename R::A;
  __shared__ A partial[W][THREADS];
  const int rows = THREADS / lanes;
  const int row = threadIdx.x / lanes;
  const int tiles = (inner + lanes * W - 1) / (lanes * W);
  for (long long task = blockIdx.x; task < outer * pieces * tiles; task += gridDim.x) {
    const long long part = task / tiles;
    const int column = ((int)(task % tiles) * lanes + (int)threadIdx.x % lanes) * W;
    const int from = (int)(part % pieces) * piece;
    const int to = min(n, from + piece);
    Found<R> found[W];
    for (int k = 0; k < W; ++k) found[k] = Found<R>(from + row);
    if (column < inner) {
      const T* at = x + part / pieces * n * inner + column;
#pragma unroll 4
      for (int j = from + row; j < to; j += rows) {
        if constexpr (W == 1) {
          found[0].take(at[j * (long long)inner], j);
        } else {
          const Pack<T> p = *packs(at + j * (long long)inner);
          for (int k = 0; k < W; ++k) found[k].take(p.v[k], j);
        }
      }
    }
    for (int k = 0; k < W; ++k) partial[k][threadIdx.x] = found[k].result(column < inner && from + row < to);
    // The lower half of the rows takes in the upper one, until one is left.
    for (int half = rows / 2; half > 0; half /= 2) {
      __syncthreads();
      if (row < half) {
        for (int k = 0; k < W; ++k) {
          partial[k][threadIdx.x] = R::of(partial[k][threadIdx.x], partial[k][threadIdx.x + half * lanes]);
        }
      }
    }
    if (row == 0 && column < inner) {
      for (int k = 0; k < W; ++k) R::store(y, raw, part * inner + column + k, partial[k][threadIdx.x], scale);
    }
    __syncthreads();  // before the next task's partial results
  }
}

// Packs of columns where the host says that all of them are aligned.
#define REDUCE_KERNELS(name, R, T, type)                                                                                   \
  KERNEL(name##_each_##type, void* y, const T* x, long long results, int n, int inner, int raw, double scale) {            \
    reduce_each<R>(y, x, results, n, inner, raw, scale);                                                                   \
  }                                                                                                                        \
  KERNEL(name##_short_rows_##type, void* y, const T* x, long long rows, int n, int lanes, int raw, double scale) {         \
    reduce_rows<R>(Lanes{lanes}, y, x, rows, n, 1, n, raw, scale);                                                         \
  }                                                                                                                        \
  KERNEL(name##_rows_##type, void* y, const T* x, long long rows, int n, int pieces, int piece, int raw, double scale) {   \
    reduce_rows<R>(Block{}, y, x, rows, n, pieces, piece, raw, scale);                                                     \
  }                                                                                                                        \
  KERNEL(name##_columns_##type, void* y, const T* x, long long outer, int n, int inner, int pieces, int piece, int lanes,  \
         int packed, int raw, double scale) {                                                                              \
    if (packed) {                                                                                                          \
      reduce_columns<R, Pack<T>::WIDTH>(y, x, outer, n, inner, pieces, piece, lanes, raw, scale);                          \
    } else {                                                                                                               \
      reduce_columns<R, 1>(y, x, outer, n, inner, pieces, piece, lanes, raw, scale);                                       \
    }                                                                                                                      \
  }

REDUCE_KERNELS(sum, Value<Sum<float>>, float, f32)
REDUCE_KERNELS(sum, Value<Sum<float>>, bf16, bf16)
REDUCE_KERNELS(max, Value<Max>, float, f32)
REDUCE_KERNELS(max, Value<Max>, bf16, bf16)
REDUCE_KERNELS(min, Value<Min>, float, f32)
REDUCE_KERNELS(min, Value<Min>, bf16, bf16)
REDUCE_KERNELS(argmax, Argmax, float, f32)
REDUCE_KERNELS(argmax, Argmax, bf16, bf16)
REDUCE_KERNELS(argmax, Keys, unsigned long long, keys)
