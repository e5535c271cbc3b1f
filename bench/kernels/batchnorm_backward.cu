// Batch norm's gradients in training, over the rows of dy and x [rows, channels], of floats, with n = (x - mean) rstd:
//
//   dbeta = sum of dy;  dgamma = sum of dy n;  dx = gamma rstd (dy - dbeta / rows - n dgamma / rows)
//
//   batchnorm_backward_1  a thread a channel, in two passes down the rows: neighbours are read, by a handful of warps
//   batchnorm_backward_2  a block a channel: many more threads, but each lane reads a row of its own, 4 of 32 bytes
//   batchnorm_backward_3  a block 32 channels, a warp a row: neighbours again; few blocks where channels are few
//   batchnorm_backward_4  rows are cut into pieces too, so that blocks fill the card: sums of pieces, their join, and dx are
//                         three launches
//   batchnorm_backward_5  16 bytes a thread and turn, and dx = a dy + b x + c with three numbers a channel, made once by the join
//   batchnorm_backward_6  dx is made from the last piece to the first: what the sums read last is still in the L2 cache
#include "common.cuh"

// What dx needs of a channel.
struct BackwardChannel {
  float mean, rstd, scale, offset, slope;

  // `sum` of dy, `product` of dy n.
  DEVICE BackwardChannel(float mean_, float rstd_, float gamma, float sum, float product, int rows)
      : mean(mean_), rstd(rstd_), scale(gamma * rstd_), offset(sum / rows), slope(product / rows) {}

  DEVICE float dx(float dy, float x) const { return scale * (dy - offset - (x - mean) * rstd * slope); }
};

KERNEL(batchnorm_backward_1, float* dx, float* dgamma, float* dbeta, const float* dy, const float* x, const float* gamma,
       const float* mean, const float* rstd, int rows, int channels) {
  const long long c = first();
  if (c >= channels) return;
  float sum = 0.0f, product = 0.0f;
  for (int r = 0; r < rows; ++r) {
    const long long at = (long long)r * channels + c;
    sum += dy[at];
    product += dy[at] * ((x[at] - mean[c]) * rstd[c]);
  }
  const BackwardChannel of(mean[c], rstd[c], gamma[c], sum, product, rows);
  for (int r = 0; r < rows; ++r) {
    const long long at = (long long)r * channels + c;
    dx[at] = of.dx(dy[at], x[at]);
  }
  dgamma[c] = product;
  dbeta[c] = sum;
}

KERNEL(batchnorm_backward_2, float* dx, float* dgamma, float* dbeta, const float* dy, const float* x, const float* gamma,
       const float* mean, const float* rstd, int rows, int channels) {
  for (int c = blockIdx.x; c < channels; c += gridDim.x) {
    float sum = 0.0f, product = 0.0f;
    for (int r = threadIdx.x; r < rows; r += THREADS) {
      const long long at = (long long)r * channels + c;
      sum += dy[at];
      product += dy[at] * ((x[at] - mean[c]) * rstd[c]);
    }
    sum = over_block<Sum<float>>(sum);
    product = over_block<Sum<float>>(product);
    const BackwardChannel of(mean[c], rstd[c], gamma[c], sum, product, rows);
    for (int r = threadIdx.x; r < rows; r += THREADS) {
      const long long at = (long long)r * channels + c;
      dx[at] = of.dx(dy[at], x[at]);
    }
    if (threadIdx.x == 0) {
      dgamma[c] = product;
      dbeta[c] = sum;
    }
  }
}

// Over the warps of a block, lane by lane, in an order that never changes; every thread gets the sum of its lane.
DEVICE float backward_over_warps(float x) {
  __shared__ float partial[WARPS][WARP];
  __syncthreads();  // the previous call's result has been read
  partial[threadIdx.x / WARP][threadIdx.x % WARP] = x;
  __syncthreads();
  x = 0.0f;
  for (int w = 0; w < WARPS; ++w) x += partial[w][threadIdx.x % WARP];
  return x;
}

