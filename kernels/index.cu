// Kernels that move values, of any type: strided copies, fills, casts, rows and elements picked by index, and resizing of
// pictures. What is only moved is moved in units of 1 to 16 bytes, the largest that all addresses are multiples of.
#include "common.cuh"

using Unit16 = Pack<unsigned>;

// --- y[to] = x[from] over some dimensions. ---

// Dimensions, outermost first, and the steps of y and x along each.
constexpr int WALK_RANK = 8;
struct Walk {
  int rank;
  Divisor sizes[WALK_RANK];
  long long to[WALK_RANK], from[WALK_RANK];
};

struct Places {
  long long to, from;
};

// Where element i of the walk lies in y and in x.
DEVICE Places places(const Walk& walk, unsigned i) {
  Places p = {0, 0};
  for (int d = walk.rank - 1; d >= 0; --d) {
    const unsigned rest = over(i, walk.sizes[d]);
    const unsigned at = i - rest * walk.sizes[d].by;
    p.to += at * walk.to[d];
    p.from += at * walk.from[d];
    i = rest;
  }
  return p;
}

// n < 2^31.
template <class U>
DEVICE void copy_walk(U* __restrict__ y, const U* __restrict__ x, long long n, const Walk& walk) {
  for (unsigned i = (unsigned)first(); i < (unsigned)n; i += (unsigned)step()) {
    const Places p = places(walk, i);
    y[p.to] = x[p.from];
  }
}

