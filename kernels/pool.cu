// Pooling of pictures x [n, h, w, c] to y [n, out_h, out_w, c]: the largest or the mean of each window. Neighbouring threads
// have neighbouring channels. Backward collects: each pixel of dx goes through the windows that it lies in, in their order.
#include "common.cuh"

// As dev.thaw.backend.PoolShape has them.
struct PoolShape {
  int n, h, w, c, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, count_padding, adaptive;
};

// The windows along the rows, or along the columns.
struct PoolAxis {
  int in, out, kernel, stride, pad, count_padding, adaptive;

  // First element of window i, and one past its last, inside the picture.
  DEVICE int begin(int i) const {
    const int at = adaptive ? (int)((long long)i * in / out) : i * stride - pad;
    return at < 0 ? 0 : at;
  }
  DEVICE int end(int i) const {
    const int at = adaptive ? (int)(((long long)(i + 1) * in + out - 1) / out) : i * stride - pad + kernel;
    return at < in ? at : in;
  }

  // What window i counts in a mean; the product of both axes' is the divisor.
  DEVICE int count(int i) const {
    if (adaptive || !count_padding) return end(i) - begin(i);
    const int first = i * stride - pad, last = first + kernel;
    return (last < in + pad ? last : in + pad) - first;
  }

  // How many strides there are in n: mostly 1 or 2, and a division by what is not known costs 20 instructions.
  DEVICE int strides(int n) const { return stride == 1 ? n : stride == 2 ? n >> 1 : n / stride; }

  // First window that element r lies in, and one past the last.
  DEVICE int first_seeing(int r) const {
    if (adaptive) return (int)((long long)r * out / in);
    const int at = r + pad - kernel;
    return at < 0 ? 0 : strides(at) + 1;
  }
  DEVICE int last_seeing(int r) const {
    const int at = adaptive ? (int)(((long long)(r + 1) * out - 1) / in) + 1 : strides(r + pad) + 1;
    return at < out ? at : out;
  }
};

DEVICE PoolAxis pool_rows(const PoolShape& s) {
  return {s.h, s.out_h, s.kernel_h, s.stride_h, s.pad_h, s.count_padding, s.adaptive};
}

DEVICE PoolAxis pool_columns(const PoolShape& s) {
  return {s.w, s.out_w, s.kernel_w, s.stride_w, s.pad_w, s.count_padding, s.adaptive};
}

// What thread u of a walk over pictures of w columns and h rows, with so many units of channels, works on.
template <class I>
struct PoolPlace {
  int picture, row, column, unit;

