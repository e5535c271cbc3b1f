// A step of AdamW over n floats: the t-th, with g the gradient and m, v the moments
//
//   theta -= rate decay theta;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   theta -= rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)
//
//   optimizer_1  a thread an element, as it is written, in double: a pow or two for each element
//   optimizer_2  in float, the two corrections worked out once by the host: now memory is what it waits for
//   optimizer_3  a loop over as many blocks as fill the card: a block is started once, not once for every 256 elements
//   optimizer_4  16 bytes of each of the four buffers a thread and turn: a quarter of the instructions for the same bytes
//   optimizer_5  two such turns asked for at once: 128 bytes a thread on their way in place of 64
#include "common.cuh"

KERNEL(optimizer_1, float* theta, float* m, float* v, const float* g, long long n, double rate, double beta1, double beta2,
       double eps, double decay, int t) {
  const long long i = first();
  if (i >= n) return;
  const double value = theta[i] - rate * decay * theta[i];
  const double m1 = beta1 * m[i] + (1 - beta1) * g[i];
  const double m2 = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
  const double upper = m1 / (1 - pow(beta1, (double)t));
  const double lower = sqrt(m2 / (1 - pow(beta2, (double)t))) + eps;
  theta[i] = (float)(value - rate * upper / lower);
  m[i] = (float)m1;
  v[i] = (float)m2;
}

// shrink = rate decay, adam_rate = rate / (1 - beta1^t), root = 1 / sqrt(1 - beta2^t); keep1 = 1 - beta1, keep2 = 1 - beta2.
struct AdamWNumbers {
  float shrink, adam_rate, root, eps, beta1, keep1, beta2, keep2;
};

#define ADAMW_NUMBERS \
  float shrink, float adam_rate, float root, float eps, float beta1, float keep1, float beta2, float keep2
#define ADAMW_GATHERED \
  AdamWNumbers { shrink, adam_rate, root, eps, beta1, keep1, beta2, keep2 }

DEVICE void adamw_of(float& theta, float& m, float& v, float g, const AdamWNumbers& s) {
  theta -= s.shrink * theta;
  m = s.beta1 * m + s.keep1 * g;
  v = s.beta2 * v + s.keep2 * g * g;
  theta -= s.adam_rate * m / (sqrt(v) * s.root + s.eps);
}

KERNEL(optimizer_2, float* theta, float* m, float* v, const float* g, long long n, ADAMW_NUMBERS) {
  const long long i = first();
  if (i < n) adamw_of(theta[i], m[i], v[i], g[i], ADAMW_GATHERED);
}

KERNEL(optimizer_3, float* theta, float* m, float* v, const float* g, long long n, ADAMW_NUMBERS) {
  const AdamWNumbers s = ADAMW_GATHERED;
  for (long long i = first(); i < n; i += step()) adamw_of(theta[i], m[i], v[i], g[i], s);
}

// Turns of `Turns` packs a thread, then what is left element by element.
template <int Turns>
DEVICE void adamw_by_packs(float* theta, float* m, float* v, const float* g, long long n, const AdamWNumbers& s) {
  constexpr int W = Pack<float>::WIDTH;
  const long long turns = n / (THREADS * Turns * W);
  for (long long t = blockIdx.x; t < turns; t += gridDim.x) {
    const long long at = t * (THREADS * Turns) + threadIdx.x;
    Pack<float> a[Turns], b[Turns], c[Turns], d[Turns];
    for (int k = 0; k < Turns; ++k) {
      a[k] = packs(theta)[at + k * THREADS];
      b[k] = packs(m)[at + k * THREADS];
      c[k] = packs(v)[at + k * THREADS];
      d[k] = packs(g)[at + k * THREADS];
    }
    for (int k = 0; k < Turns; ++k) {
      for (int e = 0; e < W; ++e) adamw_of(a[k].v[e], b[k].v[e], c[k].v[e], d[k].v[e], s);
      packs(theta)[at + k * THREADS] = a[k];
      packs(m)[at + k * THREADS] = b[k];
      packs(v)[at + k * THREADS] = c[k];
    }
  }
  for (long long i = turns * (THREADS * Turns * W) + first(); i < n; i += step()) {
    adamw_of(theta[i], m[i], v[i], g[i], s);
  }
}

KERNEL(optimizer_4, float* theta, float* m, float* v, const float* g, long long n, ADAMW_NUMBERS) {
  adamw_by_packs<1>(theta, m, v, g, n, ADAMW_GATHERED);
}

KERNEL(optimizer_5, float* theta, float* m, float* v, const float* g, long long n, ADAMW_NUMBERS) {
  adamw_by_packs<2>(theta, m, v, g, n, ADAMW_GATHERED);
}