#define COPY_WALK(size, U) \
  KERNEL(copy_walk_##size, U* y, const U* x, long long n, const Walk walk) { copy_walk(y, x, n, walk); }
COPY_WALK(1, unsigned char)
COPY_WALK(2, unsigned short)
COPY_WALK(4, unsigned)
COPY_WALK(8, unsigned long long)
COPY_WALK(16, Unit16)

// Matrices [rows, columns] whose rows lie together in y and whose columns lie together in x, so that one of the two would
// be walked in long steps: square tiles go through shared memory, read along the columns and written along the rows. Its
// words have 32 bits at least, so that of a matrix of bytes or halves, too, each word of a tile is written and read once.
template <class U>
struct Tile {
  using Word = decltype(U() + 0u);
  static constexpr int SIDE = sizeof(U) == 8 ? 32 : 64;
  static constexpr int MERGED = sizeof(Word) / sizeof(U);  // elements of a word, neighbours in a row
  static constexpr int WORDS = SIDE / MERGED + 1;  // of a row: one more, so that a column touches every bank once
  static constexpr int W = Pack<U>::WIDTH;
  static constexpr int ACROSS = SIDE / W < 8 ? SIDE / W : 8;  // threads side by side, with a pack each
};

// Of a tile of so many lines, the line that a thread is at in turn k, and the place in it.
template <class U>
struct TilePlace {
  int line, place;

  DEVICE TilePlace(int k, int lines) {
    using T = Tile<U>;
    constexpr int AT_ONCE = THREADS / T::ACROSS;
    const int at = threadIdx.x / T::ACROSS, turns = lines > AT_ONCE ? lines / AT_ONCE : 1;
    line = at % lines + k % turns * AT_ONCE;
    place = ((int)threadIdx.x % T::ACROSS + (at / lines + k / turns) * T::ACROSS) * T::W;
  }
};

// All sizes, steps and addresses are multiples of a pack. A thread has the same pack of as many columns as a word has
// elements, and makes words of them; several such are asked for before the first is put down.
template <class U>
DEVICE void turn_packs(U* to, const U* from, typename Tile<U>::Word (*tile)[Tile<U>::WORDS], int height, int width,
                       long long row_step, long long column_step) {
  using T = Tile<U>;
  using Word = typename T::Word;
  constexpr int LINES = T::SIDE / T::MERGED, ALL = T::SIDE * T::SIDE / T::W;
  constexpr int READS = ALL / T::MERGED < THREADS ? 1 : ALL / T::MERGED / THREADS, WRITES = ALL / THREADS;
  Pack<U> own[READS][T::MERGED] = {};
  for (int k = 0; k < READS; ++k) {
    const TilePlace<U> p(k, LINES);
    if (p.place < height && p.line * T::MERGED < width) {
      for (int m = 0; m < T::MERGED; ++m) own[k][m] = *packs(from + (p.line * T::MERGED + m) * column_step + p.place);
    }
  }
  __syncthreads();  // the last tile has been read
  for (int k = 0; k < READS; ++k) {
    const TilePlace<U> p(k, LINES);
    if (p.place >= T::SIDE) continue;
    for (int e = 0; e < T::W; ++e) {
      Word word = 0;
      for (int m = 0; m < T::MERGED; ++m) word |= (Word)own[k][m].v[e] << m * 8 * (int)sizeof(U);
      tile[p.place + e][p.line] = word;
    }
  }
  __syncthreads();
  for (int k = 0; k < WRITES; ++k) {
    const TilePlace<U> p(k, T::SIDE);
    if (p.place >= width || p.line >= height) continue;
    Pack<Word> row;
    for (int e = 0; e < Pack<Word>::WIDTH; ++e) row.v[e] = tile[p.line][p.place / T::MERGED + e];
    // Counted in packs: nvcc writes their words one by one else.
    *((Pack<Word>*)to + (p.line * row_step + p.place) / T::W) = row;
  }
}

// Any sizes: an element a thread and turn.
template <class U>
DEVICE void turn_elements(U* to, const U* from, typename Tile<U>::Word (*words)[Tile<U>::WORDS], int height, int width,
                          long long row_step, long long column_step) {
  using T = Tile<U>;
  constexpr int ROW = T::WORDS * T::MERGED, LINES = T::SIDE / WARPS, PARTS = T::SIDE / WARP;
  U* const tile = (U*)words;
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  from += warp * column_step + lane;
  to += warp * row_step + lane;
  U own[LINES][PARTS] = {};  // all asked for before the first is put down
  for (int k = 0; k < LINES; ++k) {
    for (int p = 0; p < PARTS; ++p) {
      if (warp + k * WARPS < width && lane + p * WARP < height) own[k][p] = from[k * WARPS * column_step + p * WARP];
    }
  }
  __syncthreads();  // the last tile has been read
  for (int k = 0; k < LINES; ++k) {
    for (int p = 0; p < PARTS; ++p) tile[(lane + p * WARP) * ROW + warp + k * WARPS] = own[k][p];
  }
  __syncthreads();
  for (int k = 0; k < LINES; ++k) {
    for (int p = 0; p < PARTS; ++p) {
      if (warp + k * WARPS < height && lane + p * WARP < width) {
        to[k * WARPS * row_step + p * WARP] = tile[(warp + k * WARPS) * ROW + lane + p * WARP];
      }
    }
  }
}

// tiles < 2^31, of all matrices, `down` by `across` of each; `outer` walks from one matrix to the next.
template <class U>
DEVICE void copy_tiles(U* __restrict__ y, const U* __restrict__ x, long long tiles, long long rows, long long columns,
                       long long row_step, long long column_step, const Divisor& down, const Divisor& across, int packed,
                       const Walk& outer) {
  using T = Tile<U>;
  __shared__ typename T::Word tile[T::SIDE][T::WORDS];
  for (unsigned t = blockIdx.x; t < (unsigned)tiles; t += gridDim.x) {
    const unsigned line = over(t, across), matrix = over(line, down);
    const long long column = (long long)(t - line * across.by) * T::SIDE;
    const long long row = (long long)(line - matrix * down.by) * T::SIDE;
    const Places p = places(outer, matrix);
    const int height = rows - row < T::SIDE ? (int)(rows - row) : T::SIDE;
    const int width = columns - column < T::SIDE ? (int)(columns - column) : T::SIDE;
    U* const to = y + p.to + row * row_step + column;
    const U* const from = x + p.from + column * column_step + row;
    if (packed) {
      turn_packs(to, from, tile, height, width, row_step, column_step);
    } else {
      turn_elements(to, from, tile, height, width, row_step, column_step);
    }
  }
}

#define COPY_TILES(size, U)                                                                                            \
  KERNEL(copy_tiles_##size, U* y, const U* x, long long tiles, long long rows, long long columns, long long row_step,  \
         long long column_step, const Divisor down, const Divisor across, int packed, const Walk outer) {              \
    copy_tiles(y, x, tiles, rows, columns, row_step, column_step, down, across, packed, outer);                        \
  }
COPY_TILES(1, unsigned char)
COPY_TILES(2, unsigned short)
COPY_TILES(4, unsigned)
COPY_TILES(8, unsigned long long)

// --- y = value, as the bits of an element. ---

template <class U>
DEVICE void fill(U* y, long long n, U value) {
  constexpr int W = Pack<U>::WIDTH;
  const long long whole = aligned(y) ? n / W : 0;
  Pack<U> p;
  for (U& v : p.v) v = value;
  for (long long i = first(); i < whole; i += step()) packs(y)[i] = p;
  for (long long i = whole * W + first(); i < n; i += step()) y[i] = value;
}

#define FILL(size, U) \
  KERNEL(fill_##size, U* y, long long n, long long bits) { fill(y, n, (U)bits); }
FILL(1, unsigned char)
FILL(2, unsigned short)
FILL(4, unsigned)
FILL(8, unsigned long long)

// --- y = a few words that travel in the arguments of the launch: no copy engine has to be waited for. ---

constexpr int WORDS = 64;

struct Words {
  unsigned long long all[WORDS];
};

// One block.
KERNEL(put_words, unsigned long long* y, int n, const Words words) {
  if ((int)threadIdx.x < n) y[threadIdx.x] = words.all[threadIdx.x];
}

// --- The way back: words for the host, written into its pinned memory, which a card reaches by the host's own address. ---

// One block. host[0..n) = x, host[at..at + m) = beside.
KERNEL(post_words, unsigned* host, const unsigned* x, int n, const unsigned* beside, int m, int at) {
  for (int i = threadIdx.x; i < n; i += THREADS) host[i] = x[i];
  for (int i = threadIdx.x; i < m; i += THREADS) host[at + i] = beside[i];
}

// --- y = x in another type: to the nearest, ties to even; to an integer, towards 0. ---

// Rounded once: the float below, made odd where something was cut off, is no tie that the double is not.
DEVICE bf16 narrow_double(double x) {
  float f = (float)x;
  if (x != x || (double)f == x) return narrow<bf16>(f);
  unsigned bits = __float_as_uint(f);
  if (fabs((double)f) > fabs(x)) --bits;
  return narrow<bf16>(__uint_as_float(bits | 1));
}

template <class To, class From>
struct Conversion {
  static DEVICE To of(From x) { return (To)x; }
};

template <class To>
struct Conversion<To, bf16> {
  static DEVICE To of(bf16 x) { return (To)widen(x); }
};

template <class From>
struct Conversion<bf16, From> {
  static DEVICE bf16 of(From x) { return narrow_double((double)x); }
};

template <>
struct Conversion<bf16, float> {
  static DEVICE bf16 of(float x) { return narrow<bf16>(x); }
};

template <>
struct Conversion<bf16, unsigned char> {
  static DEVICE bf16 of(unsigned char x) { return narrow<bf16>((float)x); }
};

// Four elements, read and written in at most 16 bytes a time.
template <class E>
struct alignas(sizeof(E) < 4 ? 4 * sizeof(E) : 16) Four {
  E v[4];
};

template <class To, class From>
DEVICE void cast(To* __restrict__ y, const From* __restrict__ x, long long n) {
  const long long whole = aligned(y, x) ? n / 4 : 0;
  for (long long i = first(); i < whole; i += step()) {
    const Four<From> from = ((const Four<From>*)x)[i];
    Four<To> to;
    for (int k = 0; k < 4; ++k) to.v[k] = Conversion<To, From>::of(from.v[k]);
    ((Four<To>*)y)[i] = to;
  }
  for (long long i = 4 * whole + first(); i < n; i += step()) y[i] = Conversion<To, From>::of(x[i]);
}

#define CAST(from, From, to, To) \
  KERNEL(cast_##from##_##to, To* y, const From* x, long long n) { cast(y, x, n); }
#define CAST_BETWEEN(a, A, b, B) \
  CAST(a, A, b, B)               \
  CAST(b, B, a, A)
CAST_BETWEEN(f32, float, f64, double)
CAST_BETWEEN(f32, float, bf16, bf16)
CAST_BETWEEN(f32, float, i32, int)
CAST_BETWEEN(f32, float, i64, long long)
CAST_BETWEEN(f32, float, u8, unsigned char)
CAST_BETWEEN(f64, double, bf16, bf16)
CAST_BETWEEN(f64, double, i32, int)
CAST_BETWEEN(f64, double, i64, long long)
CAST_BETWEEN(f64, double, u8, unsigned char)
CAST_BETWEEN(bf16, bf16, i32, int)
CAST_BETWEEN(bf16, bf16, i64, long long)
CAST_BETWEEN(bf16, bf16, u8, unsigned char)
CAST_BETWEEN(i32, int, i64, long long)
CAST_BETWEEN(i32, int, u8, unsigned char)
CAST_BETWEEN(i64, long long, u8, unsigned char)

// --- Copies of many weights at once: a block takes a chunk of one. ---

constexpr int CASTS = 120;  // at most, so that they fit the arguments of a launch
constexpr int CAST_CHUNK = 4096;

// y = x; `first_chunk`: how many chunks the casts before it have.
struct Cast {
  bf16* y;
  const float* x;
  int first_chunk;
  long long elements;
};

struct Casts {
  int count, chunks;
  Cast all[CASTS];
};

KERNEL(cast_all_f32_bf16, const Casts casts) {
  for (int chunk = blockIdx.x; chunk < casts.chunks; chunk += gridDim.x) {
    int own = 0;  // the last cast that begins at this chunk or before
    for (int end = casts.count; end - own > 1;) {
      const int middle = (own + end) / 2;
      (casts.all[middle].first_chunk <= chunk ? own : end) = middle;
    }
    const Cast& c = casts.all[own];
    const long long at = (long long)(chunk - c.first_chunk) * CAST_CHUNK;
    const int n = c.elements - at < CAST_CHUNK ? (int)(c.elements - at) : CAST_CHUNK;
    bf16* const y = c.y + at;
    const float* const x = c.x + at;
    constexpr int W = Pack<bf16>::WIDTH;
    const int whole = aligned(y, x) ? n / W : 0;
    for (int i = threadIdx.x; i < whole; i += THREADS) store(y + W * i, load<W>(x + W * i));
    for (int i = W * whole + threadIdx.x; i < n; i += THREADS) y[i] = narrow<bf16>(x[i]);
  }
}

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
