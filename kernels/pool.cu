// Pooling of pictures x [n, h, w, c] to y [n, out_h, out_w, c]: the largest or the mean of each window. Neighbouring threads
// have neighbouring channels. Backward collects: each pixel of dx goes through the windows that it lies in, in their order.
#include "common.cuh"

// As dev.thaw.backend.PoolShape has them.
struct PoolShape {
  int n, h, w, c, out_h, out_w, kernel_h, kernel_w;
  Divisor stride_h, stride_w;
  int pad_h, pad_w, count_padding, adaptive;
};

// What threads, or blocks, share out: `units` of channels, or parts of them, in each of `across` places of each of `down` rows
// of a picture. The host knows them all, and a division by what is not known costs 20 instructions.
struct PoolWalk {
  Divisor units, across, down;
  int packed;  // a unit is a pack of channels, not one
};

// The windows along the rows, or along the columns; an I holds a product of their sizes.
template <class I>
struct PoolAxis {
  int in, out, kernel;
  Divisor stride;
  int pad, count_padding, adaptive;

  // First element of window i, and one past its last, inside the picture.
  DEVICE int begin(int i) const {
    const int at = adaptive ? (int)((I)i * in / out) : i * (int)stride.by - pad;
    return at < 0 ? 0 : at;
  }
  DEVICE int end(int i) const {
    const int at = adaptive ? (int)(((I)(i + 1) * in + out - 1) / out) : i * (int)stride.by - pad + kernel;
    return at < in ? at : in;
  }

  // What window i counts in a mean; the product of both axes' is the divisor.
  DEVICE int count(int i) const {
    if (adaptive || !count_padding) return end(i) - begin(i);
    const int first = i * (int)stride.by - pad, last = first + kernel;
    return (last < in + pad ? last : in + pad) - first;
  }

  // First window that element r lies in, and one past the last.
  DEVICE int first_seeing(int r) const {
    if (adaptive) return (int)((I)r * out / in);
    const int at = r + pad - kernel;
    return at < 0 ? 0 : (int)over((unsigned)at, stride) + 1;
  }
  DEVICE int last_seeing(int r) const {
    const int at = adaptive ? (int)(((I)(r + 1) * out - 1) / in) + 1 : (int)over((unsigned)(r + pad), stride) + 1;
    return at < out ? at : out;
  }
};

template <class I>
DEVICE PoolAxis<I> pool_rows(const PoolShape& s) {
  return {s.h, s.out_h, s.kernel_h, s.stride_h, s.pad_h, s.count_padding, s.adaptive};
}

template <class I>
DEVICE PoolAxis<I> pool_columns(const PoolShape& s) {
  return {s.w, s.out_w, s.kernel_w, s.stride_w, s.pad_w, s.count_padding, s.adaptive};
}

// Where number u of a walk is.
template <class I>
struct PoolPlace {
  int picture, row, column, unit;

  DEVICE PoolPlace(I u, const PoolWalk& walk) {
    const I place = over(u, walk.units), line = over(place, walk.across), above = over(line, walk.down);
    unit = (int)(u - place * walk.units.by);
    column = (int)(place - line * walk.across.by);
    row = (int)(line - above * walk.down.by);
    picture = (int)above;
  }
};

// Pixels of a window's row that are asked for before the first is looked at.
constexpr int POOL_AT_ONCE = 3;

struct PoolWindow {
  int top, bottom, left, right;
};

// Which pixel of a window is taken for the largest: one that is larger than those before.
struct Larger {
  static DEVICE bool is(float v, float best) { return v > best; }
};

// Or a NaN, where there has been none.
struct LargerOrNan {
  static DEVICE bool is(float v, float best) { return best == best && !(v <= best); }
};

