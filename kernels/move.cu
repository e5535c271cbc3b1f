// Kernels that move values, of any type: strided copies, fills, words from and to the host, casts. What is only moved is moved
// in units of 1 to 16 bytes, the largest that all addresses are multiples of.
#include "common.cuh"

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
