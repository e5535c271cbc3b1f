// The first layer of a net for grey or colour pictures: so few inputs to each sum that a matrix product has nothing to
// chew on. Sixteen filters at a time lie in one vector, several pixels' sums in registers, and a pixel's value meets all
// filters at once.
#include "stem_loops.h"

#include <algorithm>
#include <cstring>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {
namespace {

// The rows of the picture that row `row` of the result sees, with zeros around them.
void fill_strip(float* strip, const float* x, const Stem& s, int64_t row) {
  const float* picture = x + row / s.out_h * s.h * s.w * s.c;
  const int top = static_cast<int>(row % s.out_h) * s.stride_h - s.pad_h;
  const int64_t inside = int64_t(s.w) * s.c;
  const int64_t margin = int64_t(s.pad_w) * s.c;
  for (int r = 0; r < s.kh; ++r) {
    float* to = strip + int64_t(r) * s.strip_row;
    const int from = top + r * s.dilation_h;
    if (from < 0 || from >= s.h) {
      std::fill(to, to + s.strip_row, 0.0f);
    } else {
      std::fill(to, to + margin, 0.0f);
      std::memcpy(to + margin, picture + from * inside, inside * sizeof(float));
      std::fill(to + margin + inside, to + s.strip_row, 0.0f);
    }
  }
}

VMATH void store_part(float* p, const Floats& v, int n) {
  float t[LANES];
  store(t, v);
  std::memcpy(p, t, n * sizeof(float));
}

// PIXELS neighbours of a row, VECTORS * LANES filters, of which `left` are real.
template <int PIXELS, int VECTORS>
VMATH void pixels(float* y, const float* strip, const float* w, const float* bias, bool relu, const Stem& s, int left) {
  Floats sum[PIXELS][VECTORS];
  for (int p = 0; p < PIXELS; ++p) {
    for (int v = 0; v < VECTORS; ++v) sum[p][v] = load<Floats>(bias + v * LANES);
  }
  for (int t = 0; t < s.taps; ++t) {
    const float* at = strip + s.offset[t];
    Floats weight[VECTORS];
    for (int v = 0; v < VECTORS; ++v) weight[v] = load<Floats>(w + int64_t(t) * s.channels + v * LANES);
    for (int p = 0; p < PIXELS; ++p) {
      const Floats value = floats(at[p * s.step]);
      for (int v = 0; v < VECTORS; ++v) sum[p][v] = multiply_add(value, weight[v], sum[p][v]);
    }
  }
  const Floats zero = floats(0);
  for (int p = 0; p < PIXELS; ++p) {
    for (int v = 0; v < VECTORS; ++v) {
      const Floats value = relu ? choose(above(sum[p][v], zero), sum[p][v], zero) : sum[p][v];
      float* to = y + int64_t(p) * s.k + v * LANES;
      if (left - v * LANES >= LANES) {
        store(to, value);
      } else {
        store_part(to, value, left - v * LANES);
      }
    }
  }
}

template <int VECTORS>
void row_of_filters(float* y, const float* strip, const float* w, const float* bias, bool relu, const Stem& s, int left) {
  constexpr int PIXELS = 12 / VECTORS;
  int q = 0;
  for (; q + PIXELS <= s.out_w; q += PIXELS) {
    pixels<PIXELS, VECTORS>(y + int64_t(q) * s.k, strip + q * s.step, w, bias, relu, s, left);
  }
  for (; q < s.out_w; ++q) pixels<1, VECTORS>(y + int64_t(q) * s.k, strip + q * s.step, w, bias, relu, s, left);
}

// Adds TAPS rows of sums over one row of the result, for VECTORS * LANES filters.
template <int TAPS, int VECTORS>
VMATH void taps(float* sums, const float* dy, const float* strip, const int32_t* offset, const Stem& s) {
  Floats sum[TAPS][VECTORS];
  for (int t = 0; t < TAPS; ++t) {
    for (int v = 0; v < VECTORS; ++v) sum[t][v] = load<Floats>(sums + int64_t(t) * s.channels + v * LANES);
  }
  for (int q = 0; q < s.out_w; ++q) {
    Floats d[VECTORS];
    for (int v = 0; v < VECTORS; ++v) d[v] = load<Floats>(dy + int64_t(q) * s.channels + v * LANES);
    for (int t = 0; t < TAPS; ++t) {
      const Floats value = floats(strip[offset[t] + q * s.step]);
      for (int v = 0; v < VECTORS; ++v) sum[t][v] = multiply_add(value, d[v], sum[t][v]);
    }
  }
  for (int t = 0; t < TAPS; ++t) {
    for (int v = 0; v < VECTORS; ++v) store(sums + int64_t(t) * s.channels + v * LANES, sum[t][v]);
  }
}

template <int VECTORS>
void row_of_taps(float* sums, const float* dy, const float* strip, const Stem& s) {
  constexpr int TAPS = 18 / VECTORS;
  int t = 0;
  for (; t + TAPS <= s.taps; t += TAPS) {
    taps<TAPS, VECTORS>(sums + int64_t(t) * s.channels, dy, strip, s.offset + t, s);
  }
  for (; t < s.taps; ++t) taps<1, VECTORS>(sums + int64_t(t) * s.channels, dy, strip, s.offset + t, s);
  float* last = sums + int64_t(s.taps) * s.channels;
  for (int v = 0; v < VECTORS; ++v) {
    Floats sum = load<Floats>(last + v * LANES);
    for (int q = 0; q < s.out_w; ++q) sum = sum + load<Floats>(dy + int64_t(q) * s.channels + v * LANES);
    store(last + v * LANES, sum);
  }
}

}  // namespace

void stem_forward(float* y, const float* x, const float* w, const float* bias, bool relu, const Stem& s, float* strip,
                  int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    fill_strip(strip, x, s, row);
    float* to = y + row * s.out_w * s.k;
    int k = 0;
    for (; k + 2 * LANES <= s.channels; k += 2 * LANES) {
      row_of_filters<2>(to + k, strip, w + k, bias + k, relu, s, s.k - k);
    }
    if (k < s.channels) row_of_filters<1>(to + k, strip, w + k, bias + k, relu, s, s.k - k);
  }
}

void stem_backward(float* sums, const float* dy, const float* x, const Stem& s, float* strip, int64_t begin, int64_t end) {
  // Whole vectors of channels, so that no load reads what is not there: behind the strip, a row of dy with zeros filled up.
  float* padded = strip + int64_t(s.kh) * s.strip_row;
  for (int64_t row = begin; row < end; ++row) {
    fill_strip(strip, x, s, row);
    const float* from = dy + row * s.out_w * s.k;
    if (s.channels != s.k) {
      for (int q = 0; q < s.out_w; ++q) {
        std::memcpy(padded + int64_t(q) * s.channels, from + int64_t(q) * s.k, s.k * sizeof(float));
        std::fill(padded + int64_t(q) * s.channels + s.k, padded + int64_t(q + 1) * s.channels, 0.0f);
      }
      from = padded;
    }
    int k = 0;
    for (; k + 2 * LANES <= s.channels; k += 2 * LANES) row_of_taps<2>(sums + k, from + k, strip, s);
    if (k < s.channels) row_of_taps<1>(sums + k, from + k, strip, s);
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
