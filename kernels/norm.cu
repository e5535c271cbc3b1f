// y = (x - mean) / sqrt(variance + eps) * gamma + beta, by channel over the rows of x [rows, channels] (batch norm). x, y and
// their gradients are float or bf16; statistics, gamma, beta and their gradients are float.
//
// A block has a piece of the rows, and of the channels as many as `lanes` threads have, one or a pack each; threads beyond
// share out the rows. So warps read neighbours, and what belongs to a channel stays in registers. The number of pieces
// depends on the sizes alone, and so does every bit of a sum.
#include "common.cuh"

// Chosen by the host.
struct NormCut {
  int rows, channels;
  int packed;         // a thread has a pack of channels, not one
  int lanes, groups;  // threads side by side, a power of two up to 32, and blocks side by side
  int pieces, rows_of_piece;
};

// Where a thread is in one of the pieces * groups tasks.
template <int W>
struct NormPlace {
  int piece, first_channel, channel, slot;  // the block's first channel, the thread's
  bool busy;       // or behind the last channel
  int row, end, slots;

  DEVICE NormPlace(int task, const NormCut& cut) {
    piece = task / cut.groups;
    slot = threadIdx.x / cut.lanes;
    slots = THREADS / cut.lanes;
    first_channel = (task - piece * cut.groups) * cut.lanes * W;
    channel = first_channel + (int)(threadIdx.x & (cut.lanes - 1)) * W;
    busy = channel < cut.channels;
    const long long begin = (long long)piece * cut.rows_of_piece, last = begin + cut.rows_of_piece;
    end = (int)(last < cut.rows ? last : cut.rows);
    row = (int)begin + slot;
  }

  // Rows that this thread has, and that the piece has.
  DEVICE int own() const { return busy && row < end ? (end - row + slots - 1) / slots : 0; }
  DEVICE int all() const { return end - row + slot; }

  // Of the piece.
  DEVICE long long first_row() const { return row - slot; }

  // This thread's first element, and from one of its rows to the next.
  DEVICE long long begin(const NormCut& cut) const { return (long long)row * cut.channels + channel; }
  DEVICE long long stride(const NormCut& cut) const { return (long long)slots * cut.channels; }
};

// Two sums of each channel of a block, of those of its threads, in an order that never changes; f(i, a, b) gets them, where i
// counts the block's channels. All threads of the block call it.
template <int W, class F>
DEVICE void over_slots(const Floats<W>& a, const Floats<W>& b, int lanes, F f) {
  __shared__ Neighbours<float, W> partial[2][THREADS];
  __syncthreads();  // the previous task's sums have been read
  for (int e = 0; e < W; ++e) {
    partial[0][threadIdx.x].v[e] = a.v[e];
    partial[1][threadIdx.x].v[e] = b.v[e];
  }
  __syncthreads();
  const int channels = lanes * W, slots = THREADS / lanes;
  for (int i = threadIdx.x; i < channels; i += THREADS) {
    const float* const as = partial[0][0].v + i;
    const float* const bs = partial[1][0].v + i;
    double sum_a = 0.0, sum_b = 0.0;
#pragma unroll 4
    for (int s = 0; s < slots; ++s) {
      sum_a += as[s * channels];
      sum_b += bs[s * channels];
    }
    f(i, sum_a, sum_b);
  }
}

