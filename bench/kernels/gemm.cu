// C[m, n] = A[m, k] B[k, n], row-major, of floats, with no tensor cores: what counts is how often a number is used once it
// was fetched.
//
//   gemm_1  a thread a result, neighbouring threads in neighbouring rows: each lane reads a row of A of its own
//   gemm_2  a thread a result, neighbours in neighbouring columns: B is read by neighbours, A by all lanes at once
//   gemm_3  16 x 16 results a block: what its threads bring into shared memory serves 16 results, not one
//   gemm_4  64 x 64 results a block, 4 x 4 a thread: 8 numbers read from shared memory make 16 products, not 2 one
//   gemm_5  128 x 128 results a block, 8 x 8 a thread, 16 bytes at a time: 16 numbers read make 64 products, in four reads
//   gemm_6  the next panels come into registers while these are multiplied: no waiting for memory, one barrier a step, not two
#include "common.cuh"

DEVICE float product_of(const float* a, const float* b, long long row, long long column, int n, int k) {
  float sum = 0.0f;
  for (int i = 0; i < k; ++i) sum += a[row * k + i] * b[(long long)i * n + column];
  return sum;
}

KERNEL(gemm_1, float* c, const float* a, const float* b, int m, int n, int k) {
  const long long i = first();
  if (i < (long long)m * n) c[i % m * n + i / m] = product_of(a, b, i % m, i / m, n, k);
}

KERNEL(gemm_2, float* c, const float* a, const float* b, int m, int n, int k) {
  const long long i = first();
  if (i < (long long)m * n) c[i] = product_of(a, b, i / n, i % n, n, k);
}

// A number of A or B, or 0 outside.
DEVICE float number_at(const float* x, int row, int column, int rows, int columns) {
  return row < rows && column < columns ? x[(long long)row * columns + column] : 0.0f;
}

// Where block number `block` of `side` x `side` results begins: neighbours share their rows.
struct GemmTile {
  int row, column;

  DEVICE GemmTile(long long block, int n, int side) {
    const int across = (n + side - 1) / side;
    row = (int)(block / across) * side;
    column = (int)(block % across) * side;
  }
};

KERNEL(gemm_3, float* c, const float* a, const float* b, int m, int n, int k) {
  constexpr int EDGE = 16;
  __shared__ float left[EDGE][EDGE], right[EDGE][EDGE];
  const GemmTile tile(blockIdx.x, n, EDGE);
  const int i = threadIdx.x / EDGE, j = threadIdx.x % EDGE;
  float sum = 0.0f;
  for (int depth = 0; depth < k; depth += EDGE) {
    left[i][j] = number_at(a, tile.row + i, depth + j, m, k);
    right[i][j] = number_at(b, depth + i, tile.column + j, k, n);
    __syncthreads();
    for (int d = 0; d < EDGE; ++d) sum += left[i][d] * right[d][j];
    __syncthreads();  // before the panels are written again
  }
  if (tile.row + i < m && tile.column + j < n) c[(long long)(tile.row + i) * n + tile.column + j] = sum;
}

KERNEL(gemm_4, float* c, const float* a, const float* b, int m, int n, int k) {
  constexpr int EDGE = 64, STEP = 16, OWN = 4, LANES = EDGE / OWN;
  __shared__ float left[STEP][EDGE + 1], right[STEP][EDGE];
  const GemmTile tile(blockIdx.x, n, EDGE);
  // A thread's rows and columns lie 16 apart, so that neighbours read neighbours.
  const int i = threadIdx.x / LANES, j = threadIdx.x % LANES;
  float sums[OWN][OWN] = {};
  for (int depth = 0; depth < k; depth += STEP) {
    for (int f = threadIdx.x; f < EDGE * STEP; f += THREADS) {
      left[f % STEP][f / STEP] = number_at(a, tile.row + f / STEP, depth + f % STEP, m, k);
      right[f / EDGE][f % EDGE] = number_at(b, depth + f / EDGE, tile.column + f % EDGE, k, n);
    }
    __syncthreads();
    for (int d = 0; d < STEP; ++d) {
      float rows[OWN], columns[OWN];
      for (int e = 0; e < OWN; ++e) {
        rows[e] = left[d][i + e * LANES];
        columns[e] = right[d][j + e * LANES];
      }
      for (int p = 0; p < OWN; ++p) {
        for (int q = 0; q < OWN; ++q) sums[p][q] += rows[p] * columns[q];
      }
    }
    __syncthreads();  // before the panels are written again
  }
  for (int p = 0; p < OWN; ++p) {
    for (int q = 0; q < OWN; ++q) {
      const int row = tile.row + i + p * LANES, column = tile.column + j + q * LANES;
      if (row < m && column < n) c[(long long)row * n + column] = sums[p][q];
    }
  }
}

