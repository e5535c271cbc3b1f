// Convolution of pictures with few channels: weights turned so that filters lie side by side, rows handed to threads.
#include <algorithm>

#include "parallel.h"
#include "scratch.h"
#include "stem_loops.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// Filters that share a vector.
constexpr int VECTOR = 16;

// Rows of the result are summed in this many parts, whatever the number of threads: so the sum is the same for all.
constexpr int64_t PARTS = 16;

struct Sizes {
  Sizes(int n, int h, int w, int c, int k, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h,
        int dilation_w)
      : offsets(int64_t(kh) * kw * c) {
    const int channels = (k + VECTOR - 1) / VECTOR * VECTOR;
    const int out_h = (h + 2 * pad_h - dilation_h * (kh - 1) - 1) / stride_h + 1;
    const int out_w = (w + 2 * pad_w - dilation_w * (kw - 1) - 1) / stride_w + 1;
    const int strip_row = (w + 2 * pad_w) * c;
    stem = {n,          h,     w,     c,      k,      kh,     kw,           stride_h, stride_w, pad_h, pad_w, dilation_h,
            dilation_w, out_h, out_w, kh * kw * c, channels, strip_row, stride_w * c, offsets.data()};
    int t = 0;
    for (int r = 0; r < kh; ++r) {
      for (int q = 0; q < kw; ++q) {
        for (int i = 0; i < c; ++i) offsets[t++] = r * strip_row + q * dilation_w * c + i;
      }
    }
  }

  int64_t rows() const { return int64_t(stem.n) * stem.out_h; }
  int64_t strip() const { return int64_t(stem.kh) * stem.strip_row; }

  Scratch<int32_t> offsets;
  Stem stem;
};

}  // namespace

void thaw_stem_forward(float* y, const float* x, const float* w, const float* bias, int relu, int n, int h, int width, int c,
                       int k, int kh, int kw, int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h,
                       int dilation_w, int threads) {
  const Sizes sizes(n, h, width, c, k, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w);
  const Stem& s = sizes.stem;
  const Scratch<float> turned(int64_t(s.taps) * s.channels);
  const Scratch<float> shift(s.channels);
  std::fill(turned.data(), turned.data() + int64_t(s.taps) * s.channels, 0.0f);
  std::fill(shift.data(), shift.data() + s.channels, 0.0f);
  for (int i = 0; i < k; ++i) {
    for (int t = 0; t < s.taps; ++t) turned[int64_t(t) * s.channels + i] = w[int64_t(i) * s.taps + t];
    if (bias != nullptr) shift[i] = bias[i];
  }
  split(threads, sizes.rows(), 1, [&](int64_t begin, int64_t end) {
    const Scratch<float> strip(sizes.strip());
    BEST(stem_forward)(y, x, turned.data(), shift.data(), relu != 0, s, strip.data(), begin, end);
  });
}

void thaw_stem_backward(float* dw, float* db, const float* dy, const float* x, int n, int h, int width, int c, int k, int kh,
                        int kw, int stride_h, int stride_w, int pad_h, int pad_w, int dilation_h, int dilation_w,
                        int threads) {
  const Sizes sizes(n, h, width, c, k, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w);
  const Stem& s = sizes.stem;
  const int64_t rows = sizes.rows();
  const int64_t parts = std::min(PARTS, rows);
  const int64_t size = int64_t(s.taps + 1) * s.channels;
  const Scratch<float> sums(parts * size);
  split(threads, parts, 1, [&](int64_t begin, int64_t end) {
    const Scratch<float> strip(sizes.strip() + int64_t(s.out_w) * s.channels);
    for (int64_t p = begin; p < end; ++p) {
      std::fill(sums.data() + p * size, sums.data() + (p + 1) * size, 0.0f);
      BEST(stem_backward)(sums.data() + p * size, dy, x, s, strip.data(), rows * p / parts, rows * (p + 1) / parts);
    }
  });
  for (int64_t t = 0; t <= s.taps; ++t) {
    for (int i = 0; i < k; ++i) {
      double sum = 0;
      for (int64_t p = 0; p < parts; ++p) sum += sums[p * size + t * s.channels + i];
      if (t < s.taps) {
        dw[int64_t(i) * s.taps + t] = static_cast<float>(sum);
      } else if (db != nullptr) {
        db[i] = static_cast<float>(sum);
      }
    }
  }
}
