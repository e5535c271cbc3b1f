// C = op(A) op(B) + bias, then max(0, .), one product or many: the readable twin of cuBLASLt.
// Sums are float, in the order of the inner size, whatever the operands are.
#include "tile.cuh"

// C[product, row, column]; `a` says where rows of op(A) lie, `b` where columns of op(B) do. Without a bias it is null.
template <class C, class S>
DEVICE void gemm(C* c, const S* a, const S* b, const C* bias, int batch, int m, int n, int k, const Layout& a_at,
                 const Layout& b_at, int relu) {
  __shared__ Panel rows, columns;
  const long long all = tiles(batch, m, n);
  for (long long t = blockIdx.x; t < all; t += gridDim.x) {
    const TileAt at(t, m, n);
    float sums[EACH][EACH] = {};
    for (int depth = 0; depth < k; depth += DEPTH) {
      fetch(rows, a + at.product * a_at.product, m, k, a_at, at.row, depth);
      fetch(columns, b + at.product * b_at.product, n, k, b_at, at.column, depth);
      __syncthreads();
      add_products(sums, rows, columns);
      __syncthreads();  // the panels may be written again
    }
    for (int i = 0; i < EACH; ++i) {
      const long long row = (long long)at.row + own_row() + i;
      for (int j = 0; j < EACH; ++j) {
        const long long column = (long long)at.column + own_column() + j;
        if (row >= m || column >= n) continue;
        const float v = sums[i][j] + (bias == nullptr ? 0.0f : widen(bias[column]));
        c[((long long)at.product * m + row) * n + column] = narrow<C>(relu && v <= 0 ? 0.0f : v);
      }
    }
  }
}

// The last is for gradients of weights, which stay float where pictures are bf16.
#define GEMM(name, C, S)                                                                                               \
  KERNEL(name, C* c, const S* a, const S* b, const C* bias, int batch, int m, int n, int k, const Layout a_at, \
         const Layout b_at, int relu) {                                                                                \
    gemm(c, a, b, bias, batch, m, n, k, a_at, b_at, relu);                                                             \
  }
GEMM(gemm_f32, float, float)
GEMM(gemm_bf16, bf16, bf16)
GEMM(gemm_bf16_to_f32, float, bf16)
