// Who works together on one row of a matrix: neighbouring lanes of a warp where rows are short, a block where they are
// long. A kernel written for a Team is both.
//
//   for (long long begin = team.start(); begin < rows; begin += team.stride()) {
//     const long long row = begin + team.row();
//     ... team.fold<Sum<float>>(x) ...
//   }
//
// All threads of a block go through the loop as often, for they meet in fold(): a team whose row lies behind the last one
// comes along with a row of no elements.
#pragma once

#include "common.cuh"

// 1, 2, 4, .. or 32 lanes a row.
struct Lanes {
  int size;

  DEVICE int rank() const { return threadIdx.x & (size - 1); }
  DEVICE int row() const { return threadIdx.x / size; }
  DEVICE long long start() const { return blockIdx.x * (long long)(THREADS / size); }
  DEVICE long long stride() const { return gridDim.x * (long long)(THREADS / size); }

  // Over the team; each member gets the result.
  template <class R, class A>
  DEVICE A fold(A x) const {
    for (int other = size / 2; other > 0; other /= 2) x = R::of(x, __shfl_xor_sync(ALL_LANES, x, other));
    return x;
  }
};

// A block a row.
struct Block {
  static constexpr int size = THREADS;

  DEVICE int rank() const { return threadIdx.x; }
  DEVICE int row() const { return 0; }
  DEVICE long long start() const { return blockIdx.x; }
  DEVICE long long stride() const { return gridDim.x; }

  template <class R, class A>
  DEVICE A fold(A x) const {
    return over_block<R>(x);
  }
};

// --- Rows that are gone through more than once: first by each(f), which calls f(i, x[i]), last by map(y, f), which writes
// f(i, v) for the W neighbours v that begin at i; y may be x. W is a pack where `packed` says so of all that is read and
// written, else 1. ---

template <class T, class... P>
DEVICE bool packed(int columns, const T* x, const P*... others) {
  return columns % Pack<T>::WIDTH == 0 && aligned(x, others...);
}

// Where the i-th unit of W neighbours begins. Not i * W: over 32 bits nvcc cannot tell that neighbours remain neighbours, and
// writes them one by one.
template <int W, class T>
DEVICE T* unit(T* p, int i) {
  return p + (long long)i * W;
}

// Numbers of a row that a lane can hold.
constexpr int HELD = 32;

// In the registers of a warp's lanes: read once, and all of it asked for at once.
template <class T, int W>
struct HeldRow {
  using Team = Lanes;
  using Unit = Floats<W>;
  const Lanes team;
  const int units;
  Floats<W> v[HELD / W];

  // Of n numbers, no more than HELD for each lane of the team.
  DEVICE HeldRow(const Lanes lanes, const T* x, int n) : team(lanes), units(n / W) {
    for (int k = 0; k < HELD / W; ++k) {
      if (place(k) < units) v[k] = load<W>(unit<W>(x, place(k)));
    }
  }

  DEVICE int place(int k) const { return team.rank() + k * team.size; }

  template <class F>
  DEVICE void each(F f) const {
#pragma unroll
    for (int k = 0; k < HELD / W; ++k) {
      if (place(k) < units) {
        for (int e = 0; e < W; ++e) f(place(k) * W + e, v[k].v[e]);
      }
    }
  }

  template <class F>
  DEVICE void map(T* y, F f) const {
#pragma unroll
    for (int k = 0; k < HELD / W; ++k) {
      if (place(k) < units) store(unit<W>(y, place(k)), f(place(k) * W, v[k]));
    }
  }
};

// In memory: what has just been read is still in a cache, unless the row is very long.
template <class Members, class T, int W>
struct ReadRow {
  using Team = Members;
  using Unit = Floats<W>;
  const Team team;
  const T* const x;
  const int units;

  DEVICE ReadRow(const Team members, const T* row, int n) : team(members), x(row), units(n / W) {}

  template <class F>
  DEVICE void each(F f) const {
#pragma unroll 2
    for (int i = team.rank(); i < units; i += team.size) {
      const Floats<W> v = load<W>(unit<W>(x, i));
      for (int e = 0; e < W; ++e) f(i * W + e, v.v[e]);
    }
  }

