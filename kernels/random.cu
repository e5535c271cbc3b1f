// Uniform numbers and dropout by Philox4x32-10, bit for bit those of dev.thaw.backend.Philox: every number is a function of
// (seed, stream, call, element). A thread makes the four numbers of a counter, or eight for a pack of bf16.
#include "common.cuh"

// The 32 bits of elements 4 * index to 4 * index + 3.
DEVICE void philox(unsigned* y, long long index, long long seed, int stream, int call) {
  unsigned c0 = (unsigned)index, c1 = (unsigned)(index >> 32), c2 = call, c3 = stream;
  unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const unsigned long long p0 = 0xD2511F53ull * c0;
    const unsigned long long p1 = 0xCD9E8D57ull * c2;
    c0 = (unsigned)(p1 >> 32) ^ c1 ^ k0;
    c1 = (unsigned)p1;
    c2 = (unsigned)(p0 >> 32) ^ c3 ^ k1;
    c3 = (unsigned)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  y[0] = c0;
  y[1] = c1;
  y[2] = c2;
  y[3] = c3;
}

// y[i] = f(24 random bits, x[i]); y may be x, and x null where f does not ask for it.
template <class T, class F>
DEVICE void random_map(T* y, const T* x, long long n, long long seed, int stream, int call, F f) {
  constexpr int W = Pack<T>::WIDTH;
  const bool packed = aligned(y, x);
  for (long long pack = first(); pack * W < n; pack += step()) {
    unsigned bits[W];
    for (int k = 0; k < W; k += 4) philox(bits + k, (pack * W + k) / 4, seed, stream, call);
    if (packed && pack * W + W <= n) {
      Floats<W> p = {};
      if (x != nullptr) p = load<W>(x + pack * W);
      for (int k = 0; k < W; ++k) p.v[k] = f(bits[k] >> 8, p.v[k]);
      store(y + pack * W, p);
    } else {
      for (int k = 0; k < W && pack * W + k < n; ++k) {
        const long long i = pack * W + k;
        y[i] = narrow<T>(f(bits[k] >> 8, x != nullptr ? widen(x[i]) : 0.0f));
      }
    }
  }
}

// Uniforms are rounded where T is bf16, and stay below 1.
template <class T>
DEVICE void uniform(T* y, long long n, long long seed, int stream, int call) {
  const unsigned most = sizeof(T) == 2 ? (1u << 24) - (1u << 16) : 1u << 24;
  random_map(y, (const T*)nullptr, n, seed, stream, call,
             [=](unsigned u, float) { return (float)(u < most ? u : most) * 0x1p-24f; });
}

// Element i stays, times 1 / (1 - p), where its uniform is at least p, that is, where its 24 bits are at least `limit` =
// ceil(p 2^24). `call_base` is added to the call, if it is there.
template <class T>
DEVICE void dropout(T* y, const T* x, const double* call_base, long long n, long long seed, int stream, int call,
                    unsigned limit, double scale) {
  const int number = call + (call_base != nullptr ? (int)*call_base : 0);
  if constexpr (sizeof(T) == 2) {
    // A float has 16 bits more than a bf16: exact enough, and doubles are slow.
    const float by = (float)scale;
    random_map(y, x, n, seed, stream, number, [=](unsigned u, float v) { return u >= limit ? v * by : 0.0f; });
  } else {
    random_map(y, x, n, seed, stream, number, [=](unsigned u, float v) { return u >= limit ? (float)(v * scale) : 0.0f; });
  }
}

#define RANDOM(T, type)                                                                                              \
  KERNEL(uniform_##type, T* y, long long n, long long seed, int stream, int call) {                                  \
    uniform(y, n, seed, stream, call);                                                                               \
  }                                                                                                                  \
  KERNEL(dropout_##type, T* y, const T* x, const double* call_base, long long n, long long seed, int stream,         \
         int call, int limit, double scale) {                                                                        \
    dropout(y, x, call_base, n, seed, stream, call, limit, scale);                                                   \
  }
RANDOM(float, f32)
RANDOM(bf16, bf16)
