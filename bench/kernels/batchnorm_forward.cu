// Batch norm in training, over the rows of x [rows, channels], of floats: mean and variance of each channel, rstd = 1 /
// sqrt(variance + eps), y = (x - mean) rstd gamma + beta. Mean and rstd are kept for backward.
//
//   batchnorm_forward_1  a thread a channel, in three passes down the rows: neighbours are read, by a handful of warps
//   batchnorm_forward_2  a block a channel: many more threads, but each lane reads a row of its own, 4 of 32 bytes
//   batchnorm_forward_3  a block 32 channels, a warp a row: neighbours again; few blocks where channels are few
//   batchnorm_forward_4  rows are cut into pieces too, so that blocks fill the card: statistics of pieces, their join, and
//                        y are three launches
//   batchnorm_forward_5  a piece's statistics in one pass, as distances from its first number, and 16 bytes a thread and turn:
//                        two reads of x, not three
//   batchnorm_forward_6  y is made from the last piece to the first: what the statistics read last is still in the L2 cache
//   batchnorm_forward_7  a thread asks for four of its rows before it uses the first: memory answers late, and with one on its
//                        way a thread, a card has too little on its way to keep memory busy
#include "common.cuh"

KERNEL(batchnorm_forward_1, float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
       int rows, int channels, float eps) {
  const long long c = first();
  if (c >= channels) return;
  float sum = 0.0f, squares = 0.0f;
  for (int r = 0; r < rows; ++r) sum += x[(long long)r * channels + c];
  const float middle = sum / rows;
  for (int r = 0; r < rows; ++r) {
    const float d = x[(long long)r * channels + c] - middle;
    squares += d * d;
  }
  const float scale = 1.0f / sqrt(squares / rows + eps);
  for (int r = 0; r < rows; ++r) {
    const long long at = (long long)r * channels + c;
    y[at] = (x[at] - middle) * scale * gamma[c] + beta[c];
  }
  mean[c] = middle;
  rstd[c] = scale;
}

KERNEL(batchnorm_forward_2, float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
       int rows, int channels, float eps) {
  for (int c = blockIdx.x; c < channels; c += gridDim.x) {
    float sum = 0.0f, squares = 0.0f;
    for (int r = threadIdx.x; r < rows; r += THREADS) sum += x[(long long)r * channels + c];
    const float middle = over_block<Sum<float>>(sum) / rows;
    for (int r = threadIdx.x; r < rows; r += THREADS) {
      const float d = x[(long long)r * channels + c] - middle;
      squares += d * d;
    }
    const float scale = 1.0f / sqrt(over_block<Sum<float>>(squares) / rows + eps);
    for (int r = threadIdx.x; r < rows; r += THREADS) {
      const long long at = (long long)r * channels + c;
      y[at] = (x[at] - middle) * scale * gamma[c] + beta[c];
    }
    if (threadIdx.x == 0) {
      mean[c] = middle;
      rstd[c] = scale;
    }
  }
}

// Over the warps of a block, lane by lane, in an order that never changes; every thread gets the sum of its lane.
template <class A>
DEVICE A forward_over_warps(A x) {
  __shared__ A partial[WARPS][WARP];
  __syncthreads();  // the previous call's result has been read
  partial[threadIdx.x / WARP][threadIdx.x % WARP] = x;
  __syncthreads();
  x = A(0);
  for (int w = 0; w < WARPS; ++w) x += partial[w][threadIdx.x % WARP];
  return x;
}

KERNEL(batchnorm_forward_3, float* y, float* mean, float* rstd, const float* x, const float* gamma, const float* beta,
       int rows, int channels, float eps) {
  const int warp = threadIdx.x / WARP;
  for (int base = blockIdx.x * WARP; base < channels; base += gridDim.x * WARP) {
    const int c = base + threadIdx.x % WARP;
    const int end = c < channels ? rows : 0;
    float sum = 0.0f, squares = 0.0f;
    for (int r = warp; r < end; r += WARPS) sum += x[(long long)r * channels + c];
    const float middle = forward_over_warps(sum) / rows;
    for (int r = warp; r < end; r += WARPS) {
      const float d = x[(long long)r * channels + c] - middle;
      squares += d * d;
    }
    const float scale = 1.0f / sqrt(forward_over_warps(squares) / rows + eps);
    for (int r = warp; r < end; r += WARPS) {
      const long long at = (long long)r * channels + c;
      y[at] = (x[at] - middle) * scale * gamma[c] + beta[c];
    }
    if (warp == 0 && c < channels) {
      mean[c] = middle;
      rstd[c] = scale;
    }
  }
}