// --- 128 x 128 results a block. ---

constexpr int BIG_EDGE = 128;
constexpr int BIG_STEP = 8;

// A step of 8 of the inner size: A turned, so that a thread's rows are neighbours. Padding keeps the lanes that write a
// column of it out of each other's banks, and packs aligned.
struct alignas(16) BigPanels {
  float left[BIG_STEP][BIG_EDGE + 4], right[BIG_STEP][BIG_EDGE];
};

// Four neighbours of a line, 0 outside; 16 bytes at once where the line's length lets them be aligned.
DEVICE Pack<float> four_at(const float* x, int row, int column, int rows, int columns) {
  if (row < rows && column + 4 <= columns && columns % 4 == 0) return *packs(x + (long long)row * columns + column);
  Pack<float> p;
  for (int e = 0; e < 4; ++e) p.v[e] = number_at(x, row, column + e, rows, columns);
  return p;
}

// What a thread brings of both panels: four numbers of a row of A, four of a row of B.
struct BigFetch {
  Pack<float> left, right;

  DEVICE BigFetch(const float* a, const float* b, const GemmTile& tile, int depth, int m, int n, int k) {
    left = four_at(a, tile.row + (int)threadIdx.x / 2, depth + (int)threadIdx.x % 2 * 4, m, k);
    right = four_at(b, depth + (int)threadIdx.x / WARP, tile.column + (int)threadIdx.x % WARP * 4, k, n);
  }

  DEVICE void put(BigPanels& panels) const {
    for (int e = 0; e < 4; ++e) panels.left[threadIdx.x % 2 * 4 + e][threadIdx.x / 2] = left.v[e];
    *packs(&panels.right[threadIdx.x / WARP][threadIdx.x % WARP * 4]) = right;
  }
};

// A thread's 8 x 8 results: rows and columns i to i + 3 and 64 + i to 64 + i + 3, so that the packs that neighbouring lanes
// read are neighbours.
struct BigSums {
  float v[8][8] = {};

  static DEVICE int row(int p) { return (int)threadIdx.x / 16 * 4 + p / 4 * 64 + p % 4; }
  static DEVICE int column(int q) { return (int)threadIdx.x % 16 * 4 + q / 4 * 64 + q % 4; }

  DEVICE void add(const BigPanels& panels) {
    for (int d = 0; d < BIG_STEP; ++d) {
      Pack<float> rows[2], columns[2];
      for (int h = 0; h < 2; ++h) {
        rows[h] = *packs(&panels.left[d][row(h * 4)]);
        columns[h] = *packs(&panels.right[d][column(h * 4)]);
      }
      for (int p = 0; p < 8; ++p) {
        for (int q = 0; q < 8; ++q) v[p][q] += rows[p / 4].v[p % 4] * columns[q / 4].v[q % 4];
      }
    }
  }

  DEVICE void put(float* c, const GemmTile& tile, int m, int n) const {
    for (int p = 0; p < 8; ++p) {
      const int r = tile.row + row(p);
      for (int h = 0; h < 2; ++h) {
        const int s = tile.column + column(h * 4);
        if (r < m && s + 4 <= n && n % 4 == 0) {
          Pack<float> four;
          for (int e = 0; e < 4; ++e) four.v[e] = v[p][h * 4 + e];
          *packs(c + (long long)r * n + s) = four;
        } else {
          for (int e = 0; e < 4; ++e) {
            if (r < m && s + e < n) c[(long long)r * n + s + e] = v[p][h * 4 + e];
          }
        }
      }
    }
  }
};

KERNEL(gemm_5, float* c, const float* a, const float* b, int m, int n, int k) {
  __shared__ BigPanels panels;
  const GemmTile tile(blockIdx.x, n, BIG_EDGE);
  BigSums sums;
  for (int depth = 0; depth < k; depth += BIG_STEP) {
    BigFetch(a, b, tile, depth, m, n, k).put(panels);
    __syncthreads();
    sums.add(panels);
    __syncthreads();  // before the panels are written again
  }
  sums.put(c, tile, m, n);
}

KERNEL(gemm_6, float* c, const float* a, const float* b, int m, int n, int k) {
  __shared__ BigPanels panels[2];
  const GemmTile tile(blockIdx.x, n, BIG_EDGE);
  BigSums sums;
  BigFetch(a, b, tile, 0, m, n, k).put(panels[0]);
  for (int depth = 0, now = 0; depth < k; depth += BIG_STEP, now ^= 1) {
    __syncthreads();  // these panels are written, the others were read
    const BigFetch next(a, b, tile, depth + BIG_STEP, m, n, k);
    sums.add(panels[now]);
    next.put(panels[now ^ 1]);
  }
  sums.put(c, tile, m, n);
}
