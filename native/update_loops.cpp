// theta -= rate * direction(g): the rules of dev.thaw.backend.UpdateRule, one pass over memory each.
#include "update_loops.h"

#include <algorithm>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {
namespace {

template <bool LIMITED>
VMATH float scaled(float g, const Step& s) {
  g *= s.gradient_scale;
  return LIMITED ? min_of(max_of(g, -s.limit), s.limit) : g;
}

template <bool LIMITED, bool FIRST, bool NESTEROV>
void sgd(float* value, const float* gradient, float* v, const Step& step, int64_t n) {
  const Step s = step;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float g = scaled<LIMITED>(gradient[i], s) + s.decay * value[i];
    const float velocity = FIRST ? g : s.beta1 * v[i] + g;
    v[i] = velocity;
    value[i] -= s.rate * (NESTEROV ? g + s.beta1 * velocity : velocity);
  }
}

template <bool LIMITED>
void sgd_of(float* value, const float* gradient, float* v, const Step& s, int64_t n) {
  if (s.first) {
    (s.nesterov ? sgd<LIMITED, true, true> : sgd<LIMITED, true, false>)(value, gradient, v, s, n);
  } else {
    (s.nesterov ? sgd<LIMITED, false, true> : sgd<LIMITED, false, false>)(value, gradient, v, s, n);
  }
}

template <bool LIMITED, bool DECOUPLED>
void adam(float* value, const float* gradient, float* m, float* v, const Step& step, int64_t n) {
  const Step s = step;
  const float keep = s.rate * s.decay;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    float theta = value[i];
    float g = scaled<LIMITED>(gradient[i], s);
    if (DECOUPLED) {
      theta -= keep * theta;
    } else {
      g += s.decay * theta;
    }
    const float first = s.beta1 * m[i] + s.one_minus_beta1 * g;
    const float second = s.beta2 * v[i] + s.one_minus_beta2 * g * g;
    m[i] = first;
    v[i] = second;
    value[i] = theta - s.adam_rate * first / (sqrt(second) * s.adam_root + s.eps);
  }
}

template <bool LIMITED>
void rmsprop(float* value, const float* gradient, float* v, float* u, const Step& step, int64_t n) {
  const Step s = step;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float g = scaled<LIMITED>(gradient[i], s) + s.decay * value[i];
    const float second = s.beta1 * v[i] + s.one_minus_beta1 * g * g;
    const float direction = s.beta2 * u[i] + g / (sqrt(second) + s.eps);
    v[i] = second;
    u[i] = direction;
    value[i] -= s.rate * direction;
  }
}

template <bool LIMITED>
void step_of(int rule, float* value, const float* gradient, float* moment1, float* moment2, const Step& s, int64_t n) {
  switch (rule) {
    case SGD: return sgd_of<LIMITED>(value, gradient, moment1, s, n);
    case ADAM: return adam<LIMITED, false>(value, gradient, moment1, moment2, s, n);
    case ADAMW: return adam<LIMITED, true>(value, gradient, moment1, moment2, s, n);
    default: return rmsprop<LIMITED>(value, gradient, moment1, moment2, s, n);
  }
}

}  // namespace

void update_step(int rule, float* value, const float* gradient, float* moment1, float* moment2, const Step& s, int64_t n) {
  (s.limit > 0 ? step_of<true> : step_of<false>)(rule, value, gradient, moment1, moment2, s, n);
}

double update_squares(int64_t* bad, const float* x, int64_t n) {
  Doubles a, b;
  fill(a, 0.0);
  fill(b, 0.0);
  int64_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    const Doubles p = widen(load<Floats>(x + i)), q = widen(load<Floats>(x + i + LANES));
    a = a + p * p;
    b = b + q * q;
  }
  for (; i < n; i += LANES) {
    const Doubles p = widen(n - i >= LANES ? load<Floats>(x + i) : load_part(x + i, n - i, 0));
    a = a + p * p;
  }
  const double sum = sum_of<double>(a + b);
  // No finite float has a square that a double cannot hold, so a finite sum tells that all are.
  if (!(sum - sum == 0)) {
    for (int64_t k = 0; k < n; ++k) *bad += x[k] - x[k] == 0 ? 0 : 1;
  }
  return sum;
}

void update_scale(float* x, float scale, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) x[i] *= scale;
}

}  // namespace THAW_ISA
}  // namespace thaw