// Whether one of the numbers is a NaN, or, to say so cheaply, infinite.
template <class Wins, int W, class S>
DEVICE bool find_largest(Floats<W>& best, Neighbours<int, W>& winner, const S* picture, const PoolWindow& in,
                         const PoolShape& s) {
  const bool empty = in.top >= in.bottom || in.left >= in.right;
  for (int e = 0; e < W; ++e) {
    best.v[e] = empty ? 0.0f : Max::none();
    winner.v[e] = empty ? 0 : in.top * s.w + in.left;
  }
  float suspect = 0.0f;
  for (int r = in.top; r < in.bottom; ++r) {
    const S* const line = picture + (long long)(r * s.w) * s.c;
    for (int q = in.left; q < in.right; q += POOL_AT_ONCE) {
      Floats<W> v[POOL_AT_ONCE];
      // The last one again does not exceed itself.
      for (int k = 0; k < POOL_AT_ONCE; ++k) {
        v[k] = load<W>(line + (unsigned long long)(unsigned)min(q + k, in.right - 1) * (unsigned)s.c);
      }
      for (int k = 0; k < POOL_AT_ONCE; ++k) {
        for (int e = 0; e < W; ++e) {
          suspect += 0.0f * v[k].v[e];
          if (Wins::is(v[k].v[e], best.v[e])) {
            best.v[e] = v[k].v[e];
            winner.v[e] = r * s.w + q + k;
          }
        }
      }
    }
  }
  return suspect != suspect;
}

// where = the winner's row * w + column; the first of several, and a NaN before all numbers.
template <int W, class I, class S>
DEVICE void max_forward(S* __restrict__ y, int* __restrict__ where, const S* __restrict__ x, I total, const PoolShape& s,
                        const PoolWalk& walk) {
  const PoolAxis<I> rows = pool_rows<I>(s), columns = pool_columns<I>(s);
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, walk);
    const S* picture = x + (long long)p.picture * s.h * s.w * s.c + p.unit * W;
    const PoolWindow window = {rows.begin(p.row), rows.end(p.row), columns.begin(p.column), columns.end(p.column)};
    Floats<W> best;
    Neighbours<int, W> winner;
    // A second look for a NaN, which few pictures have: to look for it at once would cost as much as all the rest.
    if (find_largest<Larger>(best, winner, picture, window, s)) find_largest<LargerOrNan>(best, winner, picture, window, s);
    store(y + (long long)u * W, best);
    if (where != nullptr) ((Neighbours<int, W>*)where)[u] = winner;
  }
}

// Neighbours in a row that a thread has in a backward, for they lie in many of the same windows: as many as registers hold
// without leaving a card too few threads.
template <int W>
constexpr int POOL_PIXELS = W == 8 ? 2 : 4;

// With y, only winners above 0 pass their gradient on: the backward of a ReLU before.
template <int W, class I, class S>
DEVICE void max_backward(S* __restrict__ dx, const S* __restrict__ dy, const int* __restrict__ where,
                         const S* __restrict__ y, I total, const PoolShape& s, const PoolWalk& walk) {
  const PoolAxis<I> rows = pool_rows<I>(s), columns = pool_columns<I>(s);
  constexpr int PIXELS = POOL_PIXELS<W>;
  const int units = s.c / W;
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, walk);
    const int column = p.column * PIXELS, here = p.row * s.w + column;
    const int pixels = min(PIXELS, s.w - column);
    const int left = columns.first_seeing(column), right = columns.last_seeing(column + pixels - 1);
    const int bottom = rows.last_seeing(p.row);
    Floats<W> sum[PIXELS] = {};
    for (int i = rows.first_seeing(p.row); i < bottom; ++i) {
      I at = (((I)p.picture * s.out_h + i) * s.out_w + left) * units + p.unit;
#pragma unroll 1
      for (int j = left; j < right; ++j, at += units) {
        const Neighbours<int, W> winner = ((const Neighbours<int, W>*)where)[at];
        Floats<W> d = load<W>(dy + (long long)at * W);
        if (y != nullptr) {
          const Floats<W> largest = load<W>(y + (long long)at * W);
          for (int e = 0; e < W; ++e) d.v[e] = largest.v[e] > 0.0f ? d.v[e] : 0.0f;
        }
        for (int k = 0; k < PIXELS; ++k) {
          for (int e = 0; e < W; ++e) {
            if (winner.v[e] == here + k) sum[k].v[e] += d.v[e];
          }
        }
      }
    }
    S* const to = dx + (((long long)p.picture * s.h + p.row) * s.w + column) * s.c + p.unit * W;
    for (int k = 0; k < PIXELS; ++k) {
      if (k < pixels) store(to + (long long)k * s.c, sum[k]);
    }
  }
}

