// Loops of the convolution of pictures with few channels over rows of the result.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// A convolution [n, h, w, c] with [k, kh, kw, c] to [n, out_h, out_w, k]. The taps of a filter are its kh * kw * c
// weights; strip holds the kh padded rows that one row of the result sees, tap t of column q at offset[t] + q * step.
struct Stem {
  int n, h, w, c, k, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, out_h, out_w;
  int taps;            // kh * kw * c
  int channels;        // k, rounded up to whole vectors
  int strip_row;       // floats of a padded row
  int step;            // stride_w * c
  const int32_t* offset;
};

// Rows [begin, end) of all pictures together. w is [taps, channels], bias [channels].
LOOP(void, stem_forward, float* y, const float* x, const float* w, const float* bias, bool relu, const Stem& s, float* strip,
     int64_t begin, int64_t end)

// Adds to sums [taps + 1, channels] what rows [begin, end) give to the weights' gradients and, last, to the bias's.
LOOP(void, stem_backward, float* sums, const float* dy, const float* x, const Stem& s, float* strip, int64_t begin, int64_t end)

}  // namespace thaw
