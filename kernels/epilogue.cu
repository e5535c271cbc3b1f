// What follows a convolution of cuDNN's where it has no engine that does both.
#include "common.cuh"

// y = max(0, y + bias + residual) over n numbers, `channels` innermost; without a bias or residual it is null, without
// `relu` there is no max. residual may be y. In float only: bf16 would be rounded twice.
KERNEL(conv_epilogue_f32, float* y, const float* bias, const float* residual, long long n, int channels, int relu) {
  constexpr int WIDTH = Pack<float>::WIDTH;
  const long long whole = aligned(y, bias, residual) && channels % WIDTH == 0 ? n / WIDTH : 0;
  for (long long i = first(); i < whole; i += step()) {
    Pack<float> p = packs(y)[i];
    Pack<float> b = p, r = p;
    if (bias != nullptr) b = packs(bias)[i % (channels / WIDTH)];
    if (residual != nullptr) r = packs(residual)[i];
    for (int k = 0; k < WIDTH; ++k) {
      float v = p.v[k];
      if (bias != nullptr) v += b.v[k];
      if (residual != nullptr) v += r.v[k];
      p.v[k] = relu && v <= 0 ? 0.0f : v;
    }
    packs(y)[i] = p;
  }
  for (long long i = whole * WIDTH + first(); i < n; i += step()) {
    float v = y[i];
    if (bias != nullptr) v += bias[i % channels];
    if (residual != nullptr) v += residual[i];
    y[i] = relu && v <= 0 ? 0.0f : v;
  }
}