template <int W, class I, class S>
DEVICE void average_forward(S* __restrict__ y, const S* __restrict__ x, I total, const PoolShape& s, const PoolWalk& walk) {
  const PoolAxis<I> rows = pool_rows<I>(s), columns = pool_columns<I>(s);
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, walk);
    const S* picture = x + (long long)p.picture * s.h * s.w * s.c + p.unit * W;
    const int bottom = rows.end(p.row), left = columns.begin(p.column), right = columns.end(p.column);
    Floats<W> sum = {};
    for (int r = rows.begin(p.row); r < bottom; ++r) {
      const S* const line = picture + (long long)(r * s.w) * s.c;
#pragma unroll 1
      for (int q = left; q < right; q += 2) {
        const Floats<W> a = load<W>(line + (unsigned long long)(unsigned)q * (unsigned)s.c);
        const bool two = q + 1 < right;
        const Floats<W> b = load<W>(line + (unsigned long long)(unsigned)(two ? q + 1 : q) * (unsigned)s.c);
        for (int e = 0; e < W; ++e) {
          sum.v[e] += a.v[e];
          if (two) sum.v[e] += b.v[e];
        }
      }
    }
    const int n = rows.count(p.row) * columns.count(p.column);
    const float count = (float)n, share = 1.0f / count;
    const bool exact = (n & (n - 1)) == 0;  // the reciprocal of a power of two, which saves the divisions
    for (float& v : sum.v) v = exact ? v * share : v / count;
    store(y + (long long)u * W, sum);
  }
}

template <int W, class I, class S>
DEVICE void average_backward(S* __restrict__ dx, const S* __restrict__ dy, I total, const PoolShape& s,
                             const PoolWalk& walk) {
  const PoolAxis<I> rows = pool_rows<I>(s), columns = pool_columns<I>(s);
  constexpr int PIXELS = POOL_PIXELS<W>;
  const int units = s.c / W;
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, walk);
    const int column = p.column * PIXELS, pixels = min(PIXELS, s.w - column);
    const int left = columns.first_seeing(column), right = columns.last_seeing(column + pixels - 1);
    const int bottom = rows.last_seeing(p.row);
    Floats<W> sum[PIXELS] = {};
    for (int i = rows.first_seeing(p.row); i < bottom; ++i) {
      const int height = rows.count(i);
      I at = (((I)p.picture * s.out_h + i) * s.out_w + left) * units + p.unit;
#pragma unroll 1
      for (int j = left; j < right; ++j, at += units) {
        const float share = 1.0f / (float)(height * columns.count(j));
        const int begin = columns.begin(j) - column, end = columns.end(j) - column;
        const Floats<W> d = load<W>(dy + (long long)at * W);
        for (int k = 0; k < PIXELS; ++k) {
          if (k < begin || k >= end) continue;
          for (int e = 0; e < W; ++e) sum[k].v[e] += d.v[e] * share;
        }
      }
    }
    S* const to = dx + (((long long)p.picture * s.h + p.row) * s.w + column) * s.c + p.unit * W;
    for (int k = 0; k < PIXELS; ++k) {
      if (k < pixels) store(to + (long long)k * s.c, sum[k]);
    }
  }
}

// Pixels that are asked for before the first is added.
constexpr int MANY_AT_ONCE = 4;

