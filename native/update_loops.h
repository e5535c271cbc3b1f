// Loops of optimizer steps over one piece of one parameter.
#pragma once

#include <cstdint>

#include "isa.h"

namespace thaw {

// In the order of dev.thaw.backend.UpdateRule.
enum UpdateRule { SGD, ADAM, ADAMW, RMSPROP };

// What a step needs to know, besides the numbers that move.
struct Step {
  float gradient_scale;  // times the gradient
  float limit;           // of each element, 0 for none
  float rate, decay, beta1, beta2, eps;
  float one_minus_beta1, one_minus_beta2;
  float adam_rate;  // rate / (1 - beta1^t)
  float adam_root;  // 1 / sqrt(1 - beta2^t)
  bool nesterov;
  bool first;  // this parameter's first step
};

LOOP(void, update_step, int rule, float* value, const float* gradient, float* moment1, float* moment2, const Step& s, int64_t n)

// The sum of squares in double, and how many elements are not finite.
LOOP(double, update_squares, int64_t* bad, const float* x, int64_t n)

// x *= scale.
LOOP(void, update_scale, float* x, float scale, int64_t n)

}  // namespace thaw
