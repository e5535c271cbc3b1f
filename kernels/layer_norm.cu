// Layer normalisation, by row of x [rows, columns]: y = (x - mean) rstd gamma + beta, with mean and 1 / deviation of the row.
#include "rows.cuh"

template <class Row, class S>
DEVICE void layer_forward(const typename Row::Team team, S* y, float* mean, float* rstd, const S* x, const float* gamma,
                          const float* beta, int rows, int columns, double eps) {
  const double share = 1.0 / columns;
  for (long long begin = team.start(); begin < rows; begin += team.stride()) {
    const long long at = begin + team.row();
    const Row row(team, x + at * columns, at < rows ? columns : 0);
    float sum = 0.0f, squares = 0.0f;
    row.each([&](int, float v) { sum += v; });
    const float m = (float)(team.template fold<Sum<double>>((double)sum) * share);
    row.each([&](int, float v) { squares += (v - m) * (v - m); });
    const float s = 1.0f / sqrt((float)(team.template fold<Sum<double>>((double)squares) * share + eps));
    row.map(y + at * columns, [&](int i, typename Row::Unit v) {
      const typename Row::Unit scale = like(v, gamma + i), shift = like(v, beta + i);
      for (int e = 0; e < v.WIDTH; ++e) v.v[e] = (v.v[e] - m) * s * scale.v[e] + shift.v[e];
      return v;
    });
    if (at < rows && team.rank() == 0) {
      mean[at] = m;
      rstd[at] = s;
    }
  }
}

// dx = rstd (g - mean(g) - (x - mean) rstd^2 mean(g (x - mean))) with g = dy gamma.
template <class Team, class S>
DEVICE void layer_backward(const Team team, S* dx, const S* dy, const S* x, const float* gamma, const float* mean,
                           const float* rstd, int rows, int columns) {
  for (long long begin = team.start(); begin < rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const int n = row < rows ? columns : 0;
    const float m = n > 0 ? mean[row] : 0.0f, s = n > 0 ? rstd[row] : 0.0f;
    const S* up = dy + row * columns;
    const S* from = x + row * columns;
    float sum = 0.0f, product = 0.0f;
    each_of(team, up, from, n, [&](int i, float d, float v) {
      const float g = d * gamma[i];
      sum += g;
      product += g * (v - m);
    });
    const float offset = (float)(team.template fold<Sum<double>>((double)sum) / columns);
    const float slope = (float)(team.template fold<Sum<double>>((double)product) / columns * s * s);
    map_row(team, dx + row * columns, up, from, n,
            [&](int i, float d, float v) { return s * (d * gamma[i] - offset - (v - m) * slope); });
  }
}

#define LAYER_FORWARD(...) layer_forward<__VA_ARGS__>(team, y, mean, rstd, x, gamma, beta, rows, columns, eps)

#define LAYER(S, type)                                                                                               \
  KERNEL(norm_layer_forward_short_##type, S* y, float* mean, float* rstd, const S* x, const float* gamma,            \
         const float* beta, int rows, int columns, double eps, int lanes) {                                          \
    const Lanes team{lanes};                                                                                         \
    if (packed(columns, y, x, gamma, beta)) {                                                                        \
      LAYER_FORWARD(HeldRow<S, Pack<S>::WIDTH>);                                                                     \
    } else {                                                                                                         \
      LAYER_FORWARD(ReadRow<Lanes, S, 1>);                                                                           \
    }                                                                                                                \
  }                                                                                                                  \
  KERNEL(norm_layer_forward_##type, S* y, float* mean, float* rstd, const S* x, const float* gamma,                  \
         const float* beta, int rows, int columns, double eps) {                                                     \
    const Block team{};                                                                                              \
    if (packed(columns, y, x, gamma, beta)) {                                                                        \
      LAYER_FORWARD(ReadRow<Block, S, Pack<S>::WIDTH>);                                                              \
    } else {                                                                                                         \
      LAYER_FORWARD(ReadRow<Block, S, 1>);                                                                           \
    }                                                                                                                \
  }                                                                                                                  \
  KERNEL(norm_layer_backward_short_##type, S* dx, const S* dy, const S* x, const float* gamma, const float* mean,    \
         const float* rstd, int rows, int columns, int lanes) {                                                      \
    layer_backward(Lanes{lanes}, dx, dy, x, gamma, mean, rstd, rows, columns);                                       \
  }                                                                                                                  \
  KERNEL(norm_layer_backward_##type, S* dx, const S* dy, const S* x, const float* gamma, const float* mean,          \
         const float* rstd, int rows, int columns) {                                                                 \
    layer_backward(Block{}, dx, dy, x, gamma, mean, rstd, rows, columns);                                            \
  }
LAYER(float, f32)
LAYER(bf16, bf16)