// Large windows - a mean over whole pictures leaves few results: a block has a pixel of y and 32 units of its channels, and
// its eight warps share out the window. Their sums are added in the order of the warps.
template <int W, class I, class S>
DEVICE void average_of_many(S* __restrict__ y, const S* __restrict__ x, I total, const PoolShape& s, const PoolWalk& walk) {
  __shared__ Neighbours<float, W> sums[WARPS][WARP];
  const PoolAxis<I> rows = pool_rows<I>(s), columns = pool_columns<I>(s);
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const int units = s.c / W;
  for (I task = blockIdx.x; task < total; task += gridDim.x) {
    const PoolPlace<I> p(task, walk);
    const int unit = p.unit * WARP + lane;
    const int top = rows.begin(p.row), left = columns.begin(p.column);
    const int width = columns.end(p.column) - left;
    const int size = unit < units ? (rows.end(p.row) - top) * width : 0;
    const long long line = (long long)s.w * s.c;
    // From one of a warp's pixels to its next.
    const int by = max(width, 1), next_down = WARPS / by, next_right = WARPS - next_down * by;
    int down = warp / by, right = warp - down * by;
    const S* from = x + (((long long)p.picture * s.h + top + down) * s.w + left) * s.c + unit * W;
    Floats<W> sum = {};
    for (int i = warp; i < size; i += MANY_AT_ONCE * WARPS) {
      Floats<W> v[MANY_AT_ONCE];
      for (int k = 0; k < MANY_AT_ONCE; ++k) {
        if (i + k * WARPS < size) {
          v[k] = load<W>(from + (long long)right * s.c);
        } else {
          v[k] = {};  // changes no sum
        }
        const bool over_the_edge = right + next_right >= width;
        right += next_right - (over_the_edge ? width : 0);
        from += (next_down + over_the_edge) * line;
      }
      for (int k = 0; k < MANY_AT_ONCE; ++k) {
        for (int e = 0; e < W; ++e) sum.v[e] += v[k].v[e];
      }
    }
    for (int e = 0; e < W; ++e) sums[warp][lane].v[e] = sum.v[e];
    __syncthreads();
    const float count = (float)(rows.count(p.row) * columns.count(p.column));
    S* const to = y + (((long long)p.picture * s.out_h + p.row) * s.out_w + p.column) * s.c + p.unit * WARP * W;
    for (int i = threadIdx.x; i < WARP * W && p.unit * WARP * W + i < s.c; i += THREADS) {
      float all = sums[0][0].v[i];
      for (int k = 1; k < WARPS; ++k) all += sums[k][0].v[i];
      to[i] = narrow<S>(all / count);
    }
    __syncthreads();  // the sums have been read
  }
}

// Whether 32 bits hold what is counted.
DEVICE bool pool_small(const PoolShape& s, long long elements, long long tasks) {
  const long long down = (s.h + 1ll) * (s.out_h + 1ll), across = (s.w + 1ll) * (s.out_w + 1ll);
  return max(elements, tasks) < 1ll << 31 && max(down, across) < 1ll << 31;
}

// Packs where the host found that the channels are whole packs and the addresses aligned; numbers of 32 bits where they
// suffice for the elements.
#define POOL_CALL(name, S, elements, ...)                                                                             \
  constexpr int W = Pack<S>::WIDTH;                                                                                   \
  const long long total = (long long)s.n * walk.down.by * walk.across.by * walk.units.by;                             \
  const bool small = pool_small(s, elements, total);                                                                  \
  if (walk.packed) {                                                                                                  \
    if (small) {                                                                                                      \
      name<W, unsigned>(__VA_ARGS__, total, s, walk);                                                                 \
    } else {                                                                                                          \
      name<W, long long>(__VA_ARGS__, total, s, walk);                                                                \
    }                                                                                                                 \
  } else if (small) {                                                                                                 \
    name<1, unsigned>(__VA_ARGS__, total, s, walk);                                                                   \
  } else {                                                                                                            \
    name<1, long long>(__VA_ARGS__, total, s, walk);                                                                  \
  }

#define POOL(S, type)                                                                                                 \
  KERNEL(pool_max_forward_##type, S* y, int* where, const S* x, const PoolShape s, const PoolWalk walk) {             \
    POOL_CALL(max_forward, S, (long long)s.n * s.out_h * s.out_w * s.c, y, where, x)                                  \
  }                                                                                                                   \
  KERNEL(pool_max_backward_##type, S* dx, const S* dy, const int* where, const S* y, const PoolShape s,               \
         const PoolWalk walk) {                                                                                       \
    POOL_CALL(max_backward, S, (long long)s.n * max(s.h * s.w, s.out_h * s.out_w) * s.c, dx, dy, where, y)            \
  }                                                                                                                   \
  KERNEL(pool_average_forward_##type, S* y, const S* x, const PoolShape s, const PoolWalk walk) {                     \
    POOL_CALL(average_forward, S, (long long)s.n * s.out_h * s.out_w * s.c, y, x)                                     \
  }                                                                                                                   \
  KERNEL(pool_average_backward_##type, S* dx, const S* dy, const PoolShape s, const PoolWalk walk) {                  \
    POOL_CALL(average_backward, S, (long long)s.n * max(s.h * s.w, s.out_h * s.out_w) * s.c, dx, dy)                  \
  }                                                                                                                   \
  KERNEL(pool_average_of_many_##type, S* y, const S* x, const PoolShape s, const PoolWalk walk) {                     \
    POOL_CALL(average_of_many, S, (long long)s.n * s.out_h * s.out_w * s.c, y, x)                                     \
  }
POOL(float, f32)
POOL(bf16, bf16)
