// The bytes of pictures: y = (x / 255 - mean) / deviation by channel. Each step is rounded, so that a host, which has
// 256 results a channel in a table, gives the same bits.
#include "common.cuh"

DEVICE float pixel(unsigned char x, float mean, float deviation) { return ((float)x / 255.0f - mean) / deviation; }

// y = f(channel, x), W neighbours at a time, from element `begin` on: `count` times W.
template <int W, class S, class F>
DEVICE void pixels(S* y, const unsigned char* x, long long begin, long long count, int channels, F f) {
  int channel = (int)((begin + first() * W) % channels);
  const int ahead = (int)(step() * W % channels);  // as far as that, the channel moves on from turn to turn
  for (long long i = first(); i < count; i += step()) {
    const long long at = begin + i * W;
    const Neighbours<unsigned char, W> bytes = *(const Neighbours<unsigned char, W>*)(x + at);
    Floats<W> v;
    int c = channel;
    for (int k = 0; k < W; ++k) {
      v.v[k] = f(c, bytes.v[k]);
      c = c + 1 == channels ? 0 : c + 1;
    }
    store<W>(y + at, v);
    channel = channel + ahead < channels ? channel + ahead : channel + ahead - channels;
  }
}

template <class S, class F>
DEVICE void pixels(S* y, const unsigned char* x, long long n, int channels, F f) {
  constexpr int W = Pack<S>::WIDTH;
  const long long whole = aligned(y) && (unsigned long long)x % W == 0 ? n / W : 0;
  pixels<W>(y, x, 0, whole, channels, f);
  pixels<1>(y, x, whole * W, n - whole * W, channels, f);
}

// Channels that a block has a table of, too: two divisions a number are more than a card has time for while it writes it.
constexpr int TABLE_CHANNELS = 8;
constexpr int BYTES = 256;

template <class S>
DEVICE void pixels(S* y, const unsigned char* x, const float* mean, const float* deviation, long long n, int channels) {
  __shared__ float table[TABLE_CHANNELS * BYTES];
  if (channels <= TABLE_CHANNELS) {
    for (int i = threadIdx.x; i < channels * BYTES; i += THREADS) {
      table[i] = pixel((unsigned char)(i % BYTES), mean[i / BYTES], deviation[i / BYTES]);
    }
    __syncthreads();
    const float* const all = table;
    pixels(y, x, n, channels, [=](int c, unsigned char v) { return all[c * BYTES + v]; });
  } else {
    pixels(y, x, n, channels, [=](int c, unsigned char v) { return pixel(v, mean[c], deviation[c]); });
  }
}

#define PIXELS(S, type)                                                                                               \
  KERNEL(norm_pixels_##type, S* y, const unsigned char* x, const float* mean, const float* deviation, long long n,    \
         int channels) {                                                                                              \
    pixels(y, x, mean, deviation, n, channels);                                                                       \
  }
PIXELS(float, f32)
PIXELS(bf16, bf16)
