// Softmax over the rows of [rows, columns], its logarithm, and cross-entropy on that. A team takes a row (rows.cuh): some
// lanes of a warp if it is short, which keep it in registers, else a block. That reads it twice, the second time from a
// cache unless it is very long: once for its maximum and its sum of exponentials together, once for the result (and once
// more for smoothed targets).
// All in float: what is bf16 comes here widened.
#include "rows.cuh"

// --- Softmax: y = exp(x - max) / sum, or its logarithm (x - max) - log(sum). ---

// The largest of the numbers so far, and the sum of exp(x - largest) over them.
struct Online {
  float largest = -__int_as_float(0x7f800000);
  float sum = 0.0f;

  // A new largest scales down what was summed.
  DEVICE void take(float x) {
    // Two infinities of one sign are 0 apart here.
    const float e = x == largest ? 1.0f : exp(x > largest ? largest - x : x - largest);
    if (x > largest) {
      sum = sum * e + 1.0f;
      largest = x;
    } else {
      sum += e;  // NaN stays in the sum
    }
  }

  // Of the whole row, from that of each member's share. It is NaN where nothing in the row, or no sum, is finite.
  template <class Team>
  DEVICE void join(const Team team) {
    const float all = team.template fold<Max>(largest);
    if (largest != all) sum *= exp(largest - all);
    largest = all;
    sum = team.template fold<Sum<float>>(sum) + (all - all);
  }
};

template <class Row>
DEVICE Online online(const typename Row::Team team, const Row& row) {
  Online o;
  row.each([&](int, float e) { o.take(e); });
  o.join(team);
  return o;
}

// In registers the largest of all is found first, which costs less than scaling again and again.
template <int W>
DEVICE Online online(const Lanes team, const HeldRow<float, W>& row) {
  Online o;
  row.each([&](int, float e) { o.largest = e > o.largest ? e : o.largest; });
  o.largest = team.fold<Max>(o.largest);
  row.each([&](int, float e) { o.sum += exp(e - o.largest); });  // NaN stays in the sum, infinity becomes one
  o.sum = team.fold<Sum<float>>(o.sum);
  return o;
}

template <class Row>
DEVICE void softmax_forward(const typename Row::Team team, float* y, const float* x, int rows, int columns, int logarithm) {
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long at = begin + team.row();
    const Row row(team, x + at * columns, at < rows ? columns : 0);
    const Online o = online(team, row);
    const float over = logarithm ? log(o.sum) : 1.0f / o.sum;
    row.map(y + at * columns, [=](int, typename Row::Unit v) {
      for (float& e : v.v) e = logarithm ? (e - o.largest) - over : exp(e - o.largest) * over;
      return v;
    });
  }
}

// dx = y (dy - sum of dy y), or, of the logarithm, dy - exp(y) (sum of dy); dx may be dy.
template <class Team>
DEVICE void softmax_backward(const Team team, float* dx, const float* dy, const float* y, int rows, int columns, int logarithm) {
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const int n = row < rows ? columns : 0;
    const long long at = row * columns;
    float sum = 0.0f;
    if (logarithm) {
      each_of(team, dy + at, n, [&](int, float d) { sum += d; });
    } else {
      each_of(team, dy + at, y + at, n, [&](int, float d, float v) { sum += d * v; });
    }
    sum = team.template fold<Sum<float>>(sum);
    if (logarithm) {
      map_row(team, dx + at, dy + at, y + at, n, [=](int, float d, float v) { return d - exp(v) * sum; });
    } else {
      map_row(team, dx + at, dy + at, y + at, n, [=](int, float d, float v) { return v * (d - sum); });
    }
  }
}

// A kernel for short rows, which end with how many lanes of a warp share one (1 to 32), and one with a block a row.
#define BY_TEAM(name, call, ...)                       \
  KERNEL(name##_short_f32, __VA_ARGS__, int lanes) {   \
    const Lanes team{lanes};                           \
    call;                                              \
  }                                                    \
  KERNEL(name##_long_f32, __VA_ARGS__) {               \
    const Block team{};                                \
    call;                                              \
  }

// The same of rows that are gone through more than once, written to y and read from x.
#define BY_ROW(name, y, x, call, ...)                         \
  KERNEL(name##_short_f32, __VA_ARGS__, int lanes) {          \
    const Lanes team{lanes};                                  \
    if (packed(columns, y, x)) {                              \
      using Row = HeldRow<float, Pack<float>::WIDTH>;         \
      call;                                                   \
    } else {                                                  \
      using Row = ReadRow<Lanes, float, 1>;                   \
      call;                                                   \
    }                                                         \
  }                                                           \
  KERNEL(name##_long_f32, __VA_ARGS__) {                      \
    const Block team{};                                       \
    if (packed(columns, y, x)) {                              \
      using Row = ReadRow<Block, float, Pack<float>::WIDTH>;  \
      call;                                                   \
    } else {                                                  \
      using Row = ReadRow<Block, float, 1>;                   \
      call;                                                   \
    }                                                         \
  }

BY_ROW(softmax_forward, y, x, softmax_forward<Row>(team, y, x, rows, columns, logarithm), float* y, const float* x,
       int rows, int columns, int logarithm)
BY_TEAM(softmax_backward, softmax_backward(team, dx, dy, y, rows, columns, logarithm), float* dx, const float* dy,
        const float* y, int rows, int columns, int logarithm)

// --- Cross-entropy: the mean over rows of -log p(target), with weights of classes and smoothed targets. ---

