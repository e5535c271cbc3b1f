// Every kernel of kernels/elementwise.cu, by name and through the driver, over odd sizes and odd addresses, against the
// same formulas in double.
#include <cmath>
#include <cstdint>
#include <map>

#include "device.h"

namespace {

// --- The functions of unary_ops.def in double. ---

namespace reference {

using T = double;
enum Reads { NOTHING, X, Y };

T min_of(T a, T b) { return a < b || a != a ? a : b; }
T max_of(T a, T b) { return a > b || a != a ? a : b; }
T logistic(T x) { return 1 / (1 + exp(-x)); }
T gate(T x) { return logistic(2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }
T gate_slope(T x) { return x * 2 * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x); }

struct Unary {
  Reads reads;
  T (*value)(T x, T a, T b);
  T (*slope)(T x, T y, T a, T b);
};

#define UNARY(name, reads, f, slope)                                                               \
  {#name,                                                                                          \
   {reads, []([[maybe_unused]] T x, [[maybe_unused]] T a, [[maybe_unused]] T b) -> T { return f; }, \
    []([[maybe_unused]] T x, [[maybe_unused]] T y, [[maybe_unused]] T a, [[maybe_unused]] T b) -> T { return slope; }}},
const std::map<std::string, Unary> UNARIES = {
#include "unary_ops.def"
};
#undef UNARY

using Binary = T (*)(T a, T b);
const std::map<std::string, Binary> BINARIES = {
    {"add", [](T a, T b) { return a + b; }},
    {"sub", [](T a, T b) { return a - b; }},
    {"mul", [](T a, T b) { return a * b; }},
    {"div", [](T a, T b) { return a / b; }},
    {"min", [](T a, T b) { return std::fmin(a, b); }},
    {"max", [](T a, T b) { return std::fmax(a, b); }},
    {"pow", [](T a, T b) { return std::pow(a, b); }},
    {"share", [](T a, T b) { return a > b ? 1.0 : a == b ? 0.5 : 0.0; }},
    {"equal", [](T a, T b) { return a == b ? 1.0 : 0.0; }},
};

}  // namespace reference

// --- Numbers of either type on the card. ---

struct bf16 {
  uint16_t bits;
};

float round_to(float x, float*) { return x; }
float round_to(float x, bf16*) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
  std::memcpy(&x, &bits, 4);
  return x;
}

void store(float* to, float x) { *to = x; }
void store(bf16* to, float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  to->bits = static_cast<uint16_t>(bits >> 16);
}

