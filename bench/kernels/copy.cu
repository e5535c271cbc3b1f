// y = x, n floats. No kernel that reads numbers and writes others is faster than the best of these: the rates of all the
// others are given as shares of it.
//
//   copy_1  a thread an element: the lanes of a warp read and write neighbours, 128 bytes at once
//   copy_2  a loop over as many blocks as fill the card: a block is started once, not once for every 256 elements
//   copy_3  16 bytes a thread and turn: a quarter of the instructions for the same bytes
//   copy_4  64 bytes a thread and turn, all asked for before the first is used: memory answers late, so more must be on its way
//   copy_5  the same, marked as used once: what the caches hold for others is not driven out by it
#include "common.cuh"

KERNEL(copy_1, float* y, const float* x, long long n) {
  const long long i = first();
  if (i < n) y[i] = x[i];
}

KERNEL(copy_2, float* y, const float* x, long long n) {
  for (long long i = first(); i < n; i += step()) y[i] = x[i];
}

KERNEL(copy_3, float* y, const float* x, long long n) {
  constexpr int W = Pack<float>::WIDTH;
  const long long whole = n / W;
  for (long long i = first(); i < whole; i += step()) packs(y)[i] = packs(x)[i];
  for (long long i = whole * W + first(); i < n; i += step()) y[i] = x[i];
}

// How packs are read and written.
struct Cached {
  static DEVICE Pack<float> read(const Pack<float>* p) { return *p; }
  static DEVICE void write(Pack<float>* p, const Pack<float>& v) { *p = v; }
};

struct UsedOnce {
#ifdef __CUDA_ARCH__
  static DEVICE Pack<float> read(const Pack<float>* p) {
    Pack<float> v;
    asm volatile("ld.global.cs.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(v.v[0]), "=f"(v.v[1]), "=f"(v.v[2]), "=f"(v.v[3])
                 : "l"(p));
    return v;
  }
  static DEVICE void write(Pack<float>* p, const Pack<float>& v) {
    asm volatile("st.global.cs.v4.f32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(p), "f"(v.v[0]), "f"(v.v[1]), "f"(v.v[2]), "f"(v.v[3])
                 : "memory");
  }
#else
  static DEVICE Pack<float> read(const Pack<float>* p) { return *p; }
  static DEVICE void write(Pack<float>* p, const Pack<float>& v) { *p = v; }
#endif
};

template <class Access>
DEVICE void copy_four(float* y, const float* x, long long n) {
  constexpr int W = Pack<float>::WIDTH, FOUR = 4;
  const long long whole = n / W;
  const long long turns = whole / (THREADS * FOUR);
  for (long long t = blockIdx.x; t < turns; t += gridDim.x) {
    const long long at = t * (THREADS * FOUR) + threadIdx.x;
    Pack<float> p[FOUR];
    for (int k = 0; k < FOUR; ++k) p[k] = Access::read(packs(x) + at + k * THREADS);
    for (int k = 0; k < FOUR; ++k) Access::write(packs(y) + at + k * THREADS, p[k]);
  }
  for (long long i = turns * (THREADS * FOUR * W) + first(); i < n; i += step()) y[i] = x[i];
}

KERNEL(copy_4, float* y, const float* x, long long n) { copy_four<Cached>(y, x, n); }

KERNEL(copy_5, float* y, const float* x, long long n) { copy_four<UsedOnce>(y, x, n); }