// The sum over all threads of a block with the same lane, in an order that never changes; each of them gets it.
DEVICE double over_slots(double x, int lanes) {
  __shared__ double partial[THREADS];
  __syncthreads();  // the previous call's sums have been read
  partial[threadIdx.x] = x;
  for (int half = THREADS / 2; half >= lanes; half /= 2) {
    __syncthreads();
    if ((int)threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  __syncthreads();
  return partial[threadIdx.x & (lanes - 1)];
}

// use(i, read(i)) for i in [0, n). What several need is read before the first of them is used: memory answers late, so much
// must be on its way.
template <int AT_ONCE, class Read, class Use>
DEVICE void each_row(int n, Read read, Use use) {
  int i = 0;
  for (; i + AT_ONCE <= n; i += AT_ONCE) {
    decltype(read(0)) x[AT_ONCE];
    for (int k = 0; k < AT_ONCE; ++k) x[k] = read(i + k);
    for (int k = 0; k < AT_ONCE; ++k) use(i + k, x[k]);
  }
#pragma unroll 1
  for (; i < n; ++i) use(i, read(i));
}

// What is read of two or three tensors.
template <int W>
struct Two {
  Floats<W> a, b;
};

template <int W>
struct Three {
  Floats<W> a, b, c;
};

// Channels that a joining block has; 32 threads share out the pieces of each.
constexpr int JOIN_LANES = 8;

// Mean and sum of squared distances from it, of each piece and channel: threads sum the distances from the piece's first
// number in float, which loses little, and the threads' sums are put together in double.
template <int W, class S>
DEVICE void moments(double* partial, const S* x, const NormCut& cut) {
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    const int n = p.own();
    Floats<W> shift = {}, sum = {}, squares = {};
    const S* from = x + p.begin(cut);
    const long long stride = p.stride(cut);
    if (p.busy) shift = load<W>(x + p.first_row() * cut.channels + p.channel);
    each_row<4>(n, [&](int i) { return load<W>(from + i * stride); }, [&](int, const Floats<W>& v) {
      for (int e = 0; e < W; ++e) {
        const float d = v.v[e] - shift.v[e];
        sum.v[e] += d;
        squares.v[e] += d * d;
      }
    });
    const double share = 1.0 / p.all();
    over_slots<W>(sum, squares, cut.lanes, [&](int i, double s, double q) {
      const int channel = p.first_channel + i;
      if (channel >= cut.channels) return;
      const double spread = q - s * s * share;
      double* const to = partial + 2 * ((long long)p.piece * cut.channels + channel);
      to[0] = widen(x[p.first_row() * cut.channels + channel]) + s * share;
      to[1] = spread < 0.0 ? 0.0 : spread;
    });
  }
}

KERNEL(norm_moments_join, float* mean, float* variance, const double* partial, const NormCut cut) {
  const int slot = threadIdx.x / JOIN_LANES;
  for (int base = blockIdx.x * JOIN_LANES; base < cut.channels; base += gridDim.x * JOIN_LANES) {
    const int channel = base + threadIdx.x % JOIN_LANES;
    const int pieces = channel < cut.channels ? cut.pieces : 0;
    double sum = 0.0, spread = 0.0;
    for (int p = slot; p < pieces; p += THREADS / JOIN_LANES) {
      const int n = min(cut.rows_of_piece, cut.rows - p * cut.rows_of_piece);
      sum += n * partial[2 * ((long long)p * cut.channels + channel)];
    }
    const double middle = over_slots(sum, JOIN_LANES) / cut.rows;
    for (int p = slot; p < pieces; p += THREADS / JOIN_LANES) {
      const int n = min(cut.rows_of_piece, cut.rows - p * cut.rows_of_piece);
      const double* from = partial + 2 * ((long long)p * cut.channels + channel);
      spread += from[1] + n * (from[0] - middle) * (from[0] - middle);
    }
    spread = over_slots(spread, JOIN_LANES);
    if (slot == 0 && channel < cut.channels) {
      mean[channel] = (float)middle;
      variance[channel] = (float)(spread / cut.rows);
    }
  }
}

// Mean and variance of the sums of y and y * y over the rows: what a library's convolution leaves. Their rounding must not
// make a variance negative.
KERNEL(norm_from_sums, float* mean, float* variance, const float* sums, const float* squares, int rows, int channels) {
  for (long long c = first(); c < channels; c += step()) {
    const double middle = sums[c] / (double)rows;
    const double spread = squares[c] / (double)rows - middle * middle;
    mean[c] = (float)middle;
    variance[c] = spread < 0.0 ? 0.0f : (float)spread;
  }
}

// running = (1 - momentum) running + momentum batch, the variance times rows / (rows - 1).
KERNEL(norm_track, float* running_mean, float* running_variance, const float* mean, const float* variance, int rows,
       int channels, double momentum) {
  const double unbiased = rows > 1 ? rows / (rows - 1.0) : 1.0;
  for (long long c = first(); c < channels; c += step()) {
    running_mean[c] = (float)((1.0 - momentum) * running_mean[c] + momentum * mean[c]);
    running_variance[c] = (float)((1.0 - momentum) * running_variance[c] + momentum * variance[c] * unbiased);
  }
}

// A thread's channels of a float vector.
template <int W>
DEVICE Floats<W> channels_of(const float* vector, const NormPlace<W>& p) {
  if (!p.busy) return {};
  if (W > 1 && aligned(vector)) return load<W>(vector + p.channel);
  Floats<W> y;
  for (int e = 0; e < W; ++e) y.v[e] = vector[p.channel + e];
  return y;
}

// gamma / sqrt(variance + eps).
template <int W>
DEVICE Floats<W> scale_of(const float* gamma, const float* variance, float eps, const NormPlace<W>& p) {
  Floats<W> y = channels_of(gamma, p);
  const Floats<W> v = channels_of(variance, p);
  for (int e = 0; e < W; ++e) y.v[e] /= sqrt(v.v[e] + eps);
  return y;
}

// A piece's two sums of each channel, from those of its threads.
template <int W>
DEVICE void write_sums(double* partial, const Floats<W>& sum, const Floats<W>& product, const NormPlace<W>& p,
                       const NormCut& cut) {
  over_slots<W>(sum, product, cut.lanes, [&](int i, double s, double product_sum) {
    const int channel = p.first_channel + i;
    if (channel >= cut.channels) return;
    double* const to = partial + 2 * ((long long)p.piece * cut.channels + channel);
    to[0] = s;
    to[1] = product_sum;
  });
}

// What forward does to a thread's channels: (x - mean) scale + beta.
template <int W>
struct NormAffine {
  Floats<W> mean, scale, beta;

  DEVICE NormAffine(const float* gamma, const float* shift, const float* middle, const float* variance, float eps,
                    const NormPlace<W>& p)
      : mean(channels_of(middle, p)), scale(scale_of(gamma, variance, eps, p)), beta() {
    if (shift != nullptr) beta = channels_of(shift, p);
  }

  DEVICE float of(float x, int e) const { return (x - mean.v[e]) * scale.v[e] + beta.v[e]; }
};

template <int W, class S>
DEVICE void batch_forward(S* __restrict__ y, const S* __restrict__ x, const float* gamma, const float* beta,
                          const float* mean, const float* variance, const S* __restrict__ residual, int relu, float eps,
                          const NormCut& cut) {
  const float least = relu ? 0.0f : Max::none();
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    const NormAffine<W> affine(gamma, beta, mean, variance, eps, p);
    const long long begin = p.begin(cut), stride = p.stride(cut);
    if (residual == nullptr) {
      each_row<4>(p.own(), [&](int i) { return load<W>(x + begin + i * stride); }, [&](int i, Floats<W> v) {
        for (int e = 0; e < W; ++e) {
          const float z = affine.of(v.v[e], e);
          v.v[e] = z <= least ? least : z;
        }
        store(y + begin + i * stride, v);
      });
    } else {
      each_row<2>(
          p.own(), [&](int i) { return Two<W>{load<W>(x + begin + i * stride), load<W>(residual + begin + i * stride)}; },
          [&](int i, Two<W> v) {
            for (int e = 0; e < W; ++e) {
              const float z = affine.of(v.a.v[e], e) + v.b.v[e];
              v.a.v[e] = z <= least ? least : z;
            }
            store(y + begin + i * stride, v.a);
          });
    }
  }
}

