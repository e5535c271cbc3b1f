// y = x[0] + .. + x[n - 1], of floats.
//
//   reduction_1  a thread an element, added to the result by an atomic: the card does them one after another
//   reduction_2  a thread adds up many elements in a register first: one atomic a thread
//   reduction_3  a block adds up its threads' sums in shared memory, a second launch those of the blocks: no atomic, and so
//                the same bits every time
//   reduction_4  lanes of a warp add up by shuffles: two barriers a block in place of eight, hardly any shared memory
//   reduction_5  64 bytes a thread and turn, asked for at once, and the block that ends last does what the second launch did
#include "common.cuh"

// For those that add to it.
KERNEL(reduction_zero, float* y) {
  if (first() == 0) *y = 0.0f;
}

KERNEL(reduction_1, float* y, const float* x, long long n) {
  const long long i = first();
  if (i < n) atomicAdd(y, x[i]);
}

DEVICE float sum_of_thread(const float* x, long long n) {
  float sum = 0.0f;
  for (long long i = first(); i < n; i += step()) sum += x[i];
  return sum;
}

KERNEL(reduction_2, float* y, const float* x, long long n) { atomicAdd(y, sum_of_thread(x, n)); }

// y[block]; a second launch, of one block, adds those up.
KERNEL(reduction_3, float* y, const float* x, long long n) {
  __shared__ float sums[THREADS];
  sums[threadIdx.x] = sum_of_thread(x, n);
  for (unsigned half = THREADS / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0) y[blockIdx.x] = sums[0];
}

KERNEL(reduction_4, float* y, const float* x, long long n) {
  const float sum = over_block<Sum<float>>(sum_of_thread(x, n));
  if (threadIdx.x == 0) y[blockIdx.x] = sum;
}

// Blocks of the launch that have left their sum; 0 between launches.
__device__ unsigned reduction_blocks_done = 0;

KERNEL(reduction_5, float* y, float* partial, const float* x, long long n) {
  constexpr int W = Pack<float>::WIDTH, FOUR = 4;
  const long long turns = n / (THREADS * FOUR * W);
  float sums[FOUR] = {};
  for (long long t = blockIdx.x; t < turns; t += gridDim.x) {
    Pack<float> p[FOUR];
    for (int k = 0; k < FOUR; ++k) p[k] = packs(x)[t * (THREADS * FOUR) + k * THREADS + threadIdx.x];
    for (int k = 0; k < FOUR; ++k) sums[k] += (p[k].v[0] + p[k].v[1]) + (p[k].v[2] + p[k].v[3]);
  }
  const long long rest = turns * (THREADS * FOUR * W);
  const float own = (sums[0] + sums[1]) + (sums[2] + sums[3]) + sum_of_thread(x + rest, n - rest);
  const float sum = over_block<Sum<float>>(own);
  __shared__ bool last;
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    __threadfence();  // the sum is seen before the block is counted
    last = atomicAdd(&reduction_blocks_done, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last) return;
  __threadfence();
  // Who does it is chance; in which order the sums are added is not.
  float all = 0.0f;
  for (unsigned b = threadIdx.x; b < gridDim.x; b += THREADS) all += ((volatile float*)partial)[b];
  all = over_block<Sum<float>>(all);
  if (threadIdx.x == 0) {
    *y = all;
    reduction_blocks_done = 0;
  }
}