  template <class F>
  DEVICE void map(T* y, F f) const {
#pragma unroll 2
    for (int i = team.rank(); i < units; i += team.size) store(unit<W>(y, i), f(i * W, load<W>(unit<W>(x, i))));
  }
};

// As many neighbours of another vector.
template <int W>
DEVICE Floats<W> like(const Floats<W>&, const float* p) {
  return load<W>(p);
}

// --- Rows that are gone through once, and pairs of rows. ---

// What a T is computed with.
template <class T>
struct Computed {
  using Type = T;
};

template <>
struct Computed<bf16> {
  using Type = float;
};

template <class T>
DEVICE T computed(T x) {
  return x;
}

DEVICE float computed(bf16 x) { return widen(x); }

// A pack, as numbers to compute with.
template <class T>
DEVICE Pack<T> unpacked(const T* p) {
  return *packs(p);
}

DEVICE Floats<Pack<bf16>::WIDTH> unpacked(const bf16* p) { return load<Pack<bf16>::WIDTH>(p); }

// f(i, x[i]) for a member's share of x[0..n), in packs where x is aligned, two of them at once.
template <class Team, class T, class F>
DEVICE void each_of(const Team team, const T* x, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(x) ? n / W : 0;
  int i = team.rank();
  for (; i + team.size < whole; i += 2 * team.size) {
    const auto p = unpacked(unit<W>(x, i)), q = unpacked(unit<W>(x, i + team.size));
    for (int k = 0; k < W; ++k) f(i * W + k, p.v[k]);
    for (int k = 0; k < W; ++k) f((i + team.size) * W + k, q.v[k]);
  }
  if (i < whole) {
    const auto p = unpacked(unit<W>(x, i));
    for (int k = 0; k < W; ++k) f(i * W + k, p.v[k]);
  }
#pragma unroll 4
  for (i = whole * W + team.rank(); i < n; i += team.size) f(i, computed(x[i]));
}

// The first i of a member there; n or more where it has none.
template <class Team, class T>
DEVICE int first_of(const Team team, const T* x, int n) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(x) ? n / W : 0;
  return team.rank() < whole ? team.rank() * W : whole * W + team.rank();
}

// f(i, a[i], b[i]), likewise.
template <class Team, class T, class F>
DEVICE void each_of(const Team team, const T* a, const T* b, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(a, b) ? n / W : 0;
  for (int i = team.rank(); i < whole; i += team.size) {
    const Floats<W> p = load<W>(unit<W>(a, i)), q = load<W>(unit<W>(b, i));
    for (int k = 0; k < W; ++k) f(i * W + k, p.v[k], q.v[k]);
  }
  for (int i = whole * W + team.rank(); i < n; i += team.size) f(i, widen(a[i]), widen(b[i]));
}

// y[i] = f(i, x[i]), likewise; y may be x.
template <class Team, class T, class F>
DEVICE void map_row(const Team team, T* y, const T* x, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(y, x) ? n / W : 0;
  for (int i = team.rank(); i < whole; i += team.size) {
    Floats<W> p = load<W>(unit<W>(x, i));
    for (int k = 0; k < W; ++k) p.v[k] = f(i * W + k, p.v[k]);
    store(unit<W>(y, i), p);
  }
  for (int i = whole * W + team.rank(); i < n; i += team.size) y[i] = narrow<T>(f(i, widen(x[i])));
}

// y[i] = f(i, a[i], b[i]), likewise.
template <class Team, class T, class F>
DEVICE void map_row(const Team team, T* y, const T* a, const T* b, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(y, a, b) ? n / W : 0;
  for (int i = team.rank(); i < whole; i += team.size) {
    Floats<W> p = load<W>(unit<W>(a, i));
    const Floats<W> q = load<W>(unit<W>(b, i));
    for (int k = 0; k < W; ++k) p.v[k] = f(i * W + k, p.v[k], q.v[k]);
    store(unit<W>(y, i), p);
  }
  for (int i = whole * W + team.rank(); i < n; i += team.size) y[i] = narrow<T>(f(i, widen(a[i]), widen(b[i])));
}
