// An op of one's own on a card, see OwnKernelsTest: y = a x^3 and dx = dy 3 a x^2.
#include "common.cuh"

KERNEL(cube_forward, float* y, const float* x, long long n, float a) {
  for (long long i = first(); i < n; i += step()) y[i] = a * x[i] * x[i] * x[i];
}

KERNEL(cube_backward, float* dx, const float* dy, const float* x, long long n, float a) {
  for (long long i = first(); i < n; i += step()) dx[i] = dy[i] * 3 * a * x[i] * x[i];
}