DEVICE long long class_of(const void* targets, int wide, long long row) {
  return wide ? ((const long long*)targets)[row] : ((const int*)targets)[row];
}

// What a row's target asks for. One that is neither a class nor ignored makes the loss and the row's gradient NaN.
struct Target {
  bool counts = false;
  int at = -1;
  float weight = 0.0f;

  Target() = default;

  // Of a row that is there. `weights` may hold none, for 1 each.
  DEVICE Target(const void* targets, int wide, long long row, long long ignored, const float* weights, int columns) {
    const long long t = class_of(targets, wide, row);
    counts = t != ignored;
    if (t >= 0 && t < columns) at = (int)t;
    if (counts) weight = at < 0 ? __int_as_float(0x7fc00000) : weights == nullptr ? 1.0f : weights[at];
  }
};

// Each block leaves two sums over its rows in `partial`: of losses, and of the weights that divide them.
template <class Row>
DEVICE void cross_entropy(const typename Row::Team team, double* partial, float* log_p, const float* logits,
                          const void* targets, const float* weights, int targets_wide, long long ignored, int rows,
                          int columns, float hard, float smooth, Refusal* refusal, int what) {
  double loss = 0.0, total = 0.0;
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long at = begin + team.row();
    const bool here = at < rows;
    const Row row(team, logits + at * columns, here ? columns : 0);
    const Target target = here ? Target(targets, targets_wide, at, ignored, weights, columns) : Target();
    const Online o = online(team, row);
    const float log_sum = log(o.sum);
    const float own = hard * target.weight;
    float lost = 0.0f;
    // Not multiplied by 0: that of a class whose probability is 0 would be 0 times infinity.
    if (smooth > 0.0f && weights == nullptr) {
      row.each([&](int, float e) { lost -= smooth * ((e - o.largest) - log_sum); });
    } else if (smooth > 0.0f) {
      each_of(team, logits + at * columns, here ? columns : 0,
              [&](int c, float e) { lost -= smooth * weights[c] * ((e - o.largest) - log_sum); });
    }
    row.map(log_p + at * columns, [&](int c, typename Row::Unit v) {
      for (int e = 0; e < v.WIDTH; ++e) {
        v.v[e] = (v.v[e] - o.largest) - log_sum;
        if (c + e == target.at) lost -= own * v.v[e];
      }
      return v;
    });
    lost = team.template fold<Sum<float>>(lost);
    if (target.counts && team.rank() == 0) {
      loss += lost;
      total += target.weight;
      if (target.at < 0) refuse(refusal, what, class_of(targets, targets_wide, at), at, columns, ignored);
    }
  }
  loss = over_block<Sum<double>>(loss);
  total = over_block<Sum<double>>(total);
  if (threadIdx.x == 0) {
    partial[2 * blockIdx.x] = loss;
    partial[2 * blockIdx.x + 1] = total;
  }
}

// One block ends the sums of `blocks` others.
KERNEL(cross_entropy_total, float* loss, float* total, const double* partial, int blocks) {
  double sum = 0.0, divisor = 0.0;
  for (int b = threadIdx.x; b < blocks; b += THREADS) {
    sum += partial[2 * b];
    divisor += partial[2 * b + 1];
  }
  sum = over_block<Sum<double>>(sum);
  divisor = over_block<Sum<double>>(divisor);
  if (threadIdx.x == 0) {
    *loss = (float)(sum / divisor);
    *total = (float)divisor;
  }
}

// dlogits = dloss / total ((1 - smoothing) w_t (p - [c = t]) + smoothing / columns (p sum of w - w_c)).
template <class Team>
DEVICE void cross_entropy_backward(const Team team, float* dlogits, const float* dloss, const float* total, const float* log_p,
                                   const void* targets, const float* weights, int targets_wide, long long ignored, int rows,
                                   int columns, float hard, float smooth) {
  float all = (float)columns;
  if (weights != nullptr) {
    all = 0.0f;
    for (int c = threadIdx.x; c < columns; c += THREADS) all += weights[c];
    all = over_block<Sum<float>>(all);
  }
  const float scale = dloss[0] / total[0];
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long row = begin + team.row();
    if (row >= rows) continue;
    const long long at = row * columns;
    const Target target(targets, targets_wide, row, ignored, weights, columns);
    const float own = scale * hard * target.weight;
    const float even = scale * smooth;
    map_row(team, dlogits + at, log_p + at, columns, [&](int c, float lp) {
      if (!target.counts) return 0.0f;
      const float p = exp(lp);
      const float w = weights == nullptr ? 1.0f : weights[c];
      return own * (c == target.at ? p - 1.0f : p) + even * (p * all - w);
    });
  }
}

BY_ROW(cross_entropy, log_p, logits,
        cross_entropy<Row>(team, partial, log_p, logits, targets, weights, targets_wide, ignored, rows, columns, hard, smooth,
                      refusal, what),
        double* partial, float* log_p, const float* logits, const void* targets, const float* weights, int targets_wide,
        long long ignored, int rows, int columns, float hard, float smooth, Refusal* refusal, int what)
BY_TEAM(cross_entropy_backward,
        cross_entropy_backward(team, dlogits, dloss, total, log_p, targets, weights, targets_wide, ignored, rows, columns,
                               hard, smooth),
        float* dlogits, const float* dloss, const float* total, const float* log_p, const void* targets,
        const float* weights, int targets_wide, long long ignored, int rows, int columns, float hard, float smooth)