KERNEL(batchnorm_backward_3, float* dx, float* dgamma, float* dbeta, const float* dy, const float* x, const float* gamma,
       const float* mean, const float* rstd, int rows, int channels) {
  const int warp = threadIdx.x / WARP;
  for (int base = blockIdx.x * WARP; base < channels; base += gridDim.x * WARP) {
    const int c = base + threadIdx.x % WARP;
    const bool here = c < channels;
    const float middle = here ? mean[c] : 0.0f, scale = here ? rstd[c] : 0.0f;
    const int end = here ? rows : 0;
    float sum = 0.0f, product = 0.0f;
    for (int r = warp; r < end; r += WARPS) {
      const long long at = (long long)r * channels + c;
      sum += dy[at];
      product += dy[at] * ((x[at] - middle) * scale);
    }
    sum = backward_over_warps(sum);
    product = backward_over_warps(product);
    const BackwardChannel of(middle, scale, here ? gamma[c] : 0.0f, sum, product, rows);
    for (int r = warp; r < end; r += WARPS) {
      const long long at = (long long)r * channels + c;
      dx[at] = of.dx(dy[at], x[at]);
    }
    if (warp == 0 && here) {
      dgamma[c] = product;
      dbeta[c] = sum;
    }
  }
}

// Which rows and channels a block has: blocks lie side by side over the channels, W channels a lane, and below each other
// over pieces of `length` rows. A warp takes every eighth row of its piece.
template <int W>
struct BackwardPlace {
  int piece, channel, row, end;

  DEVICE BackwardPlace(int block, int rows, int channels, int length) {
    const int across = (channels + WARP * W - 1) / (WARP * W);
    piece = block / across;
    channel = (block % across * WARP + (int)(threadIdx.x % WARP)) * W;
    const int begin = piece * length;
    end = min(rows - begin, length) + begin;
    row = channel < channels ? begin + (int)(threadIdx.x / WARP) : end;
  }
};

// A lane's numbers of a vector of the channels.
template <int W>
DEVICE Floats<W> backward_vector(const float* v, int channel, int channels) {
  Floats<W> y = {};
  for (int e = 0; e < W && channel < channels; ++e) y.v[e] = v[channel + e];
  return y;
}

// partial[piece][channel]: the sums of dy and of dy n.
template <int W>
DEVICE void backward_pieces(float* partial, const float* dy, const float* x, const float* mean, const float* rstd, int rows,
                            int channels, int length) {
  const BackwardPlace<W> p(blockIdx.x, rows, channels, length);
  const Floats<W> middle = backward_vector<W>(mean, p.channel, channels);
  const Floats<W> scale = backward_vector<W>(rstd, p.channel, channels);
  Floats<W> sum = {}, product = {};
#pragma unroll 4
  for (int r = p.row; r < p.end; r += WARPS) {
    const long long at = (long long)r * channels + p.channel;
    const Floats<W> d = load<W>(dy + at), v = load<W>(x + at);
    for (int e = 0; e < W; ++e) {
      sum.v[e] += d.v[e];
      product.v[e] += d.v[e] * ((v.v[e] - middle.v[e]) * scale.v[e]);
    }
  }
  for (int e = 0; e < W; ++e) {
    const float all = backward_over_warps(sum.v[e]), products = backward_over_warps(product.v[e]);
    if (threadIdx.x < WARP && p.channel < channels) {
      float* const to = partial + 2 * ((long long)p.piece * channels + p.channel + e);
      to[0] = all;
      to[1] = products;
    }
  }
}

