// Batch and layer normalisation. Rows are cut into pieces whose number depends on the sizes alone; each leaves its sums in
// float, and they are joined in double in the order of the rows: the thread count changes no bit.
#include <algorithm>
#include <cmath>

#include "norm_loops.h"
#include "parallel.h"
#include "scratch.h"
#include "thaw_cpu.h"

using namespace thaw;

namespace {

// Sums that one thread joins faster than a team wakes up.
constexpr int64_t JOINED_ALONE = 65536;

// How rows of channels are walked and cut.
struct Rows {
  Rows(int64_t rows, int64_t channels)
      : repeats(std::max<int64_t>(1, std::min(rows, 64 / std::max<int64_t>(1, channels)))),
        wide(channels * repeats),
        rows_of_piece(std::min<int64_t>(512, std::max<int64_t>(32, 16384 / std::max<int64_t>(1, channels))) * repeats),
        pieces((rows + rows_of_piece - 1) / rows_of_piece),
        total(rows),
        channels(channels) {}

  int64_t first(int64_t piece) const { return piece * rows_of_piece; }
  int64_t count(int64_t piece) const { return std::min(rows_of_piece, total - first(piece)); }

  int64_t repeats;        // rows in a walked row
  int64_t wide;           // numbers in a walked row: a multiple of the channels
  int64_t rows_of_piece;  // at most 512 walked rows
  int64_t pieces, total, channels;
};

// Repeats the first `channels` numbers to fill `wide`.
void repeat(float* x, int64_t channels, int64_t wide) {
  for (int64_t c = channels; c < wide; ++c) x[c] = x[c - channels];
}

// What forward does to a walked row: (x - mean) * scale + beta with scale = gamma / sqrt(variance + eps).
struct Affine {
  // Without `shift`, beta is 0.
  Affine(const Rows& r, const float* gamma, const float* shift, const float* middle, const float* variance, double eps)
      : mean(r.wide), scale(r.wide), beta(r.wide) {
    for (int64_t c = 0; c < r.channels; ++c) {
      mean[c] = middle[c];
      scale[c] = static_cast<float>(gamma[c] / std::sqrt(variance[c] + eps));
      beta[c] = shift == nullptr ? 0.0f : shift[c];
    }
    repeat(mean.data(), r.channels, r.wide);
    repeat(scale.data(), r.channels, r.wide);
    repeat(beta.data(), r.channels, r.wide);
  }

  const Scratch<float> mean, scale, beta;
};

// Elementwise loops over all rows: f(first element, number of elements).
template <class F>
void over_rows(int threads, const Rows& r, const F& f) {
  if (r.wide == 0) return;
  split(threads, r.total * r.channels, r.wide, [&](int64_t begin, int64_t end) { f(begin, end - begin); });
}

}  // namespace

void thaw_norm_statistics(float* mean, float* variance, const float* x, int64_t rows, int64_t channels, int threads) {
  const Rows r(rows, channels);
  const Scratch<float> sums(r.pieces * r.wide), squares(r.pieces * r.wide), shifts(r.pieces * r.wide);
  split(threads, r.pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      // The piece's first row stands for its mean: what cancels is bounded by the piece's own spread times its rows.
      const float* piece = x + r.first(p) * channels;
      float* shift = &shifts[p * r.wide];
      std::copy(piece, piece + channels, shift);
      repeat(shift, channels, r.wide);
      BEST(norm_moments)(&sums[p * r.wide], &squares[p * r.wide], piece, shift, r.count(p) * channels, r.wide);
    }
  });
  const Scratch<double> middle(channels), spread(channels);
  split(r.pieces * channels < JOINED_ALONE ? 1 : threads, channels, LINE, [&](int64_t begin, int64_t end) {
    std::fill(&middle[begin], &middle[end], 0.0);
    std::fill(&spread[begin], &spread[end], 0.0);
    for (int64_t p = 0; p < r.pieces; ++p) {
      BEST(norm_join)(middle.data(), spread.data(), static_cast<double>(r.first(p)), &sums[p * r.wide], &squares[p * r.wide],
                      &shifts[p * r.wide], static_cast<double>(r.count(p)), begin, end, channels, r.repeats);
    }
    for (int64_t c = begin; c < end; ++c) {
      mean[c] = static_cast<float>(middle[c]);
      variance[c] = static_cast<float>(spread[c] / static_cast<double>(rows));
    }
  });
}

void thaw_norm_track(float* running_mean, float* running_variance, const float* mean, const float* variance, int64_t rows,
                     int64_t channels, double momentum) {
  const double unbiased = rows > 1 ? static_cast<double>(rows) / static_cast<double>(rows - 1) : 1.0;
  for (int64_t c = 0; c < channels; ++c) {
    running_mean[c] = static_cast<float>((1 - momentum) * running_mean[c] + momentum * mean[c]);
    running_variance[c] = static_cast<float>((1 - momentum) * running_variance[c] + momentum * variance[c] * unbiased);
  }
}

void thaw_norm_batch_forward(float* y, const float* x, const float* gamma, const float* beta, const float* mean,
                             const float* variance, const float* residual, int relu, int64_t rows, int64_t channels,
                             double eps, int threads) {
  const Rows r(rows, channels);
  const Affine a(r, gamma, beta, mean, variance, eps);
  over_rows(threads, r, [&](int64_t first, int64_t n) {
    BEST(norm_apply)(y + first, x + first, a.mean.data(), a.scale.data(), a.beta.data(),
                     residual == nullptr ? residual : residual + first, relu != 0, n, r.wide);
  });
}

