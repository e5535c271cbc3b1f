// y = (x - mean) / sqrt(variance + eps) * gamma + beta, by channel or by row.
#include "norm_loops.h"

#include <algorithm>
#include <cmath>

#include "lanes.h"

namespace thaw {
namespace THAW_ISA {

namespace {

// ROWS rows at a time while so many are left; returns the element where it stopped.
template <int ROWS>
inline int64_t add_moments(float* sums, float* squares, const float* x, const float* shift, int64_t n, int64_t wide) {
  int64_t i = 0;
  for (; i + ROWS * wide <= n; i += ROWS * wide) {
    const float* at = x + i;
#pragma GCC ivdep
    for (int64_t c = 0; c < wide; ++c) {
      const float first = at[c] - shift[c];
      float sum = first, square = first * first;
      for (int r = 1; r < ROWS; ++r) {
        const float d = at[c + r * wide] - shift[c];
        sum += d;
        square += d * d;
      }
      sums[c] += sum;
      squares[c] += square;
    }
  }
  return i;
}

}  // namespace

// Several rows at a time save traffic of the sums themselves, but rows of 128 to 1023 numbers are better fetched ahead by
// the processor one by one: measured with 25,088 rows of 256 on one core, 2.1 ms instead of 2.7 with AVX-512, 2.0 instead
// of 3.1 with AVX2. Shorter rows go by twos (100,352 of 64 with AVX-512: 1.2 ms, by fours 2.2, one by one 1.4); longer ones,
// whose sums alone fill the first cache, by fours (392 of 2048: 0.19 ms, one by one 0.33).
void norm_moments(float* sums, float* squares, const float* x, const float* shift, int64_t n, int64_t wide) {
  std::fill(sums, sums + wide, 0.0f);
  std::fill(squares, squares + wide, 0.0f);
  int64_t i = 0;
  if (wide < 128) i = add_moments<2>(sums, squares, x, shift, n, wide);
  if (wide >= 1024) i = add_moments<4>(sums, squares, x, shift, n, wide);
  for (; i < n; i += wide) {
    const float* at = x + i;
    const int64_t width = std::min(wide, n - i);
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) {
      const float d = at[c] - shift[c];
      sums[c] += d;
      squares[c] += d * d;
    }
  }
}

void norm_add(double* sums, const float* piece, int64_t begin, int64_t end, int64_t channels, int64_t repeats) {
  for (int64_t r = 0; r < repeats; ++r, piece += channels) {
#pragma GCC ivdep
    for (int64_t c = begin; c < end; ++c) sums[c] += piece[c];
  }
}

void norm_join(double* mean, double* spread, double count, const float* sums, const float* squares, const float* shift,
               double n, int64_t begin, int64_t end, int64_t channels, int64_t repeats) {
  constexpr int64_t TILE = 256;
  double sum[TILE], square[TILE];
  const double both = count + n;
  for (int64_t tile = begin; tile < end; tile += TILE) {
    const int64_t width = std::min(TILE, end - tile);
    std::fill(sum, sum + width, 0.0);
    std::fill(square, square + width, 0.0);
    norm_add(sum, sums + tile, 0, width, channels, repeats);
    norm_add(square, squares + tile, 0, width, channels, repeats);
#pragma GCC ivdep
    for (int64_t i = 0; i < width; ++i) {
      const int64_t c = tile + i;
      const double inside = square[i] - sum[i] * sum[i] * (1 / n);
      const double gap = shift[c] + sum[i] * (1 / n) - mean[c];
      spread[c] += (inside < 0 ? 0 : inside) + gap * gap * (count * n / both);
      mean[c] += gap * (n / both);
    }
  }
}

namespace {

// What forward gives before the residual: backward's mask asks for the same bits.
inline float normalised(float x, float mean, float scale, float beta) { return (x - mean) * scale + beta; }

template <bool ADD, bool RELU>
void apply(float* y, const float* x, const float* mean, const float* scale, const float* beta, const float* residual,
           int64_t n, int64_t wide) {
  for (int64_t i = 0; i < n; i += wide) {
    const int64_t width = std::min(wide, n - i);
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) {
      float z = normalised(x[i + c], mean[c], scale[c], beta[c]);
      if (ADD) z += residual[i + c];
      y[i + c] = RELU && z <= 0.0f ? 0.0f : z;
    }
  }
}

// Sums of what counts of dy, counted(element, column, x there), and of it times x - mean. Two rows at a time halve the
// traffic of the sums themselves; but rows of 128 to 1023 numbers are better fetched ahead by the processor one by one
// (measured with 25,088 rows of 256 on one AVX-512 core: 3.5 ms instead of 4.7, and with a residual 4.3 instead of 7.7).
template <class F>
inline void gradient_sums(float* sums, float* products, const float* x, const float* mean, int64_t n, int64_t wide,
                          const F& counted) {
  std::fill(sums, sums + wide, 0.0f);
  std::fill(products, products + wide, 0.0f);
  const bool pairs = wide < 128 || wide >= 1024;
  int64_t i = 0;
  for (; pairs && i + 2 * wide <= n; i += 2 * wide) {
#pragma GCC ivdep
    for (int64_t c = 0; c < wide; ++c) {
      const int64_t at = i + c;
      const float m = mean[c], x0 = x[at], x1 = x[at + wide];
      const float d0 = counted(at, c, x0), d1 = counted(at + wide, c, x1);
      sums[c] += d0 + d1;
      products[c] += d0 * (x0 - m) + d1 * (x1 - m);
    }
  }
  for (; i < n; i += wide) {
    const int64_t width = std::min(wide, n - i);
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) {
      const float v = x[i + c];
      const float d = counted(i + c, c, v);
      sums[c] += d;
      products[c] += d * (v - mean[c]);
    }
  }
}

}  // namespace