// Which rows and channels a block has: blocks lie side by side over the channels, W channels a lane, and below each other
// over pieces of `length` rows. A warp takes every eighth row of its piece.
template <int W>
struct ForwardPlace {
  int piece, channel, row, end, begin;

  DEVICE ForwardPlace(int block, int rows, int channels, int length) {
    const int across = (channels + WARP * W - 1) / (WARP * W);
    piece = block / across;
    channel = (block % across * WARP + (int)(threadIdx.x % WARP)) * W;
    begin = piece * length;
    end = min(rows - begin, length) + begin;
    row = channel < channels ? begin + (int)(threadIdx.x / WARP) : end;
  }
};

// partial[piece][channel]: mean, and sum of squared distances from it.
KERNEL(batchnorm_forward_4_pieces, float* partial, const float* x, int rows, int channels, int length) {
  const ForwardPlace<1> p(blockIdx.x, rows, channels, length);
  float sum = 0.0f, squares = 0.0f;
  for (int r = p.row; r < p.end; r += WARPS) sum += x[(long long)r * channels + p.channel];
  const float middle = forward_over_warps(sum) / (p.end - p.begin);
  for (int r = p.row; r < p.end; r += WARPS) {
    const float d = x[(long long)r * channels + p.channel] - middle;
    squares += d * d;
  }
  squares = forward_over_warps(squares);
  if (threadIdx.x < WARP && p.channel < channels) {
    float* const to = partial + 2 * ((long long)p.piece * channels + p.channel);
    to[0] = middle;
    to[1] = squares;
  }
}

// A warp a channel, its lanes over the pieces.
KERNEL(batchnorm_forward_join, float* mean, float* rstd, const float* partial, int rows, int channels, int length, float eps) {
  const int lane = threadIdx.x % WARP, pieces = (rows + length - 1) / length;
  for (long long c = first() / WARP; c < channels; c += step() / WARP) {
    double sum = 0.0, squares = 0.0;
    for (int p = lane; p < pieces; p += WARP) {
      sum += min(rows - p * length, length) * (double)partial[2 * ((long long)p * channels + c)];
    }
    const double middle = over_warp<Sum<double>>(sum) / rows;
    for (int p = lane; p < pieces; p += WARP) {
      const float* from = partial + 2 * ((long long)p * channels + c);
      squares += from[1] + min(rows - p * length, length) * (from[0] - middle) * (from[0] - middle);
    }
    squares = over_warp<Sum<double>>(squares);
    if (lane == 0) {
      mean[c] = (float)middle;
      rstd[c] = (float)(1.0 / sqrt(squares / rows + eps));
    }
  }
}

// A lane's numbers of a vector of the channels.
template <int W>
DEVICE Floats<W> forward_vector(const float* v, int channel, int channels) {
  Floats<W> y = {};
  for (int e = 0; e < W && channel < channels; ++e) y.v[e] = v[channel + e];
  return y;
}

// use(r, row r of x) for a thread's rows: BATCH of them are read before the first is used.
template <int BATCH, int W, class F>
DEVICE void forward_rows(const float* x, int channels, const ForwardPlace<W>& p, F use) {
  int r = p.row;
#pragma unroll 1
  for (; r + (BATCH - 1) * WARPS < p.end; r += BATCH * WARPS) {
    Floats<W> v[BATCH];
    for (int k = 0; k < BATCH; ++k) v[k] = load<W>(x + (long long)(r + k * WARPS) * channels + p.channel);
    for (int k = 0; k < BATCH; ++k) use(r + k * WARPS, v[k]);
  }
#pragma unroll 1
  for (; r < p.end; r += WARPS) use(r, load<W>(x + (long long)r * channels + p.channel));
}

template <int BATCH, int W>
DEVICE void forward_apply(float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
                          const float* beta, int channels, const ForwardPlace<W>& p) {
  const Floats<W> middle = forward_vector<W>(mean, p.channel, channels), offset = forward_vector<W>(beta, p.channel, channels);
  Floats<W> scale = forward_vector<W>(rstd, p.channel, channels);
  const Floats<W> slope = forward_vector<W>(gamma, p.channel, channels);
  for (int e = 0; e < W; ++e) scale.v[e] *= slope.v[e];
  forward_rows<BATCH>(x, channels, p, [&](int r, Floats<W> v) {
    for (int e = 0; e < W; ++e) v.v[e] = (v.v[e] - middle.v[e]) * scale.v[e] + offset.v[e];
    store(y + (long long)r * channels + p.channel, v);
  });
}

