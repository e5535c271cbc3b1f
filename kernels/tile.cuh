// What gemm.cu and conv.cu have in common: a block computes 64 x 64 results of a product of matrices.
//
// It goes along the inner size in steps of 16. At each its threads bring 64 rows of the left operand and 64 columns of the
// right into shared memory, wait for each other, and add up products for 4 rows and 4 columns each: a number that came
// from memory once serves 64 results, and one that came from shared memory serves 4. Where the results go past the edge
// of the matrix, what is brought in is 0 and what comes out is thrown away.
#pragma once

#include "common.cuh"

// Rows and columns of a block's results, steps of the inner size at once, rows and columns of a thread's results.
constexpr int SIDE = 64;
constexpr int DEPTH = 16;
constexpr int EACH = 4;

// Numbers of a panel that each thread brings.
constexpr int FETCHES = SIDE * DEPTH / THREADS;

// 16 numbers of each of 64 lines: rows of the left operand, or columns of the right. A padding of 4 spreads a line over
// the banks of shared memory and keeps packs of 4 lines together.
struct alignas(16) Panel {
  float v[DEPTH][SIDE + 4];
};

// Where an operand's next product, line and step of the inner size lie, in elements.
struct Layout {
  long long product, line, depth;
};

// Who brings what: lanes of a warp read neighbours in memory. Along the depth a thread brings one step of four lines;
// along the lines, four steps of one line.
struct AlongDepth {
  static DEVICE int depth(int) { return threadIdx.x % DEPTH; }
  static DEVICE int line(int i) { return threadIdx.x / DEPTH + i * (THREADS / DEPTH); }
};

struct AlongLines {
  static DEVICE int depth(int i) { return threadIdx.x / SIDE + i * (THREADS / SIDE); }
  static DEVICE int line(int) { return threadIdx.x % SIDE; }
};

template <class Order, class T>
DEVICE void fetch(Panel& panel, const T* x, int lines, int depth, const Layout& layout, int line0, int depth0) {
  for (int i = 0; i < FETCHES; ++i) {
    const int d = Order::depth(i), line = Order::line(i);
    const bool inside = line < lines - line0 && d < depth - depth0;
    panel.v[d][line] =
        inside ? widen(x[((long long)line0 + line) * layout.line + ((long long)depth0 + d) * layout.depth]) : 0.0f;
  }
}

// Lines from line0 on, from depth0 on, of a matrix that lies in memory.
template <class T>
DEVICE void fetch(Panel& panel, const T* x, int lines, int depth, const Layout& layout, int line0, int depth0) {
  if (layout.depth == 1) {
    fetch<AlongDepth>(panel, x, lines, depth, layout, line0, depth0);
  } else {
    fetch<AlongLines>(panel, x, lines, depth, layout, line0, depth0);
  }
}

// A thread's first row and column among the block's results.
DEVICE int own_row() { return threadIdx.x / (SIDE / EACH) * EACH; }

DEVICE int own_column() { return threadIdx.x % (SIDE / EACH) * EACH; }

DEVICE void add_products(float (&sums)[EACH][EACH], const Panel& rows, const Panel& columns) {
  for (int d = 0; d < DEPTH; ++d) {
    const Pack<float> a = *packs(&rows.v[d][own_row()]);
    const Pack<float> b = *packs(&columns.v[d][own_column()]);
    for (int i = 0; i < EACH; ++i) {
      for (int j = 0; j < EACH; ++j) sums[i][j] += a.v[i] * b.v[j];
    }
  }
}

// The t-th tile of all: neighbours share their rows.
struct TileAt {
  int row, column, product;

  DEVICE TileAt(long long t, int rows, int columns) {
    const long long across = ((long long)columns + SIDE - 1) / SIDE;
    const long long down = ((long long)rows + SIDE - 1) / SIDE;
    row = (int)(t / across % down) * SIDE;
    column = (int)(t % across) * SIDE;
    product = (int)(t / across / down);
  }
};

DEVICE long long tiles(int products, int rows, int columns) {
  return products * (((long long)rows + SIDE - 1) / SIDE) * (((long long)columns + SIDE - 1) / SIDE);
}