// The piece's sums of dy and of dy (x - mean), in float by thread and in double from there on. With beta, dy counts where
// forward's ReLU let pass: it is worked out again, since x is read anyway and y would be one more.
template <int W, class S>
DEVICE void gradient_sums(double* __restrict__ partial, const S* __restrict__ dy, const S* __restrict__ x,
                          const float* gamma, const float* beta, const float* mean, const float* variance, float eps,
                          const NormCut& cut) {
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    const NormAffine<W> affine(gamma, beta, mean, variance, eps, p);
    Floats<W> sum = {}, product = {};
    const long long begin = p.begin(cut), stride = p.stride(cut);
    const auto read = [&](int i) { return Two<W>{load<W>(dy + begin + i * stride), load<W>(x + begin + i * stride)}; };
    const auto add = [&](float d, float v, int e) {
      sum.v[e] += d;
      product.v[e] += d * (v - affine.mean.v[e]);
    };
    if (beta == nullptr) {
      each_row<2>(p.own(), read, [&](int, const Two<W>& v) {
        for (int e = 0; e < W; ++e) add(v.a.v[e], v.b.v[e], e);
      });
    } else {
      each_row<2>(p.own(), read, [&](int, const Two<W>& v) {
        for (int e = 0; e < W; ++e) add(affine.of(v.b.v[e], e) > 0.0f ? v.a.v[e] : 0.0f, v.b.v[e], e);
      });
    }
    write_sums(partial, sum, product, p, cut);
  }
}