KERNEL(batchnorm_forward_4, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  forward_apply<1>(y, x, mean, rstd, gamma, beta, channels, ForwardPlace<1>(blockIdx.x, rows, channels, length));
}

// A thread's numbers are summed as distances from the first of its piece, which loses little; the variance is then the mean
// square less the square of the mean.
template <int BATCH, int W>
DEVICE void forward_pieces(float* partial, const float* x, int rows, int channels, int length) {
  const ForwardPlace<W> p(blockIdx.x, rows, channels, length);
  Floats<W> shift = {}, sum = {}, squares = {};
  if (p.channel < channels) shift = load<W>(x + (long long)p.begin * channels + p.channel);
  forward_rows<BATCH>(x, channels, p, [&](int, const Floats<W>& v) {
    for (int e = 0; e < W; ++e) {
      const float d = v.v[e] - shift.v[e];
      sum.v[e] += d;
      squares.v[e] += d * d;
    }
  });
  for (int e = 0; e < W; ++e) {
    const double n = p.end - p.begin;
    const double all = forward_over_warps((double)sum.v[e]), square = forward_over_warps((double)squares.v[e]);
    if (threadIdx.x < WARP && p.channel < channels) {
      float* const to = partial + 2 * ((long long)p.piece * channels + p.channel + e);
      const double spread = square - all * all / n;
      to[0] = (float)(shift.v[e] + all / n);
      to[1] = spread > 0.0 ? (float)spread : 0.0f;
    }
  }
}

// Lanes of four channels, and lanes of one where channels are no multiple of four.
KERNEL(batchnorm_forward_5_pieces, float* partial, const float* x, int rows, int channels, int length) {
  forward_pieces<1, Pack<float>::WIDTH>(partial, x, rows, channels, length);
}

KERNEL(batchnorm_forward_5_pieces_odd, float* partial, const float* x, int rows, int channels, int length) {
  forward_pieces<1, 1>(partial, x, rows, channels, length);
}

KERNEL(batchnorm_forward_5, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  constexpr int W = Pack<float>::WIDTH;
  forward_apply<1>(y, x, mean, rstd, gamma, beta, channels, ForwardPlace<W>(blockIdx.x, rows, channels, length));
}

KERNEL(batchnorm_forward_5_odd, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  forward_apply<1>(y, x, mean, rstd, gamma, beta, channels, ForwardPlace<1>(blockIdx.x, rows, channels, length));
}

KERNEL(batchnorm_forward_6, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  constexpr int W = Pack<float>::WIDTH;
  const int block = gridDim.x - 1 - blockIdx.x;
  forward_apply<1>(y, x, mean, rstd, gamma, beta, channels, ForwardPlace<W>(block, rows, channels, length));
}

KERNEL(batchnorm_forward_6_odd, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  const int block = gridDim.x - 1 - blockIdx.x;
  forward_apply<1>(y, x, mean, rstd, gamma, beta, channels, ForwardPlace<1>(block, rows, channels, length));
}

constexpr int ROWS_AT_ONCE = 4;

KERNEL(batchnorm_forward_7_pieces, float* partial, const float* x, int rows, int channels, int length) {
  forward_pieces<ROWS_AT_ONCE, Pack<float>::WIDTH>(partial, x, rows, channels, length);
}

KERNEL(batchnorm_forward_7_pieces_odd, float* partial, const float* x, int rows, int channels, int length) {
  forward_pieces<ROWS_AT_ONCE, 1>(partial, x, rows, channels, length);
}

KERNEL(batchnorm_forward_7, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  constexpr int W = Pack<float>::WIDTH;
  const ForwardPlace<W> p(gridDim.x - 1 - blockIdx.x, rows, channels, length);
  forward_apply<ROWS_AT_ONCE>(y, x, mean, rstd, gamma, beta, channels, p);
}

KERNEL(batchnorm_forward_7_odd, float* y, const float* x, const float* mean, const float* rstd, const float* gamma,
       const float* beta, int rows, int channels, int length) {
  const ForwardPlace<1> p(gridDim.x - 1 - blockIdx.x, rows, channels, length);
  forward_apply<ROWS_AT_ONCE>(y, x, mean, rstd, gamma, beta, channels, p);
}
