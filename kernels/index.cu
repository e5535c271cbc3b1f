// Kernels that pick: rows and elements by index, and neighbours of pixels for resized pictures. What is only moved is moved in
// units of 1 to 16 bytes, the largest that all addresses are multiples of.
#include "common.cuh"

// --- Picked by index along n of [outer, n, inner]. The index is of int or, `wide`, of long long; a number outside [0, n)
// is refused, and is no address: y gets 0 there, dx nothing. ---

DEVICE long long index_at(const void* index, int wide, long long i) {
  return wide ? ((const long long*)index)[i] : ((const int*)index)[i];
}

// y[o, i, :] = x[o, index[i], :]. A row is copied by `lanes` neighbouring threads, a power of two.
template <class U>
DEVICE void take(U* __restrict__ y, const U* __restrict__ x, const void* index, int wide, long long outer, long long n,
                 long long count, long long inner, int lanes, Refusal* refusal, int what) {
  const int lane = threadIdx.x & (lanes - 1);
  for (long long row = first() / lanes; row < outer * count; row += step() / lanes) {
    const long long o = outer == 1 ? 0 : row / count;
    const long long i = row - o * count;
    const long long at = index_at(index, wide, i);
    const bool there = at >= 0 && at < n;
    if (!there && lane == 0) refuse(refusal, what, at, i, n);
    const U* from = x + (o * n + at) * inner;
    for (long long k = lane; k < inner; k += lanes) y[row * inner + k] = there ? from[k] : U{};
  }
}

#define TAKE(size, U)                                                                                                    \
  KERNEL(take_##size, U* y, const U* x, const void* index, int wide, long long outer, long long n, long long count,      \
         long long inner, int lanes, Refusal* refusal, int what) {                                                       \
    take(y, x, index, wide, outer, n, count, inner, lanes, refusal, what);                                               \
  }
TAKE(1, unsigned char)
TAKE(2, unsigned short)
TAKE(4, unsigned)
TAKE(8, unsigned long long)
TAKE(16, Unit16)

// dx[o, r, :] = the sum of dy[o, i, :] over all i with index[i] = r, in the order of i. A warp has a row of dx and goes
// through the whole index for it, 32 at a time: n * count comparisons, and no atomic addition whose order could change.
constexpr int ROW_PLACES = 4;
constexpr int ROW_PART = ROW_PLACES * WARP;

template <class S>
DEVICE void take_backward(S* __restrict__ dx, const S* __restrict__ dy, const void* index, int wide, long long outer,
                          long long n, long long count, long long inner, Refusal* refusal, int what) {
  __shared__ int rows[THREADS];  // of the index, -1 where there is none
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const long long parts = (inner + ROW_PART - 1) / ROW_PART;
  const long long tasks = outer * parts * n;
  for (long long base = (long long)blockIdx.x * WARPS; base < tasks; base += (long long)gridDim.x * WARPS) {
    const long long task = base + warp;
    const bool busy = task < tasks;
    const int row = busy ? (int)(task % n) : -2;
    const long long k = task / n % parts * ROW_PART + lane;
    const long long o = task / n / parts;
    float sum[ROW_PLACES] = {};
    for (long long begin = 0; begin < count; begin += THREADS) {
      __syncthreads();  // the last ones have been looked at
      const long long own = begin + threadIdx.x;
      const long long at = own < count ? index_at(index, wide, own) : -1;
      const bool there = at >= 0 && at < n;
      if (own < count && !there) refuse(refusal, what, at, own, n);
      rows[threadIdx.x] = there ? (int)at : -1;
      __syncthreads();
      for (int s = 0; s < THREADS; s += WARP) {
        unsigned found = __ballot_sync(ALL_LANES, rows[s + lane] == row);
        for (; found != 0; found &= found - 1) {
          const S* from = dy + (o * count + begin + s + __ffs((int)found) - 1) * inner;
          for (int p = 0; p < ROW_PLACES; ++p) {
            if (k + p * WARP < inner) sum[p] += widen(from[k + p * WARP]);
          }
        }
      }
    }
    for (int p = 0; p < ROW_PLACES && busy; ++p) {
      if (k + p * WARP < inner) dx[(o * n + row) * inner + k + p * WARP] = narrow<S>(sum[p]);
    }
  }
}

KERNEL(take_backward_f32, float* dx, const float* dy, const void* index, int wide, long long outer, long long n,
       long long count, long long inner, Refusal* refusal, int what) {
  take_backward(dx, dy, index, wide, outer, n, count, inner, refusal, what);
}