// One loop with ReLU and without: so the bits are the same whether the mask was worked out here or by ReLU's own backward.
void norm_gradient_sums(float* sums, float* products, const float* dy, const float* x, const float* mean, const float* scale,
                        const float* beta, bool relu, int64_t n, int64_t wide) {
  gradient_sums(sums, products, x, mean, n, wide, [=](int64_t at, int64_t c, float v) {
    return relu && !(normalised(v, mean[c], scale[c], beta[c]) > 0.0f) ? 0.0f : dy[at];
  });
}

void norm_residual_sums(float* sums, float* products, float* dresidual, const float* dy, const float* x, const float* mean,
                        const float* y, int64_t n, int64_t wide) {
  gradient_sums(sums, products, x, mean, n, wide, [=](int64_t at, int64_t, float) {
    return dresidual[at] = !(y[at] > 0.0f) ? 0.0f : dy[at];
  });
}

void norm_gradient(float* dx, const float* dy, const float* x, const float* mean, const float* scale, const float* beta,
                   bool relu, const float* offset, const float* slope, int64_t n, int64_t wide) {
  for (int64_t i = 0; i < n; i += wide) {
    const int64_t width = std::min(wide, n - i);
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) {
      const int64_t at = i + c;
      const float d = relu && !(normalised(x[at], mean[c], scale[c], beta[c]) > 0.0f) ? 0.0f : dy[at];
      dx[at] = scale[c] * (d - offset[c] - (x[at] - mean[c]) * slope[c]);
    }
  }
}

void norm_apply(float* y, const float* x, const float* mean, const float* scale, const float* beta, const float* residual,
                bool relu, int64_t n, int64_t wide) {
  if (residual == nullptr) {
    (relu ? apply<false, true> : apply<false, false>)(y, x, mean, scale, beta, residual, n, wide);
  } else {
    (relu ? apply<true, true> : apply<true, false>)(y, x, mean, scale, beta, residual, n, wide);
  }
}