// The same where forward added a residual before its ReLU, so that y must tell what it let pass: that is written as the
// residual's gradient, and batch_backward reads it in place of dy.
template <int W, class S>
DEVICE void residual_sums(double* __restrict__ partial, S* __restrict__ dresidual, const S* __restrict__ dy,
                          const S* __restrict__ x, const float* mean, const S* __restrict__ y, const NormCut& cut) {
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    const Floats<W> middle = channels_of(mean, p);
    Floats<W> sum = {}, product = {};
    const long long begin = p.begin(cut), stride = p.stride(cut);
    each_row<2>(
        p.own(),
        [&](int i) {
          const long long at = begin + i * stride;
          return Three<W>{load<W>(dy + at), load<W>(x + at), load<W>(y + at)};
        },
        [&](int i, Three<W> v) {
          for (int e = 0; e < W; ++e) {
            const float d = v.c.v[e] > 0.0f ? v.a.v[e] : 0.0f;
            sum.v[e] += d;
            product.v[e] += d * (v.b.v[e] - middle.v[e]);
            v.a.v[e] = d;
          }
          store(dresidual + begin + i * stride, v.a);
        });
    write_sums(partial, sum, product, p, cut);
  }
}

// The same of layer norm, with mean and rstd of the rows: sums of dy and of dy (x - mean) rstd.
template <int W, class S>
DEVICE void layer_sums(double* __restrict__ partial, const S* __restrict__ dy, const S* __restrict__ x, const float* mean,
                       const float* rstd, const NormCut& cut) {
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    Floats<W> sum = {}, product = {};
    const int n = p.own();
    long long at = (long long)p.row * cut.channels + p.channel;
    for (int i = 0; i < n; ++i, at += (long long)p.slots * cut.channels) {
      const Floats<W> d = load<W>(dy + at);
      const Floats<W> v = load<W>(x + at);
      const float m = mean[p.row + i * p.slots], s = rstd[p.row + i * p.slots];
      for (int e = 0; e < W; ++e) {
        sum.v[e] += d.v[e];
        product.v[e] += d.v[e] * ((v.v[e] - m) * s);
      }
    }
    write_sums(partial, sum, product, p, cut);
  }
}

// dbeta = the first sums, dgamma = the second times 1 / sqrt(variance + eps); without a variance, times 1. Each may be left
// out. `means`, for batch_backward: dbeta / rows, and dgamma / rows times that factor.
KERNEL(norm_gradient_join, float* dgamma, float* dbeta, float* means, const double* partial, const float* variance,
       double eps, const NormCut cut) {
  const int slot = threadIdx.x / JOIN_LANES;
  for (int base = blockIdx.x * JOIN_LANES; base < cut.channels; base += gridDim.x * JOIN_LANES) {
    const int channel = base + threadIdx.x % JOIN_LANES;
    const bool busy = channel < cut.channels;
    double sum = 0.0, product = 0.0;
    for (int p = slot; busy && p < cut.pieces; p += THREADS / JOIN_LANES) {
      const double* from = partial + 2 * ((long long)p * cut.channels + channel);
      sum += from[0];
      product += from[1];
    }
    sum = over_slots(sum, JOIN_LANES);
    product = over_slots(product, JOIN_LANES);
    if (slot == 0 && busy) {
      const double rstd = variance == nullptr ? 1.0 : 1.0 / sqrt(variance[channel] + eps);
      if (dbeta != nullptr) dbeta[channel] = (float)sum;
      if (dgamma != nullptr) dgamma[channel] = (float)(product * rstd);
      if (means != nullptr) {
        means[channel] = (float)(sum / cut.rows);
        means[cut.channels + channel] = (float)(product * rstd * rstd / cut.rows);
      }
    }
  }
}

