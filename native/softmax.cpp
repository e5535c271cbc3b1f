// Softmax over rows, and cross-entropy on its logarithm.
#include "softmax_loops.h"

#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

int64_t target_of(const void* targets, int wide, int64_t row) {
  return wide ? static_cast<const int64_t*>(targets)[row] : static_cast<const int32_t*>(targets)[row];
}

// The first row whose target is neither a class nor ignored, -1 where all are good.
int64_t first_bad(const void* targets, int wide, int64_t ignored, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t t = target_of(targets, wide, r);
    if (t != ignored && (t < 0 || t >= columns)) return r;
  }
  return -1;
}

}  // namespace

void thaw_softmax_forward(float* y, const float* x, int log, int64_t rows, int64_t columns, int threads) {
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    BEST(softmax_forward)(y + begin * columns, x + begin * columns, log != 0, end - begin, columns);
  });
}

void thaw_softmax_backward(float* dx, const float* dy, const float* y, int log, int64_t rows, int64_t columns, int threads) {
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    const int64_t at = begin * columns;
    BEST(softmax_backward)(dx + at, dy + at, y + at, log != 0, end - begin, columns);
  });
}

int64_t thaw_cross_entropy(float* loss, float* total, float* log_probabilities, const float* logits, const void* targets,
                           int wide_targets, const float* weights, double smoothing, int64_t ignored, int64_t rows,
                           int64_t columns, int threads) {
  const int64_t bad = first_bad(targets, wide_targets, ignored, rows, columns);
  if (bad >= 0) return bad;
  const Scratch<double> losses(rows), divisors(rows);
  split(threads, rows, 1, [=, &losses, &divisors](int64_t begin, int64_t end) {
    BEST(softmax_forward)(log_probabilities + begin * columns, logits + begin * columns, true, end - begin, columns);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t t = target_of(targets, wide_targets, r);
      const float* row = log_probabilities + r * columns;
      losses[r] = 0;
      divisors[r] = 0;
      if (t == ignored) continue;
      const double weight = weights == nullptr ? 1.0 : weights[t];
      divisors[r] = weight;
      losses[r] = -(1 - smoothing) * weight * row[t];
      // Not multiplied by 0: that of a class whose probability is 0 would be 0 times infinity.
      if (smoothing > 0) {
        losses[r] -= smoothing / static_cast<double>(columns) * BEST(softmax_weighted)(row, weights, columns);
      }
    }
  });
  double sum = 0, divisor = 0;
  for (int64_t r = 0; r < rows; ++r) {
    sum += losses[r];
    divisor += divisors[r];
  }
  *loss = static_cast<float>(sum / divisor);
  *total = static_cast<float>(divisor);
  return -1;
}

int64_t thaw_cross_entropy_backward(float* dlogits, const float* dloss, const float* total, const float* log_probabilities,
                                    const void* targets, int wide_targets, const float* weights, double smoothing,
                                    int64_t ignored, int64_t rows, int64_t columns, int threads) {
  const int64_t bad = first_bad(targets, wide_targets, ignored, rows, columns);
  if (bad >= 0) return bad;
  double all = static_cast<double>(columns);
  if (weights != nullptr) {
    all = 0;
    for (int64_t c = 0; c < columns; ++c) all += weights[c];
  }
  const double scale = static_cast<double>(*dloss) / *total;
  const double smooth = smoothing / static_cast<double>(columns);
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    BEST(softmax_exp)(dlogits + begin * columns, log_probabilities + begin * columns, (end - begin) * columns);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t t = target_of(targets, wide_targets, r);
      float* row = dlogits + r * columns;
      if (t == ignored) {
        for (int64_t c = 0; c < columns; ++c) row[c] = 0;
        continue;
      }
      const double hard = (1 - smoothing) * (weights == nullptr ? 1.0 : weights[t]);
      BEST(softmax_gradient)(row, weights, static_cast<float>(scale * (hard + smooth * all)), static_cast<float>(scale * smooth),
                             columns);
      row[t] -= static_cast<float>(scale * hard);
    }
  });
  return -1;
}