void norm_scale(float* y, const float* x, const float* scale, int64_t n, int64_t wide) {
  for (int64_t i = 0; i < n; i += wide) {
    const int64_t width = std::min(wide, n - i);
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) y[i + c] = x[i + c] * scale[c];
  }
}

void norm_pixels(float* y, const unsigned char* x, const float* mean, const float* spread, int64_t n, int64_t wide) {
  for (int64_t i = 0; i < n; i += wide) {
    const int64_t width = std::min(wide, n - i);
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) y[i + c] = (static_cast<float>(x[i + c]) / 255.0f - mean[c]) / spread[c];
  }
}

namespace {

// The sum of f(i, lanes at i) over a row; f gets the last, partial lanes filled up with what makes it 0.
template <class F>
VMATH double row_sum(int64_t n, const F& f) {
  Floats a = floats(0), b = a;
  int64_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES) {
    a = a + f(i, LANES);
    b = b + f(i + LANES, LANES);
  }
  for (; i < n; i += LANES) a = a + f(i, std::min<int64_t>(LANES, n - i));
  return sum_of<float>(a + b);
}

VMATH Floats part(const float* p, int64_t n, float rest) { return n == LANES ? load<Floats>(p) : load_part(p, n, rest); }

}  // namespace

void norm_layer_forward(float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
                        int64_t rows, int64_t columns, double eps) {
  for (int64_t r = 0; r < rows; ++r, x += columns, y += columns) {
    // Twice over the row, which is in the cache: nothing cancels.
    const float m = static_cast<float>(row_sum(columns, [=](int64_t i, int64_t n) { return part(x + i, n, 0); }) / columns);
    const Floats middle = floats(m);
    const double squares = row_sum(columns, [=](int64_t i, int64_t n) {
      const Floats d = part(x + i, n, m) - middle;
      return d * d;
    });
    const float s = static_cast<float>(1 / std::sqrt(squares / columns + eps));
#pragma GCC ivdep
    for (int64_t i = 0; i < columns; ++i) y[i] = (x[i] - m) * s * gamma[i] + beta[i];
    mean[r] = m;
    rstd[r] = s;
  }
}

void norm_layer_backward(float* dx, float* dgamma, float* dbeta, const float* dy, const float* x, const float* gamma,
                         const float* mean, const float* rstd, int64_t rows, int64_t columns) {
  if (dgamma != nullptr) std::fill(dgamma, dgamma + columns, 0.0f);
  if (dbeta != nullptr) std::fill(dbeta, dbeta + columns, 0.0f);
  for (int64_t r = 0; r < rows; ++r, dy += columns, x += columns) {
    const float m = mean[r];
    const float s = rstd[r];
    if (dx != nullptr) {
      const Floats middle = floats(m);
      const double sum = row_sum(columns, [=](int64_t i, int64_t n) { return part(dy + i, n, 0) * part(gamma + i, n, 0); });
      const double product = row_sum(columns, [=](int64_t i, int64_t n) {
        return part(dy + i, n, 0) * part(gamma + i, n, 0) * (part(x + i, n, m) - middle);
      });
      const float offset = static_cast<float>(sum / columns);
      const float slope = static_cast<float>(product / columns * s * s);
#pragma GCC ivdep
      for (int64_t i = 0; i < columns; ++i) dx[i] = s * (dy[i] * gamma[i] - offset - (x[i] - m) * slope);
      dx += columns;
    }
    if (dgamma != nullptr) {
#pragma GCC ivdep
      for (int64_t i = 0; i < columns; ++i) dgamma[i] += dy[i] * ((x[i] - m) * s);
    }
    if (dbeta != nullptr) {
#pragma GCC ivdep
      for (int64_t i = 0; i < columns; ++i) dbeta[i] += dy[i];
    }
  }
}

}  // namespace THAW_ISA
}  // namespace thaw