  DEVICE PoolPlace(I u, int h, int w, int units) {
    I rest = u / units;
    unit = (int)(u - rest * units);
    const I rows = rest / w;
    column = (int)(rest - rows * w);
    picture = (int)(rows / h);
    row = (int)(rows - (I)picture * h);
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
DEVICE void max_forward(S* __restrict__ y, int* __restrict__ where, const S* __restrict__ x, I total, const PoolShape& s) {
  const PoolAxis rows = pool_rows(s), columns = pool_columns(s);
  const int units = s.c / W;
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, s.out_h, s.out_w, units);
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

// Neighbours in a row that a thread has in max_backward, for they lie in many of the same windows: as many as registers hold
// without leaving a card too few threads.
template <int W>
constexpr int POOL_PIXELS = W == 8 ? 2 : 4;

// With y, only winners above 0 pass their gradient on: the backward of a ReLU before.
template <int W, class I, class S>
DEVICE void max_backward(S* __restrict__ dx, const S* __restrict__ dy, const int* __restrict__ where,
                         const S* __restrict__ y, I total, const PoolShape& s) {
  const PoolAxis rows = pool_rows(s), columns = pool_columns(s);
  constexpr int PIXELS = POOL_PIXELS<W>;
  const int units = s.c / W, across = (s.w + PIXELS - 1) / PIXELS;
  const I tasks = total / s.w * across;
  for (I u = (I)first(); u < tasks; u += (I)step()) {
    const PoolPlace<I> p(u, s.h, across, units);
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
DEVICE void average_forward(S* __restrict__ y, const S* __restrict__ x, I total, const PoolShape& s) {
  const PoolAxis rows = pool_rows(s), columns = pool_columns(s);
  const int units = s.c / W;
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, s.out_h, s.out_w, units);
    const S* picture = x + (long long)p.picture * s.h * s.w * s.c + p.unit * W;
    const int bottom = rows.end(p.row), left = columns.begin(p.column), right = columns.end(p.column);
    Floats<W> sum = {};
    for (int r = rows.begin(p.row); r < bottom; ++r) {
      for (int q = left; q < right; ++q) {
        const Floats<W> v = load<W>(picture + (long long)(r * s.w + q) * s.c);
        for (int e = 0; e < W; ++e) sum.v[e] += v.v[e];
      }
    }
    const float count = (float)(rows.count(p.row) * columns.count(p.column));
    for (float& v : sum.v) v /= count;
    store(y + (long long)u * W, sum);
  }
}

template <int W, class I, class S>
DEVICE void average_backward(S* __restrict__ dx, const S* __restrict__ dy, I total, const PoolShape& s) {
  const PoolAxis rows = pool_rows(s), columns = pool_columns(s);
  const int units = s.c / W;
  for (I u = (I)first(); u < total; u += (I)step()) {
    const PoolPlace<I> p(u, s.h, s.w, units);
    const int bottom = rows.last_seeing(p.row), right = columns.last_seeing(p.column);
    Floats<W> sum = {};
    for (int i = rows.first_seeing(p.row); i < bottom; ++i) {
      const int height = rows.count(i);
      for (int j = columns.first_seeing(p.column); j < right; ++j) {
        const float share = 1.0f / (float)(height * columns.count(j));
        const Floats<W> d = load<W>(dy + (((long long)p.picture * s.out_h + i) * s.out_w + j) * s.c + p.unit * W);
        for (int e = 0; e < W; ++e) sum.v[e] += d.v[e] * share;
      }
    }
    store(dx + (long long)u * W, sum);
  }
}

// Large windows - a mean over whole pictures leaves few results: a block has a pixel of y and 32 units of its channels, and
// its eight warps share out the window. Their sums are added in the order of the warps.
template <int W, class S>
DEVICE void average_of_many(S* __restrict__ y, const S* __restrict__ x, const PoolShape& s) {
  __shared__ float sums[WARPS][WARP * W];
  const PoolAxis rows = pool_rows(s), columns = pool_columns(s);
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const int units = s.c / W, parts = (units + WARP - 1) / WARP;
  const long long tasks = (long long)s.n * s.out_h * s.out_w * parts;
  for (long long task = blockIdx.x; task < tasks; task += gridDim.x) {
    const PoolPlace<long long> p(task, s.out_h, s.out_w, parts);
    const int unit = p.unit * WARP + lane;
    const S* picture = x + (long long)p.picture * s.h * s.w * s.c + unit * W;
    const int top = rows.begin(p.row), left = columns.begin(p.column);
    const int width = columns.end(p.column) - left;
    const int size = unit < units ? (rows.end(p.row) - top) * width : 0;
    Floats<W> sum = {};
    for (int i = warp; i < size; i += WARPS) {
      const Floats<W> v = load<W>(picture + ((long long)(top + i / width) * s.w + left + i % width) * s.c);
      for (int e = 0; e < W; ++e) sum.v[e] += v.v[e];
    }
    for (int e = 0; e < W; ++e) sums[warp][e * WARP + lane] = sum.v[e];
    __syncthreads();
    if (warp == 0 && unit < units) {
      const float count = (float)(rows.count(p.row) * columns.count(p.column));
      for (int e = 0; e < W; ++e) {
        float all = sums[0][e * WARP + lane];
        for (int k = 1; k < WARPS; ++k) all += sums[k][e * WARP + lane];
        sum.v[e] = all / count;
      }
      store(y + (((long long)p.picture * s.out_h + p.row) * s.out_w + p.column) * s.c + (long long)unit * W, sum);
    }
    __syncthreads();  // the sums have been read
  }
}

// Packs where the channels are whole packs and the addresses aligned; whole numbers of 32 bits where they count the elements.
#define POOL_CALL(name, S, elements, vector, ...)              \
  constexpr int W = Pack<S>::WIDTH;                            \
  const long long total = elements;                            \
  const bool small = total < 1ll << 31;                        \
  if (s.c % W == 0 && vector) {                                \
    if (small) {                                               \
      name<W, unsigned>(__VA_ARGS__, total / W, s);            \
    } else {                                                   \
      name<W, long long>(__VA_ARGS__, total / W, s);           \
    }                                                          \
  } else if (small) {                                          \
    name<1, unsigned>(__VA_ARGS__, total, s);                  \
  } else {                                                     \
    name<1, long long>(__VA_ARGS__, total, s);                 \
  }

#define POOL(S, type)                                                                                                 \
  KERNEL(pool_max_forward_##type, S* y, int* where, const S* x, const PoolShape s) {                                  \
    POOL_CALL(max_forward, S, (long long)s.n * s.out_h * s.out_w * s.c, aligned(y, where, x), y, where, x)            \
  }                                                                                                                   \
  KERNEL(pool_max_backward_##type, S* dx, const S* dy, const int* where, const S* y, const PoolShape s) {             \
    POOL_CALL(max_backward, S, (long long)s.n * s.h * s.w * s.c, aligned(dx, dy, where, y), dx, dy, where, y)         \
  }                                                                                                                   \
  KERNEL(pool_average_forward_##type, S* y, const S* x, const PoolShape s) {                                          \
    POOL_CALL(average_forward, S, (long long)s.n * s.out_h * s.out_w * s.c, aligned(y, x), y, x)                      \
  }                                                                                                                   \
  KERNEL(pool_average_backward_##type, S* dx, const S* dy, const PoolShape s) {                                       \
    POOL_CALL(average_backward, S, (long long)s.n * s.h * s.w * s.c, aligned(dx, dy), dx, dy)                         \
  }                                                                                                                   \
  KERNEL(pool_average_of_many_##type, S* y, const S* x, const PoolShape s) {                                          \
    constexpr int W = Pack<S>::WIDTH;                                                                                 \
    if (s.c % W == 0 && aligned(y, x)) {                                                                              \
      average_of_many<W>(y, x, s);                                                                                    \
    } else {                                                                                                          \
      average_of_many<1>(y, x, s);                                                                                    \
    }                                                                                                                 \
  }
POOL(float, f32)
POOL(bf16, bf16)