KERNEL(take_backward_bf16, bf16* dx, const bf16* dy, const void* index, int wide, long long outer, long long n,
       long long count, long long inner, Refusal* refusal, int what) {
  take_backward(dx, dy, index, wide, outer, n, count, inner, refusal, what);
}

// y[o, i, k] = x[o, index[o, i, k], k]. I is wide enough for the elements of y.
template <class I, class U>
DEVICE void gather(U* __restrict__ y, const U* __restrict__ x, const void* index, int wide, I total, long long n, I count,
                   I inner, Refusal* refusal, int what) {
  for (I e = (I)first(); e < total; e += (I)step()) {
    const I row = e / inner;
    const long long at = index_at(index, wide, e);
    const bool there = at >= 0 && at < n;
    if (!there) refuse(refusal, what, at, e, n);
    y[e] = there ? x[(row / count * n + at) * inner + (e - row * inner)] : U{};
  }
}

#define GATHER(size, U)                                                                                                \
  KERNEL(gather_##size, U* y, const U* x, const void* index, int wide, long long outer, long long n, long long count,  \
         long long inner, Refusal* refusal, int what) {                                                                \
    const long long total = outer * count * inner;                                                                     \
    if (total < 1ll << 31) {                                                                                           \
      gather<unsigned>(y, x, index, wide, total, n, count, inner, refusal, what);                                      \
    } else {                                                                                                           \
      gather<long long>(y, x, index, wide, total, n, count, inner, refusal, what);                                     \
    }                                                                                                                  \
  }
GATHER(1, unsigned char)
GATHER(2, unsigned short)
GATHER(4, unsigned)
GATHER(8, unsigned long long)

// dx[o, index[o, i, k], k] += dy[o, i, k], into zeros. A thread has a column (o, k), and adds in the order of i.
template <class I, class S>
DEVICE void gather_backward(float* __restrict__ dx, const S* __restrict__ dy, const void* index, int wide, I columns,
                            long long n, long long count, I inner, Refusal* refusal, int what) {
  for (I column = (I)first(); column < columns; column += (I)step()) {
    const I o = column / inner, k = column - o * inner;
    float* const to = dx + o * n * inner + k;
    long long e = o * count * inner + k;
    for (long long i = 0; i < count; ++i, e += inner) {
      const long long at = index_at(index, wide, e);
      if (at >= 0 && at < n) {
        to[at * inner] += widen(dy[e]);
      } else {
        refuse(refusal, what, at, e, n);
      }
    }
  }
}

#define GATHER_BACKWARD(S, type)                                                                                       \
  KERNEL(gather_backward_##type, float* dx, const S* dy, const void* index, int wide, long long outer, long long n,    \
         long long count, long long inner, Refusal* refusal, int what) {                                               \
    const long long columns = outer * inner;                                                                           \
    if (columns < 1ll << 31) {                                                                                         \
      gather_backward<unsigned>(dx, dy, index, wide, columns, n, count, inner, refusal, what);                         \
    } else {                                                                                                           \
      gather_backward<long long>(dx, dy, index, wide, columns, n, count, inner, refusal, what);                        \
    }                                                                                                                  \
  }
GATHER_BACKWARD(float, f32)
GATHER_BACKWARD(bf16, bf16)

// --- Resizing of x [n, h, w, c] to y [n, out_h, out_w, c]: up to four neighbours of x, weighted by how near they are. ---

enum Between { NEAREST, HALVES, CORNERS };

// The rows, or the columns: `in` of x, `out` of y.
struct ResizeAxis {
  long long in, out;
  Between between;
};

// Where row i of y lies in x: `share` of the way from row `low` to row `high`.
struct Neighbourhood {
  long long low, high;
  float share;
};

// In whole numbers up to the last division, so that no rounding moves a row to its neighbour.
DEVICE Neighbourhood neighbourhood(const ResizeAxis& a, long long i) {
  if (a.between == NEAREST) return {i * a.in / a.out, i * a.in / a.out, 0.0f};
  long long at, unit;
  if (a.between == HALVES) {
    at = (2 * i + 1) * a.in - a.out;
    unit = 2 * a.out;
    if (at < 0) at = 0;
  } else {
    at = i * (a.in - 1);
    unit = a.out == 1 ? 1 : a.out - 1;
  }
  const long long low = at / unit;
  return {low, low + 1 < a.in ? low + 1 : low, (float)(at - low * unit) / (float)unit};
}

