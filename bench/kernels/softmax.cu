// y = exp(x - max) / sum of exp(x - max), over the rows of x [rows, columns], of floats.
//
//   softmax_1  a thread a row, in three passes over it: neighbouring lanes read a whole row apart
//   softmax_2  a block a row, in three passes: lanes read neighbours; each pass ends in a tree in shared memory
//   softmax_3  a warp a row: maximum and sum go over lanes by shuffles, and nobody waits at a barrier
//   softmax_4  maximum and sum in one pass, where a new maximum scales down what was summed: two passes over memory, not three
//   softmax_5  a row stays in registers, of a warp up to 1024 columns and of a block up to 8192: read once, 16 bytes at a time
#include "rows.cuh"

KERNEL(softmax_1, float* y, const float* x, int rows, int columns) {
  const long long row = first();
  if (row >= rows) return;
  const float* from = x + row * columns;
  float largest = Max::none(), sum = 0.0f;
  for (int c = 0; c < columns; ++c) largest = max_of(largest, from[c]);
  for (int c = 0; c < columns; ++c) sum += exp(from[c] - largest);
  for (int c = 0; c < columns; ++c) y[row * columns + c] = exp(from[c] - largest) / sum;
}

// Over the threads of a block, pairwise; every thread gets it.
template <class R>
DEVICE float over_tree(float x) {
  __shared__ float tree[THREADS];
  __syncthreads();  // the previous call's result has been read
  tree[threadIdx.x] = x;
  for (unsigned half = THREADS / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) tree[threadIdx.x] = R::of(tree[threadIdx.x], tree[threadIdx.x + half]);
  }
  __syncthreads();
  return tree[0];
}

KERNEL(softmax_2, float* y, const float* x, int rows, int columns) {
  for (long long row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* from = x + row * columns;
    float largest = Max::none(), sum = 0.0f;
    for (int c = threadIdx.x; c < columns; c += THREADS) largest = max_of(largest, from[c]);
    largest = over_tree<Max>(largest);
    for (int c = threadIdx.x; c < columns; c += THREADS) sum += exp(from[c] - largest);
    sum = over_tree<Sum<float>>(sum);
    for (int c = threadIdx.x; c < columns; c += THREADS) y[row * columns + c] = exp(from[c] - largest) / sum;
  }
}

KERNEL(softmax_3, float* y, const float* x, int rows, int columns) {
  const int lane = threadIdx.x % WARP;
  for (long long row = first() / WARP; row < rows; row += step() / WARP) {
    const float* from = x + row * columns;
    float largest = Max::none(), sum = 0.0f;
    for (int c = lane; c < columns; c += WARP) largest = max_of(largest, from[c]);
    largest = over_warp<Max>(largest);
    for (int c = lane; c < columns; c += WARP) sum += exp(from[c] - largest);
    sum = over_warp<Sum<float>>(sum);
    for (int c = lane; c < columns; c += WARP) y[row * columns + c] = exp(from[c] - largest) / sum;
  }
}

template <class Team>
DEVICE void softmax_in_two_passes(const Team team, float* y, const float* x, int rows, int columns) {
  for (long long begin = team.start(); begin < rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const int n = row < rows ? columns : 0;
    const float* from = x + row * columns;
    // That of no number is the lowest finite one, so that the difference of two is a number.
    float largest = -3.402823466e38f, sum = 0.0f;
    for (int c = team.rank(); c < n; c += team.size) {
      const float v = from[c];
      if (v > largest) {
        sum *= exp(largest - v);
        largest = v;
      }
      sum += exp(v - largest);
    }
    const float of_row = team.template fold<Max>(largest);
    sum = team.template fold<Sum<float>>(sum * exp(largest - of_row));
    const float scale = 1.0f / sum;
    for (int c = team.rank(); c < n; c += team.size) y[row * columns + c] = exp(from[c] - of_row) * scale;
  }
}

KERNEL(softmax_4, float* y, const float* x, int rows, int columns) {
  softmax_in_two_passes(Lanes{WARP}, y, x, rows, columns);
}

// Numbers of a row that a thread keeps.
constexpr int KEPT = 32;

template <int W, class Team>
DEVICE void softmax_in_one_pass(const Team team, float* y, const float* x, int rows, int columns) {
  for (long long begin = team.start(); begin < rows; begin += team.stride()) {
    const long long row = begin + team.row();
    const int n = row < rows ? columns : 0;
    Floats<W> v[KEPT / W];
    float largest = Max::none(), sum = 0.0f;
    for (int k = 0; k < KEPT / W; ++k) {
      const int c = (team.rank() + k * team.size) * W;
      if (c < n) {
        v[k] = load<W>(x + row * columns + c);
      } else {
        for (int e = 0; e < W; ++e) v[k].v[e] = Max::none();
      }
    }
    for (int k = 0; k < KEPT / W; ++k) {
      for (int e = 0; e < W; ++e) largest = max_of(largest, v[k].v[e]);
    }
    largest = team.template fold<Max>(largest);
    for (int k = 0; k < KEPT / W; ++k) {
      for (int e = 0; e < W; ++e) sum += v[k].v[e] = exp(v[k].v[e] - largest);
    }
    const float scale = 1.0f / team.template fold<Sum<float>>(sum);
    for (int k = 0; k < KEPT / W; ++k) {
      const int c = (team.rank() + k * team.size) * W;
      if (c < n) {
        for (int e = 0; e < W; ++e) v[k].v[e] *= scale;
        store(y + row * columns + c, v[k]);
      }
    }
  }
}

template <class Team>
DEVICE void softmax_kept(const Team team, float* y, const float* x, int rows, int columns) {
  if (columns % Pack<float>::WIDTH == 0) {
    softmax_in_one_pass<Pack<float>::WIDTH>(team, y, x, rows, columns);
  } else {
    softmax_in_one_pass<1>(team, y, x, rows, columns);
  }
}

KERNEL(softmax_5, float* y, const float* x, int rows, int columns) {
  softmax_kept(Lanes{WARP}, y, x, rows, columns);
}

KERNEL(softmax_5_block, float* y, const float* x, int rows, int columns) {
  softmax_kept(Block{}, y, x, rows, columns);
}

KERNEL(softmax_5_long, float* y, const float* x, int rows, int columns) {
  softmax_in_two_passes(Block{}, y, x, rows, columns);
}
