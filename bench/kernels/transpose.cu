// y[columns, rows] = x[rows, columns], of floats.
//
//   transpose_1  a thread an element of x: reads neighbours, but each lane writes into a line of its own, 4 of its 32 bytes
//   transpose_2  a thread an element of y: writes neighbours; the reads lie apart now, and of those the caches keep the rest
//   transpose_3  through a tile of 32 x 32 in shared memory: both sides are neighbours, the turn happens on the chip
//   transpose_4  lines of the tile are 33 long: its columns then lie in 32 banks, not in one that serves lanes one by one
//   transpose_5  tiles of 64 x 64, 16 bytes a thread and turn, four turns asked for at once: fewer instructions, more on its way
#include "common.cuh"

KERNEL(transpose_1, float* y, const float* x, int rows, int columns) {
  const long long i = first();
  if (i < (long long)rows * columns) y[i % columns * rows + i / columns] = x[i];
}

KERNEL(transpose_2, float* y, const float* x, int rows, int columns) {
  const long long i = first();
  if (i < (long long)rows * columns) y[i] = x[i % rows * columns + i / rows];
}

// A tile a block and turn, a warp a line of it; `Padding` floats more in each line than are used.
template <int Padding>
DEVICE void turn_tiles(float* y, const float* x, int rows, int columns) {
  __shared__ float tile[WARP][WARP + Padding];
  const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
  const int across = (columns + WARP - 1) / WARP, down = (rows + WARP - 1) / WARP;
  for (long long t = blockIdx.x; t < (long long)across * down; t += gridDim.x) {
    const int row0 = (int)(t / across) * WARP, column0 = (int)(t % across) * WARP;
    for (int i = warp; i < WARP; i += WARPS) {
      if (row0 + i < rows && column0 + lane < columns) {
        tile[i][lane] = x[(long long)(row0 + i) * columns + column0 + lane];
      }
    }
    __syncthreads();
    for (int i = warp; i < WARP; i += WARPS) {
      if (column0 + i < columns && row0 + lane < rows) {
        y[(long long)(column0 + i) * rows + row0 + lane] = tile[lane][i];
      }
    }
    __syncthreads();  // before the tile is written again
  }
}

KERNEL(transpose_3, float* y, const float* x, int rows, int columns) { turn_tiles<0>(y, x, rows, columns); }

KERNEL(transpose_4, float* y, const float* x, int rows, int columns) { turn_tiles<1>(y, x, rows, columns); }

// Eight lanes read 128 bytes of a line, the warp four lines; its 32 writes into the tile, a float each, and its 32 reads
// down the tile fall into 32 banks, since lines are 65 long.
KERNEL(transpose_5, float* y, const float* x, int rows, int columns) {
  constexpr int W = Pack<float>::WIDTH, SIDE_OF_TILE = 64, EIGHT = 8, HALF = 32;
  if (rows % W != 0 || columns % W != 0) {
    turn_tiles<1>(y, x, rows, columns);
    return;
  }
  __shared__ float tile[SIDE_OF_TILE][SIDE_OF_TILE + 1];
  const int across = (columns + SIDE_OF_TILE - 1) / SIDE_OF_TILE, down = (rows + SIDE_OF_TILE - 1) / SIDE_OF_TILE;
  const int line = threadIdx.x / EIGHT, place = threadIdx.x % EIGHT * W;
  for (long long t = blockIdx.x; t < (long long)across * down; t += gridDim.x) {
    const int row0 = (int)(t / across) * SIDE_OF_TILE, column0 = (int)(t % across) * SIDE_OF_TILE;
    Pack<float> p[4];
    for (int k = 0; k < 4; ++k) {
      const int r = line + k / 2 * HALF, c = place + k % 2 * HALF;
      if (row0 + r < rows && column0 + c < columns) {
        p[k] = *packs(x + (long long)(row0 + r) * columns + column0 + c);
      } else {
        p[k] = {};
      }
    }
    for (int k = 0; k < 4; ++k) {
      const int r = line + k / 2 * HALF, c = place + k % 2 * HALF;
      for (int e = 0; e < W; ++e) tile[r][c + e] = p[k].v[e];
    }
    __syncthreads();
    for (int k = 0; k < 4; ++k) {
      const int c = line + k / 2 * HALF, r = place + k % 2 * HALF;
      if (column0 + c < columns && row0 + r < rows) {
        for (int e = 0; e < W; ++e) p[k].v[e] = tile[r + e][c];
        *packs(y + (long long)(column0 + c) * rows + row0 + r) = p[k];
      }
    }
    __syncthreads();  // before the tile is written again
  }
}