// How much of row r of x is in that row of y.
DEVICE float weight(const Neighbourhood& b, long long r) {
  return (b.low == r ? 1.0f - b.share : 0.0f) + (b.high == r ? b.share : 0.0f);
}

// No row of y before this one has row r of x as a neighbour; nor has one whose `low` is above r.
DEVICE long long first_near(const ResizeAxis& a, long long r) {
  long long at, unit;
  if (a.between == NEAREST) {
    at = r * a.out;
    unit = a.in;
  } else if (a.between == HALVES) {
    at = (2 * r - 1) * a.out - a.in;
    unit = 2 * a.in;
  } else {
    at = (r - 1) * (a.out - 1);
    unit = a.in == 1 ? 1 : a.in - 1;
  }
  return at <= 0 ? 0 : at / unit;
}

// A block has a row of y. A neighbour of weight 0 is left out, so that 0 times infinity does not arise.
template <int W, class S>
DEVICE void resize(S* __restrict__ y, const S* __restrict__ x, int n, int c, const ResizeAxis& rows,
                   const ResizeAxis& columns) {
  const unsigned units = c / W;
  for (long long row = blockIdx.x; row < n * rows.out; row += gridDim.x) {
    const Neighbourhood v = neighbourhood(rows, row % rows.out);
    const S* picture = x + row / rows.out * rows.in * columns.in * c;
    for (unsigned u = threadIdx.x; u < columns.out * units; u += THREADS) {
      const unsigned j = u / units, k = (u - j * units) * W;
      const Neighbourhood h = neighbourhood(columns, j);
      Floats<W> sum = {};
      for (int corner = 0; corner < 4; ++corner) {
        const bool below = corner >= 2, right = corner % 2 == 1;
        const float share = (below ? v.share : 1.0f - v.share) * (right ? h.share : 1.0f - h.share);
        if (share == 0.0f) continue;
        const Floats<W> p = load<W>(picture + ((below ? v.high : v.low) * columns.in + (right ? h.high : h.low)) * c + k);
        for (int e = 0; e < W; ++e) sum.v[e] += share * p.v[e];
      }
      store(y + (row * columns.out + j) * c + k, sum);
    }
  }
}

// A block has a row of dx, and collects from the pixels of dy that it went into.
template <int W, class S>
DEVICE void resize_backward(S* __restrict__ dx, const S* __restrict__ dy, int n, int c, const ResizeAxis& rows,
                            const ResizeAxis& columns) {
  const unsigned units = c / W;
  for (long long row = blockIdx.x; row < n * rows.in; row += gridDim.x) {
    const long long r = row % rows.in;
    const S* picture = dy + row / rows.in * rows.out * columns.out * c;
    for (unsigned u = threadIdx.x; u < columns.in * units; u += THREADS) {
      const unsigned q = u / units, k = (u - q * units) * W;
      Floats<W> sum = {};
      for (long long i = first_near(rows, r); i < rows.out; ++i) {
        const Neighbourhood v = neighbourhood(rows, i);
        if (v.low > r) break;
        const float down = weight(v, r);
        for (long long j = first_near(columns, q); j < columns.out; ++j) {
          const Neighbourhood h = neighbourhood(columns, j);
          if (h.low > q) break;
          const float share = down * weight(h, q);
          if (share == 0.0f) continue;
          const Floats<W> p = load<W>(picture + (i * columns.out + j) * c + k);
          for (int e = 0; e < W; ++e) sum.v[e] += share * p.v[e];
        }
      }
      store(dx + (row * columns.in + q) * c + k, sum);
    }
  }
}

#define RESIZE(name, S, type)                                                                                            \
  KERNEL(name##_##type, S* to, const S* from, int n, int h, int w, int c, int out_h, int out_w, int between) {           \
    constexpr int W = Pack<S>::WIDTH;                                                                                    \
    const ResizeAxis rows = {h, out_h, (Between)between}, columns = {w, out_w, (Between)between};                        \
    if (c % W == 0 && aligned(to, from)) {                                                                               \
      name<W>(to, from, n, c, rows, columns);                                                                            \
    } else {                                                                                                             \
      name<1>(to, from, n, c, rows, columns);                                                                            \
    }                                                                                                                    \
  }
RESIZE(resize, float, f32)
RESIZE(resize, bf16, bf16)
RESIZE(resize_backward, float, f32)
RESIZE(resize_backward, bf16, bf16)