// A warp a channel, its lanes over the pieces. `line`: dx = line[0] dy + line[1] x + line[2], where it is asked for.
KERNEL(batchnorm_backward_join, float* dgamma, float* dbeta, float* line, const float* partial, const float* gamma,
       const float* mean, const float* rstd, int rows, int channels, int length) {
  const int lane = threadIdx.x % WARP, pieces = (rows + length - 1) / length;
  for (long long c = first() / WARP; c < channels; c += step() / WARP) {
    double sum = 0.0, product = 0.0;
    for (int p = lane; p < pieces; p += WARP) {
      sum += partial[2 * ((long long)p * channels + c)];
      product += partial[2 * ((long long)p * channels + c) + 1];
    }
    sum = over_warp<Sum<double>>(sum);
    product = over_warp<Sum<double>>(product);
    if (lane == 0) {
      dgamma[c] = (float)product;
      dbeta[c] = (float)sum;
      if (line != nullptr) {
        const double scale = (double)gamma[c] * rstd[c], slope = -scale * rstd[c] * product / rows;
        line[c] = (float)scale;
        line[channels + c] = (float)slope;
        line[2 * channels + c] = (float)(-scale * sum / rows - slope * mean[c]);
      }
    }
  }
}

KERNEL(batchnorm_backward_4_pieces, float* partial, const float* dy, const float* x, const float* mean, const float* rstd,
       int rows, int channels, int length) {
  backward_pieces<1>(partial, dy, x, mean, rstd, rows, channels, length);
}

KERNEL(batchnorm_backward_4, float* dx, const float* dy, const float* x, const float* gamma, const float* mean,
       const float* rstd, const float* dgamma, const float* dbeta, int rows, int channels, int length) {
  const BackwardPlace<1> p(blockIdx.x, rows, channels, length);
  if (p.channel >= channels) return;
  const int c = p.channel;
  const BackwardChannel of(mean[c], rstd[c], gamma[c], dbeta[c], dgamma[c], rows);
  for (int r = p.row; r < p.end; r += WARPS) {
    const long long at = (long long)r * channels + c;
    dx[at] = of.dx(dy[at], x[at]);
  }
}

template <int W>
DEVICE void backward_apply(float* dx, const float* dy, const float* x, const float* line, int channels,
                           const BackwardPlace<W>& p) {
  const Floats<W> a = backward_vector<W>(line, p.channel, channels);
  const Floats<W> b = backward_vector<W>(line + channels, p.channel, channels);
  const Floats<W> c = backward_vector<W>(line + 2 * channels, p.channel, channels);
#pragma unroll 4
  for (int r = p.row; r < p.end; r += WARPS) {
    const long long at = (long long)r * channels + p.channel;
    Floats<W> d = load<W>(dy + at);
    const Floats<W> v = load<W>(x + at);
    for (int e = 0; e < W; ++e) d.v[e] = a.v[e] * d.v[e] + (b.v[e] * v.v[e] + c.v[e]);
    store(dx + at, d);
  }
}

// Lanes of four channels, and lanes of one where channels are no multiple of four.
KERNEL(batchnorm_backward_5_pieces, float* partial, const float* dy, const float* x, const float* mean, const float* rstd,
       int rows, int channels, int length) {
  backward_pieces<Pack<float>::WIDTH>(partial, dy, x, mean, rstd, rows, channels, length);
}

KERNEL(batchnorm_backward_5, float* dx, const float* dy, const float* x, const float* line, int rows, int channels,
       int length) {
  backward_apply(dx, dy, x, line, channels, BackwardPlace<Pack<float>::WIDTH>(blockIdx.x, rows, channels, length));
}

KERNEL(batchnorm_backward_5_odd, float* dx, const float* dy, const float* x, const float* line, int rows, int channels,
       int length) {
  backward_apply(dx, dy, x, line, channels, BackwardPlace<1>(blockIdx.x, rows, channels, length));
}

KERNEL(batchnorm_backward_6, float* dx, const float* dy, const float* x, const float* line, int rows, int channels,
       int length) {
  const int block = gridDim.x - 1 - blockIdx.x;
  backward_apply(dx, dy, x, line, channels, BackwardPlace<Pack<float>::WIDTH>(block, rows, channels, length));
}

KERNEL(batchnorm_backward_6_odd, float* dx, const float* dy, const float* x, const float* line, int rows, int channels,
       int length) {
  const int block = gridDim.x - 1 - blockIdx.x;
  backward_apply(dx, dy, x, line, channels, BackwardPlace<1>(block, rows, channels, length));
}