// dx = gamma / sqrt(variance + eps) (dy - mean(dy) - (x - mean) slope), dy as in gradient_sums.
template <int W, class S>
DEVICE void batch_backward(S* __restrict__ dx, const S* __restrict__ dy, const S* __restrict__ x, const float* gamma,
                           const float* beta, const float* mean, const float* variance, const float* means, float eps,
                           const NormCut& cut) {
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    const NormAffine<W> affine(gamma, beta, mean, variance, eps, p);
    const Floats<W> offset = channels_of(means, p), slope = channels_of(means + cut.channels, p);
    const long long begin = p.begin(cut), stride = p.stride(cut);
    const auto read = [&](int i) { return Two<W>{load<W>(dy + begin + i * stride), load<W>(x + begin + i * stride)}; };
    const auto slope_of = [&](float d, float v, int e) {
      return affine.scale.v[e] * (d - offset.v[e] - (v - affine.mean.v[e]) * slope.v[e]);
    };
    if (beta == nullptr) {
      each_row<2>(p.own(), read, [&](int i, Two<W> v) {
        for (int e = 0; e < W; ++e) v.a.v[e] = slope_of(v.a.v[e], v.b.v[e], e);
        store(dx + begin + i * stride, v.a);
      });
    } else {
      each_row<2>(p.own(), read, [&](int i, Two<W> v) {
        for (int e = 0; e < W; ++e) {
          v.a.v[e] = slope_of(affine.of(v.b.v[e], e) > 0.0f ? v.a.v[e] : 0.0f, v.b.v[e], e);
        }
        store(dx + begin + i * stride, v.a);
      });
    }
  }
}

// dx = dy gamma / sqrt(variance + eps).
template <int W, class S>
DEVICE void constant_backward(S* __restrict__ dx, const S* __restrict__ dy, const float* gamma, const float* variance,
                              float eps, const NormCut& cut) {
  for (int task = blockIdx.x; task < cut.pieces * cut.groups; task += gridDim.x) {
    const NormPlace<W> p(task, cut);
    const Floats<W> scale = scale_of(gamma, variance, eps, p);
    const long long begin = p.begin(cut), stride = p.stride(cut);
    each_row<4>(p.own(), [&](int i) { return load<W>(dy + begin + i * stride); }, [&](int i, Floats<W> d) {
      for (int e = 0; e < W; ++e) d.v[e] *= scale.v[e];
      store(dx + begin + i * stride, d);
    });
  }
}

#define NORM_CALL(name, S, ...)            \
  if (cut.packed) {                        \
    name<Pack<S>::WIDTH>(__VA_ARGS__);     \
  } else {                                 \
    name<1>(__VA_ARGS__);                  \
  }

#define NORM(S, type)                                                                                                 \
  KERNEL(norm_moments_##type, double* partial, const S* x, const NormCut cut) {                                       \
    NORM_CALL(moments, S, partial, x, cut)                                                                            \
  }                                                                                                                   \
  KERNEL(norm_batch_forward_##type, S* y, const S* x, const float* gamma, const float* beta, const float* mean,       \
         const float* variance, const S* residual, int relu, float eps, const NormCut cut) {                          \
    NORM_CALL(batch_forward, S, y, x, gamma, beta, mean, variance, residual, relu, eps, cut)                          \
  }                                                                                                                   \
  KERNEL(norm_gradient_sums_##type, double* partial, const S* dy, const S* x, const float* gamma, const float* beta,  \
         const float* mean, const float* variance, float eps, const NormCut cut) {                                    \
    NORM_CALL(gradient_sums, S, partial, dy, x, gamma, beta, mean, variance, eps, cut)                                \
  }                                                                                                                   \
  KERNEL(norm_residual_sums_##type, double* partial, S* dresidual, const S* dy, const S* x, const float* mean,         \
         const S* y, const NormCut cut) {                                                                             \
    NORM_CALL(residual_sums, S, partial, dresidual, dy, x, mean, y, cut)                                              \
  }                                                                                                                   \
  KERNEL(norm_layer_sums_##type, double* partial, const S* dy, const S* x, const float* mean, const float* rstd,      \
         const NormCut cut) {                                                                                         \
    NORM_CALL(layer_sums, S, partial, dy, x, mean, rstd, cut)                                                         \
  }                                                                                                                   \
  KERNEL(norm_batch_backward_##type, S* dx, const S* dy, const S* x, const float* gamma, const float* beta,           \
         const float* mean, const float* variance, const float* means, float eps, const NormCut cut) {                \
    NORM_CALL(batch_backward, S, dx, dy, x, gamma, beta, mean, variance, means, eps, cut)                             \
  }                                                                                                                   \
  KERNEL(norm_constant_backward_##type, S* dx, const S* dy, const float* gamma, const float* variance, float eps,     \
         const NormCut cut) {                                                                                         \
    NORM_CALL(constant_backward, S, dx, dy, gamma, variance, eps, cut)                                                \
  }
NORM(float, f32)
NORM(bf16, bf16)
