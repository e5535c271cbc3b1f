// Holds native/vmath.h to C's functions in double: prints, for each function, the largest error in units in the last place
// and where it is, and fails above the bound. The arguments are floats of every exponent and sign, densely, so that denormals, the
// seams between two polynomials and the ends of the range all occur. The loops are written as the library's loops are, so
// the vectorised code is what is tested.
#include "vmath.h"

#include <cmath>
#include <cstdio>
#include <vector>

using namespace thaw::THAW_ISA;

namespace {

constexpr int BLOCK = 4096;
constexpr int64_t STEP = 211;  // of 2^32 floats every 211th: 20 million arguments

// Distance of y from the true value, in units of the float at the true value.
double ulps(float y, double wanted) {
  if (std::isnan(wanted)) return std::isnan(y) ? 0 : INFINITY;
  const float nearest = static_cast<float>(wanted);
  if (std::isinf(nearest)) return y == nearest ? 0 : std::nextafter(nearest, 0.0f) == y ? 1 : INFINITY;
  if (y == nearest) return std::signbit(y) == std::signbit(nearest) ? 0 : INFINITY;
  int exponent;
  std::frexp(wanted, &exponent);
  return std::fabs(y - wanted) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

// Whether the float with these bits belongs to the domain.
using Domain = bool (*)(float);

template <class F>
bool hold(const char* name, F&& block, double (*wanted)(double), Domain domain, double bound) {
  std::vector<float> x(BLOCK), y(BLOCK);
  double worst = 0;
  float where = 0;
  int64_t bits = 0;
  while (bits < (int64_t(1) << 32)) {
    int n = 0;
    for (; n < BLOCK && bits < (int64_t(1) << 32); bits += STEP) {
      const float candidate = float_of(static_cast<int32_t>(static_cast<uint32_t>(bits)));
      if (domain(candidate)) x[n++] = candidate;
    }
    block(y.data(), x.data(), n);
    for (int i = 0; i < n; ++i) {
      const double error = ulps(y[i], wanted(x[i]));
      if (!(error <= worst)) {
        worst = error;
        where = x[i];
      }
    }
  }
  const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f, 1e-45f, -1e-45f, 1.17549435e-38f, 0.625f,
                           0.92f, 3.92f, 4.0f, 88.7228394f, 88.72284f, -87.336544f, -103.97208f, -103.97209f, 3.4028235e38f};
  for (float s : special) {
    if (!domain(s)) continue;
    block(y.data(), &s, 1);
    const double error = ulps(y[0], wanted(s));
    if (!(error <= worst)) {
      worst = error;
      where = s;
    }
  }
  std::printf("%-9s %.3f ulp at %.9g\n", name, worst, where);
  return worst <= bound;
}

bool all(float) { return true; }

bool upToOne(float x) { return x != x || (x > -0.5f && x <= 1.0f); }

double logistic_in_double(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }

}  // namespace

#define HOLD(f, wanted, domain, bound)                                \
  hold(#f, [](float* y, const float* x, int n) {               \
    for (int i = 0; i < n; ++i) y[i] = thaw::THAW_ISA::f(x[i]); \
  }, wanted, domain, bound)

int main() {
  bool good = HOLD(exp, std::exp, all, 2);
  good &= HOLD(expm1, std::expm1, all, 2);
  good &= HOLD(logistic, logistic_in_double, all, 3);
  good &= HOLD(tanh, std::tanh, all, 2);
  good &= HOLD(erf, std::erf, all, 2);
  good &= HOLD(log, std::log, all, 2);
  good &= HOLD(log1p, std::log1p, upToOne, 2);
  return good ? 0 : 1;
}
