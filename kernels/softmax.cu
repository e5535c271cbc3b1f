// Softmax over the rows of [rows, columns], its logarithm, and cross-entropy on that. A team takes a row (rows.cuh): some
// lanes of a warp if it is short, else a block. A row is read twice, the second time from a cache unless it is very long:
// once for its maximum and its sum of exponentials together, once for the result (and once more for smoothed targets).
#include "rows.cuh"

// --- Softmax: y = exp(x - max) / sum, or its logarithm (x - max) - log(sum). ---

// The largest of the numbers so far, and the sum of exp(x - largest) over them. A new largest scales down what was summed.
struct Online {
  float largest = -__int_as_float(0x7f800000);
  float sum = 0.0f;

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

template <class Team, class T>
DEVICE Online online(const Team team, const T* x, int n) {
  Online o;
  each_of(team, x, n, [&](int, T e) { o.take(widen(e)); });
  o.join(team);
  return o;
}

template <class Team, class T>
DEVICE void softmax_forward(const Team team, T* y, const T* x, int rows, int columns, int logarithm) {
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const int n = row < rows ? columns : 0;
    const Online o = online(team, x + row * columns, n);
    const float over = logarithm ? log(o.sum) : 1.0f / o.sum;
    map_row(team, y + row * columns, x + row * columns, n, [=](int, float v) {
      return logarithm ? (v - o.largest) - over : exp(v - o.largest) * over;
    });
  }
}