float load(float x) { return x; }
float load(bf16 x) {
  const uint32_t bits = uint32_t(x.bits) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

double unit(float*) { return 4e-6; }
double unit(bf16*) { return 1.0 / 256; }
const char* suffix(float*) { return "f32"; }
const char* suffix(bf16*) { return "bf16"; }

// An array that begins `shift` elements behind the start of its allocation and fills the rest of it.
template <class S>
class Array {
 public:
  Array(long n, long shift) : n_(n), shift_(shift) { OK(cuMemAlloc_v2(&address_, (n + shift) * sizeof(S))); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  ~Array() { OK(cuMemFree_v2(address_)); }

  S* data() const { return reinterpret_cast<S*>(address_) + shift_; }

  void write(const std::vector<float>& values) {
    std::vector<S> stored(n_);
    for (long i = 0; i < n_; ++i) store(&stored[i], values[i]);
    OK(cuMemcpyHtoD_v2(reinterpret_cast<CUdeviceptr>(data()), stored.data(), n_ * sizeof(S)));
  }

  std::vector<float> read() const {
    std::vector<S> stored(n_);
    std::vector<float> values(n_);
    OK(cuMemcpyDtoH_v2(stored.data(), reinterpret_cast<CUdeviceptr>(data()), n_ * sizeof(S)));
    for (long i = 0; i < n_; ++i) values[i] = load(stored[i]);
    return values;
  }

 private:
  long n_, shift_;
  CUdeviceptr address_ = 0;
};

// Spread over (low, high), no two equal up to 509.
template <class S>
std::vector<float> numbers(long n, int seed, float low, float high) {
  std::vector<float> x(n);
  for (long i = 0; i < n; ++i) {
    x[i] = round_to(low + (high - low) * static_cast<float>((i * 211 + seed * 67) % 509 + 1) / 510, static_cast<S*>(nullptr));
  }
  return x;
}

template <class S, class F>
void compare(const std::string& kernel, const std::vector<float>& found, const F& wanted) {
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double w = wanted(i);
    if (std::fabs(found[i] - w) <= unit(static_cast<S*>(nullptr)) * (1 + std::fabs(w))) continue;
    check(false, __FILE__, __LINE__, kernel + ": element " + std::to_string(i) + " of " + std::to_string(found.size()) +
                                         " is " + std::to_string(found[i]) + ", expected " + std::to_string(w));
    return;
  }
}

constexpr float A = 0.5f, B = 1.5f;

bool needs_positive(const std::string& name) {
  return name == "log" || name == "sqrt" || name == "rsqrt" || name == "power" || name == "reciprocal";
}

template <class S>
void unary(const std::string& name, const reference::Unary& f, long long n, long shift) {
  const std::string forward = name + "_forward_" + suffix(static_cast<S*>(nullptr));
  const std::string backward = name + "_backward_" + suffix(static_cast<S*>(nullptr));
  const float low = needs_positive(name) ? 0.2f : -4.0f;
  const std::vector<float> x = numbers<S>(n, 1, low, 4), dy = numbers<S>(n, 2, -1, 1);
  Array<S> in(n, shift), out(n, shift), gradient(n, shift), result(n, shift);
  in.write(x);
  gradient.write(dy);
  OK(launch(forward.c_str(), 3, nullptr, out.data(), static_cast<const S*>(in.data()), n, A, B));
  const std::vector<float> y = out.read();
  compare<S>(forward, y, [&](std::size_t i) { return f.value(x[i], A, B); });
  const S* saved = f.reads == reference::NOTHING ? nullptr : f.reads == reference::X ? in.data() : out.data();
  OK(launch(backward.c_str(), 3, nullptr, result.data(), static_cast<const S*>(gradient.data()), saved, n, A, B));
  compare<S>(backward, result.read(), [&](std::size_t i) { return dy[i] * f.slope(x[i], y[i], A, B); });
  // In place.
  OK(launch(forward.c_str(), 3, nullptr, in.data(), static_cast<const S*>(in.data()), n, A, B));
  CHECK(in.read() == y);
}

// As in kernels/elementwise.cu.
struct Divisor {
  unsigned by, factor, shift;
};

Divisor divisor(unsigned by) {
  unsigned shift = 0;
  while (1u << shift < by) ++shift;
  return {by, static_cast<unsigned>((((1ull << shift) - by) << 32) / by + 1), shift};
}

struct Steps {
  int packed, rank;
  Divisor dims[8];
  long long a[8];
  long long b[8];
};

template <class S>
void binary(const std::string& name, reference::Binary f, long long n, long shift) {
  const std::string same = name + "_same_" + suffix(static_cast<S*>(nullptr));
  const std::string repeated = name + "_repeated_" + suffix(static_cast<S*>(nullptr));
  std::vector<float> a = numbers<S>(n, 3, 0.2f, 3), b = numbers<S>(n, 4, 0.2f, 3);
  for (long long i = 0; i < n; i += 3) b[i] = a[i];
  Array<S> left(n, shift), right(n, shift), out(n, shift);
  left.write(a);
  right.write(b);
  OK(launch(same.c_str(), 3, nullptr, out.data(), static_cast<const S*>(left.data()), static_cast<const S*>(right.data()), n));
  compare<S>(same, out.read(), [&](std::size_t i) { return f(a[i], b[i]); });
  // [n, 7, 3] from [n, 1, 3] and [7, 1].
  Array<S> wide(n * 21, shift), rows(n * 3, shift), column(7, shift);
  a = numbers<S>(n * 3, 5, 0.2f, 3);
  b = numbers<S>(7, 6, 0.2f, 3);
  rows.write(a);
  column.write(b);
  const Steps steps{0, 3, {divisor(static_cast<unsigned>(n)), divisor(7), divisor(3)}, {3, 0, 1}, {0, 1, 0}};
  OK(launch(repeated.c_str(), 3, nullptr, wide.data(), static_cast<const S*>(rows.data()), static_cast<const S*>(column.data()),
            n * 21, steps));
  compare<S>(repeated, wide.read(), [&](std::size_t i) { return f(a[i / 21 * 3 + i % 3], b[i / 3 % 7]); });
}

// So that none is forgotten here.
void every_kernel_is_held() {
  for (const thaw::sim::Kernel* k : thaw::sim::kernels()) {
    const std::string name = k->name;
    const std::size_t end = name.rfind("_same_f32");
    if (end != std::string::npos) CHECK(reference::BINARIES.count(name.substr(0, end)) == 1);
  }
}

}  // namespace

void check_elementwise() {
  every_kernel_is_held();
  for (const long n : {1, 7, 255, 1023, 3001}) {
    for (const long shift : {0, 1}) {
      for (const auto& [name, f] : reference::UNARIES) {
        unary<float>(name, f, n, shift);
        unary<bf16>(name, f, n, shift);
      }
      for (const auto& [name, f] : reference::BINARIES) {
        binary<float>(name, f, n, shift);
        binary<bf16>(name, f, n, shift);
      }
    }
  }
}
