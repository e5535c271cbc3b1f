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

// f(i, x[i]) for a member's share of x[0..n), in packs where x is aligned.
template <class Team, class T, class F>
DEVICE void each_of(const Team team, const T* x, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(x) ? n / W : 0;
#pragma unroll 2
  for (int i = team.rank(); i < whole; i += team.size) {
    const Pack<T> p = packs(x)[i];
    for (int k = 0; k < W; ++k) f(i * W + k, p.v[k]);
  }
#pragma unroll 4
  for (int i = whole * W + team.rank(); i < n; i += team.size) f(i, x[i]);
}

// f(i, a[i], b[i]), likewise.
template <class Team, class T, class F>
DEVICE void each_of(const Team team, const T* a, const T* b, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(a, b) ? n / W : 0;
  for (int i = team.rank(); i < whole; i += team.size) {
    const Pack<T> p = packs(a)[i];
    const Pack<T> q = packs(b)[i];
    for (int k = 0; k < W; ++k) f(i * W + k, p.v[k], q.v[k]);
  }
  for (int i = whole * W + team.rank(); i < n; i += team.size) f(i, a[i], b[i]);
}

// y[i] = f(i, x[i]), likewise; y may be x.
template <class Team, class T, class F>
DEVICE void map_row(const Team team, T* y, const T* x, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(y, x) ? n / W : 0;
  for (int i = team.rank(); i < whole; i += team.size) {
    Pack<T> p = packs(x)[i];
    for (int k = 0; k < W; ++k) p.v[k] = narrow<T>(f(i * W + k, widen(p.v[k])));
    packs(y)[i] = p;
  }
  for (int i = whole * W + team.rank(); i < n; i += team.size) y[i] = narrow<T>(f(i, widen(x[i])));
}

// y[i] = f(i, a[i], b[i]), likewise.
template <class Team, class T, class F>
DEVICE void map_row(const Team team, T* y, const T* a, const T* b, int n, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const int whole = aligned(y, a, b) ? n / W : 0;
  for (int i = team.rank(); i < whole; i += team.size) {
    Pack<T> p = packs(a)[i];
    const Pack<T> q = packs(b)[i];
    for (int k = 0; k < W; ++k) p.v[k] = narrow<T>(f(i * W + k, widen(p.v[k]), widen(q.v[k])));
    packs(y)[i] = p;
  }
  for (int i = whole * W + team.rank(); i < n; i += team.size) y[i] = narrow<T>(f(i, widen(a[i]), widen(b[i])));
}