// dx = y (dy - sum of dy y), or, of the logarithm, dy - exp(y) (sum of dy); dx may be dy.
template <class Team, class T>
DEVICE void softmax_backward(const Team team, T* dx, const T* dy, const T* y, int rows, int columns, int logarithm) {
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const int n = row < rows ? columns : 0;
    const long long at = row * columns;
    float sum = 0.0f;
    if (logarithm) {
      each_of(team, dy + at, n, [&](int, T d) { sum += widen(d); });
    } else {
      each_of(team, dy + at, y + at, n, [&](int, T d, T v) { sum += widen(d) * widen(v); });
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
#define BY_TEAM(name, type, call, ...)                    \
  KERNEL(name##_short_##type, __VA_ARGS__, int lanes) {   \
    const Lanes team{lanes};                              \
    call;                                                 \
  }                                                       \
  KERNEL(name##_long_##type, __VA_ARGS__) {               \
    const Block team{};                                   \
    call;                                                 \
  }

#define SOFTMAX(T, type)                                                                              \
  BY_TEAM(softmax_forward, type, softmax_forward(team, y, x, rows, columns, logarithm),               \
          T* y, const T* x, int rows, int columns, int logarithm)                                     \
  BY_TEAM(softmax_backward, type, softmax_backward(team, dx, dy, y, rows, columns, logarithm),        \
          T* dx, const T* dy, const T* y, int rows, int columns, int logarithm)
SOFTMAX(float, f32)
SOFTMAX(bf16, bf16)

// --- Cross-entropy: the mean over rows of -log p(target), with weights of classes and smoothed targets. ---

// Float or bf16: what is not as large as the logits need not be of their type.
struct Numbers {
  const void* of;
  int half;

  DEVICE float at(int i) const { return half ? widen(((const bf16*)of)[i]) : ((const float*)of)[i]; }
};

DEVICE void put(void* y, int half, float v) {
  if (half) {
    *(bf16*)y = narrow<bf16>(v);
  } else {
    *(float*)y = v;
  }
}

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
  DEVICE Target(const void* targets, int wide, long long row, long long ignored, const Numbers& weights, int columns) {
    const long long t = class_of(targets, wide, row);
    counts = t != ignored;
    if (t >= 0 && t < columns) at = (int)t;
    if (counts) weight = at < 0 ? __int_as_float(0x7fc00000) : weights.of == nullptr ? 1.0f : weights.at(at);
  }
};

// Each block leaves two sums over its rows in `partial`: of losses, and of the weights that divide them.
template <class Team, class T>
DEVICE void cross_entropy(const Team team, double* partial, T* log_p, const T* logits, const void* targets,
                          const Numbers weights, int targets_wide, long long ignored, int rows, int columns, float hard,
                          float smooth, Refusal* refusal, int what) {
  double loss = 0.0, total = 0.0;
  for (unsigned begin = team.start(); begin < (unsigned)rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const bool here = row < rows;
    const int n = here ? columns : 0;
    const T* from = logits + row * columns;
    const Online o = online(team, from, n);
    const float log_sum = log(o.sum);
    const Target target = here ? Target(targets, targets_wide, row, ignored, weights, columns) : Target();
    const float own = hard * target.weight;
    float lost = 0.0f;
    // Not multiplied by 0: that of a class whose probability is 0 would be 0 times infinity.
    if (smooth > 0.0f) {
      each_of(team, from, n, [&](int c, T e) {
        lost -= smooth * (weights.of == nullptr ? 1.0f : weights.at(c)) * ((widen(e) - o.largest) - log_sum);
      });
    }
    map_row(team, log_p + row * columns, from, n, [&](int c, float v) {
      const float lp = (v - o.largest) - log_sum;
      if (c == target.at) lost -= own * lp;
      return lp;
    });
    lost = team.template fold<Sum<float>>(lost);
    if (target.counts && team.rank() == 0) {
      loss += lost;
      total += target.weight;
      if (target.at < 0) refuse(refusal, what, class_of(targets, targets_wide, row), row, columns, ignored);
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
KERNEL(cross_entropy_total, void* loss, void* total, const double* partial, int blocks, int loss_half, int total_half) {
  double sum = 0.0, divisor = 0.0;
  for (int b = threadIdx.x; b < blocks; b += THREADS) {
    sum += partial[2 * b];
    divisor += partial[2 * b + 1];
  }
  sum = over_block<Sum<double>>(sum);
  divisor = over_block<Sum<double>>(divisor);
  if (threadIdx.x == 0) {
    put(loss, loss_half, (float)(sum / divisor));
    put(total, total_half, (float)divisor);
  }
}

// dlogits = dloss / total ((1 - smoothing) w_t (p - [c = t]) + smoothing / columns (p sum of w - w_c)).
template <class Team, class T>
DEVICE void cross_entropy_backward(const Team team, T* dlogits, const Numbers dloss, const Numbers total, const T* log_p,
                                   const void* targets, const Numbers weights, int targets_wide, long long ignored, int rows,
                                   int columns, float hard, float smooth) {
  float all = (float)columns;
  if (weights.of != nullptr) {
    all = 0.0f;
    for (int c = threadIdx.x; c < columns; c += THREADS) all += weights.at(c);
    all = over_block<Sum<float>>(all);
  }
  const float scale = dloss.at(0) / total.at(0);
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
      const float w = weights.of == nullptr ? 1.0f : weights.at(c);
      return own * (c == target.at ? p - 1.0f : p) + even * (p * all - w);
    });
  }
}

#define CROSS_ENTROPY(T, type)                                                                                     \
  BY_TEAM(cross_entropy, type,                                                                                     \
          cross_entropy(team, partial, log_p, logits, targets, Numbers{weights, weights_half}, targets_wide,       \
                        ignored, rows, columns, hard, smooth, refusal, what),                                      \
          double* partial, T* log_p, const T* logits, const void* targets, const void* weights, int targets_wide,  \
          int weights_half, long long ignored, int rows, int columns, float hard, float smooth,                    \
          Refusal* refusal, int what)                                                                              \
  BY_TEAM(cross_entropy_backward, type,                                                                            \
          cross_entropy_backward(team, dlogits, Numbers{dloss, dloss_half}, Numbers{total, total_half}, log_p,     \
                                 targets, Numbers{weights, weights_half}, targets_wide, ignored, rows, columns,    \
                                 hard, smooth),                                                                    \
          T* dlogits, const void* dloss, const void* total, const T* log_p, const void* targets,                   \
          const void* weights, int dloss_half, int total_half, int targets_wide, int weights_half,                 \
          long long ignored, int rows, int columns, float hard, float smooth)
CROSS_ENTROPY(float, f32)
CROSS_ENTROPY(bf16, bf16)
