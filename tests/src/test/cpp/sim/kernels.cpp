// Kernels to try the shim with: right ones, and each with a bug planted.
#include "common.cuh"

// --- Right. ---

KERNEL(test_sum, float* sums, const float* x, int n) {
  float sum = 0;
  for (long long i = first(); i < n; i += step()) sum += x[i];
  sum = over_block<Sum<float>>(sum);
  const float largest = over_block<Max>(threadIdx.x == 0 ? sum : -1.0f);
  if (threadIdx.x == 0) sums[blockIdx.x] = largest;
}

constexpr int TILE = 16;

KERNEL(test_transpose, float* y, const float* x, int rows, int columns) {
  __shared__ float tile[TILE][TILE + 1];
  const int i = threadIdx.x / TILE, j = threadIdx.x % TILE;
  const int row = blockIdx.y * TILE, column = blockIdx.x * TILE;
  if (row + i < rows && column + j < columns) tile[i][j] = x[(row + i) * columns + column + j];
  __syncthreads();
  if (column + i < columns && row + j < rows) y[(column + i) * rows + row + j] = tile[j][i];
}

// Counts of 0..15, the largest, and how often a thread was the first to see a value.
KERNEL(test_atomics, int* counts, int* largest, unsigned* firsts, float* sum, const int* x, int n) {
  __shared__ int here[16];
  if (threadIdx.x < 16) here[threadIdx.x] = 0;
  __syncthreads();
  for (long long i = first(); i < n; i += step()) {
    atomicAdd(&here[x[i]], 1);
    atomicMax(largest, x[i]);
    atomicCAS(&firsts[x[i]], 0u, (unsigned)i + 1);
    atomicAdd(sum, (float)x[i]);
  }
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&counts[threadIdx.x], here[threadIdx.x]);
}

// Threads from n on end before the barriers that the others reach.
KERNEL(test_early_exit, int* y, int n) {
  __shared__ int values[THREADS];
  const int t = threadIdx.x;
  if (t >= n) return;
  values[t] = t;
  __syncthreads();
  const int lanes = __popc(__ballot_sync(ALL_LANES, 1));
  __syncthreads();
  y[t] = values[n - 1 - t] + 1000 * lanes;
}

// Every way to exchange, in groups of 8 lanes; a struct, a char and a double among the arguments.
struct Pair {
  int a;
  double b;
};

KERNEL(test_lanes, double* y, char add, Pair pair, float factor) {
  const int lane = threadIdx.x % WARP;
  const double x = lane * pair.b;
  double sum = __shfl_sync(ALL_LANES, x, 3, 8) + __shfl_up_sync(ALL_LANES, x, 2, 8) + __shfl_down_sync(ALL_LANES, x, 2, 8) +
               __shfl_xor_sync(ALL_LANES, x, 5, 8);
  if (lane >= 16) sum += __shfl_sync(0xffff0000u, 1.0f, 20);  // half of the warp
  __syncwarp();
  if (__any_sync(ALL_LANES, lane == 7)) sum += add;
  if (__all_sync(ALL_LANES, lane < 32)) sum += pair.a;
  y[threadIdx.x] = sum * factor;
}

KERNEL(test_copy, float* y, const float* x, long long n) {
  for (long long i = first(); i < n; i += step()) y[i] = x[i];
}

KERNEL(test_add_one, float* x, long long n) {
  for (long long i = first(); i < n; i += step()) x[i] += 1;
}

KERNEL(test_nothing) {}

// --- Wrong. ---

// The barrier between writing and reading is missing: reads what a later, or an earlier, thread writes.
KERNEL(wrong_without_barrier, int* y, int from) {
  __shared__ int values[THREADS];
  values[threadIdx.x] = threadIdx.x;
  y[threadIdx.x] = values[(threadIdx.x + from) % THREADS];
}

// The barrier before the variable is used again is missing.
KERNEL(wrong_without_second_barrier, int* y, int from) {
  __shared__ int values[THREADS];
  for (int turn = 0; turn < 2; ++turn) {
    values[threadIdx.x] = turn * 1000 + threadIdx.x;
    __syncthreads();
    y[turn * THREADS + threadIdx.x] = values[(threadIdx.x + from) % THREADS];
  }
}

// The last of five steps is missing.
KERNEL(wrong_offset, float* sums, const float* x) {
  float sum = x[threadIdx.x];
  for (int other = 16; other > 1; other /= 2) sum += __shfl_down_sync(ALL_LANES, sum, other);
  if (threadIdx.x % WARP == 0) sums[threadIdx.x / WARP] = sum;
}

// Names half of the lanes, and all call.
KERNEL(wrong_mask, float* y) { y[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.0f, 1); }

// Reads from lanes that have ended.
KERNEL(wrong_lane, float* y) {
  y[threadIdx.x] = 0;
  if (threadIdx.x % WARP >= 16) return;
  y[threadIdx.x] = __shfl_down_sync(ALL_LANES, 1.0f, 8);
}

// A lane waits for others that wait elsewhere.
KERNEL(wrong_divergent_lanes) {
  if (threadIdx.x % WARP != 5) {
    __shfl_xor_sync(ALL_LANES, 1.0f, 1);
  } else {
    __syncthreads();
  }
}

KERNEL(wrong_divergent_barrier, int* y) {
  if (threadIdx.x < 100) {
    y[threadIdx.x] = 1;
    __syncthreads();
  } else {
    y[threadIdx.x] = 2;
    __syncthreads();
  }
}

KERNEL(wrong_barrier_in_warp, int* y) {
  if (threadIdx.x == 77) __syncwarp();
  y[threadIdx.x] = 1;
  __syncthreads();
}

// One element too many.
KERNEL(wrong_bound, float* y, long long n) {
  for (long long i = first(); i <= n; i += step()) y[i] = 1;
}

// One element too few in front.
KERNEL(wrong_start, float* y, long long n) {
  for (long long i = first() - 1; i < n; i += step()) y[i] = 1;
}

// Right for a grid of exactly n / 256 blocks.
KERNEL(wrong_grid, float* y) { y[blockIdx.x * THREADS + threadIdx.x] = 1; }