void thaw_norm_batch_backward(float* dx, float* dgamma, float* dbeta, float* dresidual, const float* dy, const float* x,
                              const float* gamma, const float* beta, const float* mean, const float* variance, const float* y,
                              int64_t rows, int64_t channels, double eps, int threads) {
  const Rows r(rows, channels);
  const Affine a(r, gamma, beta, mean, variance, eps);
  const Scratch<float> sums(r.pieces * r.wide), products(r.pieces * r.wide), offset(r.wide), slope(r.wide);
  split(threads, r.pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t at = r.first(p) * channels, n = r.count(p) * channels;
      float* const sum = &sums[p * r.wide];
      float* const product = &products[p * r.wide];
      if (y != nullptr) {
        BEST(norm_residual_sums)(sum, product, dresidual + at, dy + at, x + at, a.mean.data(), y + at, n, r.wide);
      } else {
        BEST(norm_gradient_sums)(sum, product, dy + at, x + at, a.mean.data(), a.scale.data(), a.beta.data(), beta != nullptr, n,
                                 r.wide);
      }
    }
  });
  const Scratch<double> sum(channels), product(channels);
  split(r.pieces * channels < JOINED_ALONE ? 1 : threads, channels, LINE, [&](int64_t begin, int64_t end) {
    std::fill(&sum[begin], &sum[end], 0.0);
    std::fill(&product[begin], &product[end], 0.0);
    for (int64_t p = 0; p < r.pieces; ++p) {
      BEST(norm_add)(sum.data(), &sums[p * r.wide], begin, end, channels, r.repeats);
      BEST(norm_add)(product.data(), &products[p * r.wide], begin, end, channels, r.repeats);
    }
    for (int64_t c = begin; c < end; ++c) {
      const double rstd = 1 / std::sqrt(variance[c] + eps);
      if (dgamma != nullptr) dgamma[c] = static_cast<float>(product[c] * rstd);
      if (dbeta != nullptr) dbeta[c] = static_cast<float>(sum[c]);
      offset[c] = static_cast<float>(sum[c] / static_cast<double>(rows));
      slope[c] = static_cast<float>(product[c] * rstd * rstd / static_cast<double>(rows));
    }
  });
  if (dx == nullptr) return;
  repeat(offset.data(), channels, r.wide);
  repeat(slope.data(), channels, r.wide);
  const float* const counted = y == nullptr ? dy : dresidual;
  over_rows(threads, r, [&](int64_t first, int64_t n) {
    BEST(norm_gradient)(dx + first, counted + first, x + first, a.mean.data(), a.scale.data(), a.beta.data(),
                        beta != nullptr, offset.data(), slope.data(), n, r.wide);
  });
}

void thaw_norm_constant_backward(float* dx, const float* dy, const float* gamma, const float* variance, int64_t rows,
                                 int64_t channels, double eps, int threads) {
  const Rows r(rows, channels);
  const Scratch<float> scale(r.wide);
  for (int64_t c = 0; c < channels; ++c) scale[c] = static_cast<float>(gamma[c] / std::sqrt(variance[c] + eps));
  repeat(scale.data(), channels, r.wide);
  over_rows(threads, r,
            [&](int64_t first, int64_t n) { BEST(norm_scale)(dx + first, dy + first, scale.data(), n, r.wide); });
}

void thaw_norm_pixels(float* y, const unsigned char* x, const float* mean, const float* deviation, int64_t rows, int64_t channels,
                      int threads) {
  const Rows r(rows, channels);
  const Scratch<float> middle(r.wide), spread(r.wide);
  std::copy(mean, mean + channels, middle.data());
  std::copy(deviation, deviation + channels, spread.data());
  repeat(middle.data(), channels, r.wide);
  repeat(spread.data(), channels, r.wide);
  over_rows(threads, r, [&](int64_t first, int64_t n) {
    BEST(norm_pixels)(y + first, x + first, middle.data(), spread.data(), n, r.wide);
  });
}

void thaw_norm_layer_forward(float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
                             int64_t rows, int64_t columns, double eps, int threads) {
  split(threads, rows, 1, [=](int64_t begin, int64_t end) {
    BEST(norm_layer_forward)(y + begin * columns, mean + begin, rstd + begin, x + begin * columns, gamma, beta, end - begin,
                             columns, eps);
  });
}

void thaw_norm_layer_backward(float* dx, float* dgamma, float* dbeta, const float* dy, const float* x, const float* gamma,
                              const float* mean, const float* rstd, int64_t rows, int64_t columns, int threads) {
  constexpr int64_t ROWS = 64;
  const int64_t pieces = (rows + ROWS - 1) / ROWS;
  const Scratch<float> gammas(dgamma == nullptr ? 0 : pieces * columns), betas(dbeta == nullptr ? 0 : pieces * columns);
  split(threads, pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t at = p * ROWS * columns;
      BEST(norm_layer_backward)(dx == nullptr ? dx : dx + at, dgamma == nullptr ? dgamma : &gammas[p * columns],
                                dbeta == nullptr ? dbeta : &betas[p * columns], dy + at, x + at, gamma, mean + p * ROWS,
                                rstd + p * ROWS, std::min(ROWS, rows - p * ROWS), columns);
    }
  });
  for (int64_t i = 0; i < columns; ++i) {
    double dg = 0, db = 0;
    for (int64_t p = 0; p < pieces; ++p) {
      if (dgamma != nullptr) dg += gammas[p * columns + i];
      if (dbeta != nullptr) db += betas[p * columns + i];
    }
    if (dgamma != nullptr) dgamma[i] = static_cast<float>(dg);
    if (dbeta != nullptr) dbeta[i] = static_cast<float>(db);
  }
}
