// What every kernel file starts with: types, 16-byte packs, grid-stride loops, sums over a warp and a block.
//
// A kernel reads the same for nvcc, NVRTC and, with the host shim of the tests, g++: it includes nothing of CUDA's, keeps
// its shared memory static, and is launched with THREADS threads a block in one dimension and as many blocks as fill the
// card, so it walks its elements by grid-stride loops:
//
//   KERNEL(negate, float* y, const float* x, long long n) {
//     for (long long i = first(); i < n; i += step()) y[i] = -x[i];
//   }
//
// Arguments come as outputs, inputs, sizes, scalars. Numbers are float or bf16 in memory and float in registers. A kernel
// for both is a template, with one KERNEL line for each type, named ..._f32 and ..._bf16.
#pragma once

#ifdef THAW_ON_HOST
#include "cuda_on_cpu.h"
#else
#define KERNEL(name, ...) extern "C" __global__ void __launch_bounds__(256) name(__VA_ARGS__)
#endif

#define DEVICE __device__ __forceinline__

// Threads of a block, in all kernels.
constexpr int THREADS = 256;
constexpr int WARP = 32;
constexpr int WARPS = THREADS / WARP;
constexpr unsigned ALL_LANES = 0xffffffffu;

// The upper half of a float (Google's brain floating point): 8 bits of exponent, 7 of fraction.
struct bf16 {
  unsigned short bits;
};

DEVICE float widen(float x) { return x; }

DEVICE float widen(bf16 x) { return __uint_as_float((unsigned)x.bits << 16); }

template <class T>
DEVICE T narrow(float x);

template <>
DEVICE float narrow<float>(float x) {
  return x;
}

// To the nearest, ties to even; a NaN stays one.
template <>
DEVICE bf16 narrow<bf16>(float x) {
  bf16 y;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
  const unsigned bits = __float_as_uint(x);
  y.bits = x != x ? (unsigned short)((bits >> 16) | 0x40)
                  : (unsigned short)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
#endif
  return y;
}

// 16 bytes, the widest a thread reads or writes at once.
template <class T>
struct alignas(16) Pack {
  static constexpr int WIDTH = 16 / sizeof(T);
  T v[WIDTH];
};

// Whether packs can be read from here.
DEVICE bool aligned(const void* p) { return ((unsigned long long)p & 15) == 0; }

template <class... P>
DEVICE bool aligned(const void* p, const P*... others) {
  return aligned(p) && aligned(others...);
}

template <class T>
DEVICE const Pack<T>* packs(const T* p) {
  return (const Pack<T>*)p;
}

template <class T>
DEVICE Pack<T>* packs(T* p) {
  return (Pack<T>*)p;
}

// 16 bytes that are only moved.
using Unit16 = Pack<unsigned>;

// W neighbours in registers, read and written at once: 1, or as many as a pack has.
template <int W>
struct Floats {
  static constexpr int WIDTH = W;
  float v[W];
};

template <class T, int W>
struct alignas(W * sizeof(T) < 16 ? W * sizeof(T) : 16) Neighbours {
  T v[W];
};

template <int W, class T>
DEVICE Floats<W> load(const T* p) {
  const Neighbours<T, W> x = *(const Neighbours<T, W>*)p;
  Floats<W> y;
  for (int k = 0; k < W; ++k) y.v[k] = widen(x.v[k]);
  return y;
}

// Two bf16 are a word in memory, of which the upper half is a float already: fewer instructions than one by one.
template <int W>
DEVICE Floats<W> load(const bf16* p) {
  Floats<W> y;
  if constexpr (W % 2 == 0) {
    const Neighbours<unsigned, W / 2> x = *(const Neighbours<unsigned, W / 2>*)p;
    for (int k = 0; k < W; k += 2) {
      y.v[k] = __uint_as_float(x.v[k / 2] << 16);
      y.v[k + 1] = __uint_as_float(x.v[k / 2] & 0xffff0000u);
    }
  } else {
    for (int k = 0; k < W; ++k) y.v[k] = widen(p[k]);
  }
  return y;
}

template <int W, class T>
DEVICE void store(T* p, const Floats<W>& x) {
  Neighbours<T, W> y;
  for (int k = 0; k < W; ++k) y.v[k] = narrow<T>(x.v[k]);
  *(Neighbours<T, W>*)p = y;
}

// A thread's first element, and from one to its next.
DEVICE long long first() { return blockIdx.x * (long long)THREADS + threadIdx.x; }

DEVICE long long step() { return gridDim.x * (long long)THREADS; }

// A number below 2^31 over a fixed one without dividing: (n * factor / 2^32 + n) / 2^shift. The host works out the factor.
struct Divisor {
  unsigned by, factor, shift;
};

DEVICE unsigned over(unsigned n, const Divisor& d) {
  return ((unsigned)(((unsigned long long)n * d.factor) >> 32) + n) >> d.shift;
}

// Of larger ones too.
DEVICE long long over(long long n, const Divisor& d) { return n / d.by; }

// The smaller, the larger; NaN if either is.
DEVICE float min_of(float a, float b) { return a < b || a != a ? a : b; }

DEVICE float max_of(float a, float b) { return a > b || a != a ? a : b; }

// What a reduction does with two numbers, and the number that changes none.
template <class A>
struct Sum {
  static DEVICE A none() { return A(0); }
  static DEVICE A of(A a, A b) { return a + b; }
};

struct Max {
  static DEVICE float none() { return -__int_as_float(0x7f800000); }
  static DEVICE float of(float a, float b) { return max_of(a, b); }
};

struct Min {
  static DEVICE float none() { return __int_as_float(0x7f800000); }
  static DEVICE float of(float a, float b) { return min_of(a, b); }
};

// Over the 32 lanes of a warp; every lane gets the result.
template <class R, class A>
DEVICE A over_warp(A x) {
  for (int other = WARP / 2; other > 0; other /= 2) x = R::of(x, __shfl_xor_sync(ALL_LANES, x, other));
  return x;
}

// Over the threads of a block, in an order that never changes; every thread calls it and gets the result.
template <class R, class A>
DEVICE A over_block(A x) {
  __shared__ A partial[WARPS];
  x = over_warp<R>(x);
  __syncthreads();  // the previous call's partial results have been read
  if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = x;
  __syncthreads();
  x = partial[0];
  for (int w = 1; w < WARPS; ++w) x = R::of(x, partial[w]);
  return x;
}

// What a kernel found wrong in its numbers; the host throws it when it next waits for the card.
struct Refusal {
  int taken, what;
  long long numbers[4];
};

// Notes what is wrong, unless something already was.
DEVICE void refuse(Refusal* refusal, int what, long long a, long long b, long long c, long long d = 0) {
  if (atomicExch(&refusal->taken, 1) != 0) return;
  refusal->what = what;
  refusal->numbers[0] = a;
  refusal->numbers[1] = b;
  refusal->numbers[2] = c;
  refusal->numbers[3] = d;
}
