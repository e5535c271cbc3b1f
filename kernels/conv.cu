// Two-dimensional convolution in its three directions, pictures [n, h, w, c], weights [k, kh, kw, c / groups]: the readable
// twins of cuDNN. Each is a product of matrices (tile.cuh) whose left or right operand is not in memory: its numbers are
// found in the picture as they are brought into shared memory, 0 where the window looks past the edge.
#include "tile.cuh"

// dev.thaw.backend.ConvShape, and the sizes of y.
struct Conv {
  int n, h, w, c, k, kh, kw, stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, groups, out_h, out_w;
};

// One number of the window: `down` and `right` of its corner, in pixels.
struct Tap {
  int down, right;

  DEVICE Tap(int number, const Conv& s) : down(number / s.kw * s.dilation_h), right(number % s.kw * s.dilation_w) {}
};

// A pixel of pictures of `h` rows and `w` columns.
struct Pixel {
  int picture, row, column;

  Pixel() = default;
  DEVICE Pixel(int number, int h, int w) : picture(number / w / h), row(number / w % h), column(number % w) {}
};

// Whether 0 <= i < n, in one comparison.
DEVICE bool within(int i, int n) { return (unsigned)i < (unsigned)n; }

DEVICE long long element(int picture, int row, int column, int h, int w, int c) {
  return (((long long)picture * h + row) * w + column) * c;
}

// --- y: rows are pixels of y, columns are output channels of a group, the inner size is the window: tap, input channel. ---

// residual may be y; without one, or without a bias, it is null.
template <class T>
DEVICE void conv_forward(T* y, const T* x, const T* w, const T* bias, const T* residual, const Conv& s, int relu) {
  __shared__ Panel rows, columns;
  const int inputs = s.c / s.groups, outputs = s.k / s.groups;
  const int pixels = s.n * s.out_h * s.out_w;
  const int window = s.kh * s.kw * inputs;
  const long long all = tiles(s.groups, pixels, outputs);
  for (long long t = blockIdx.x; t < all; t += gridDim.x) {
    const TileAt at(t, pixels, outputs);
    const int group = at.product;
    // The corners of the windows that this thread looks through, far outside where there is none.
    Pixel corner[FETCHES];
    for (int i = 0; i < FETCHES; ++i) {
      const int number = at.row + AlongDepth::line(i);
      corner[i] = Pixel(number, s.out_h, s.out_w);
      corner[i].row = number < pixels ? corner[i].row * s.stride_h - s.pad_h : -(1 << 30);
      corner[i].column = corner[i].column * s.stride_w - s.pad_w;
    }
    float sums[EACH][EACH] = {};
    for (int depth = 0; depth < window; depth += DEPTH) {
      const int d = depth + AlongDepth::depth(0);
      const Tap tap(d / inputs, s);
      const int channel = group * inputs + d % inputs;
      for (int i = 0; i < FETCHES; ++i) {
        const int row = corner[i].row + tap.down, column = corner[i].column + tap.right;
        const bool inside = d < window && within(row, s.h) && within(column, s.w);
        rows.v[AlongDepth::depth(i)][AlongDepth::line(i)] =
            inside ? widen(x[element(corner[i].picture, row, column, s.h, s.w, s.c) + channel]) : 0.0f;
      }
      const Layout kernels = {0, window, 1};
      fetch(columns, w + (long long)group * outputs * window, outputs, window, kernels, at.column, depth);
      __syncthreads();
      add_products(sums, rows, columns);
      __syncthreads();  // the panels may be written again
    }
    for (int i = 0; i < EACH; ++i) {
      for (int j = 0; j < EACH; ++j) {
        const int pixel = at.row + own_row() + i, output = at.column + own_column() + j;
        if (pixel >= pixels || output >= outputs) continue;
        const int channel = group * outputs + output;
        const long long to = (long long)pixel * s.k + channel;
        float v = sums[i][j];
        if (bias != nullptr) v += widen(bias[channel]);
        if (residual != nullptr) v += widen(residual[to]);
        y[to] = narrow<T>(relu && v <= 0 ? 0.0f : v);
      }
    }
  }
}

// --- dx: rows are pixels of x, columns are input channels of a group, the inner size is tap, output channel. ---

// residual may be dx; without one it is null.
template <class T>
DEVICE void conv_data(T* dx, const T* dy, const T* w, const T* residual, const Conv& s) {
  __shared__ Panel rows, columns;
  const int inputs = s.c / s.groups, outputs = s.k / s.groups;
  const int pixels = s.n * s.h * s.w;
  const int taps = s.kh * s.kw;
  const long long all = tiles(s.groups, pixels, inputs);
  for (long long t = blockIdx.x; t < all; t += gridDim.x) {
    const TileAt at(t, pixels, inputs);
    const int group = at.product;
    // The pixels that this thread answers for, counted from the edge of the padding.
    Pixel seen[FETCHES];
    for (int i = 0; i < FETCHES; ++i) {
      const int number = at.row + AlongDepth::line(i);
      seen[i] = Pixel(number, s.h, s.w);
      seen[i].row = number < pixels ? seen[i].row + s.pad_h : -(1 << 30);
      seen[i].column += s.pad_w;
    }
    float sums[EACH][EACH] = {};
    for (int depth = 0; depth < taps * outputs; depth += DEPTH) {
      const int d = depth + AlongDepth::depth(0);
      const Tap tap(d / outputs, s);
      const int channel = group * outputs + d % outputs;
      for (int i = 0; i < FETCHES; ++i) {
        // The pixel of y whose window has this one under the tap, if there is one.
        const int down = seen[i].row - tap.down, across = seen[i].column - tap.right;
        const int row = down / s.stride_h, column = across / s.stride_w;
        const bool inside = d < taps * outputs && within(row, s.out_h) && within(column, s.out_w) &&
                            row * s.stride_h == down && column * s.stride_w == across;
        rows.v[AlongDepth::depth(i)][AlongDepth::line(i)] =
            inside ? widen(dy[element(seen[i].picture, row, column, s.out_h, s.out_w, s.k) + channel]) : 0.0f;
      }
      const int input = at.column + AlongLines::line(0);
      for (int i = 0; i < FETCHES; ++i) {
        const int e = depth + AlongLines::depth(i);
        const int output = group * outputs + e % outputs;
        columns.v[AlongLines::depth(i)][AlongLines::line(i)] =
            e < taps * outputs && input < inputs ? widen(w[((long long)output * taps + e / outputs) * inputs + input])
                                                 : 0.0f;
      }
      __syncthreads();
      add_products(sums, rows, columns);
      __syncthreads();
    }
    for (int i = 0; i < EACH; ++i) {
      for (int j = 0; j < EACH; ++j) {
        const int pixel = at.row + own_row() + i, input = at.column + own_column() + j;
        if (pixel >= pixels || input >= inputs) continue;
        const long long to = (long long)pixel * s.c + group * inputs + input;
        dx[to] = narrow<T>(residual != nullptr ? sums[i][j] + widen(residual[to]) : sums[i][j]);
      }
    }
  }
}

// --- dw: rows are output channels of a group, columns are the window, the inner size is the pixels of y. ---

// The pixels are many and dw is small: parts of them are summed by different blocks, into sums[part, k, window].
// conv_add_parts then adds those in their order, so that no bit depends on which block was faster.
template <class T>
DEVICE void conv_weights(float* part_sums, const T* dy, const T* x, const Conv& s, int parts, int part_pixels) {
  __shared__ Panel rows, columns;
  const int inputs = s.c / s.groups, outputs = s.k / s.groups;
  const int pixels = s.n * s.out_h * s.out_w;
  const int window = s.kh * s.kw * inputs;
  const Layout of_dy = {0, 1, s.k};
  const long long all = tiles(parts * s.groups, outputs, window);
  for (long long t = blockIdx.x; t < all; t += gridDim.x) {
    const TileAt at(t, outputs, window);
    const int group = at.product % s.groups, part = at.product / s.groups;
    const int begin = part * part_pixels;
    const int length = pixels - begin < part_pixels ? pixels - begin : part_pixels;
    const T* part_dy = dy + (long long)begin * s.k + group * outputs;
    // The column that this thread brings: a tap and a channel.
    const int own = at.column + AlongLines::line(0);
    const Tap tap(own / inputs, s);
    const int channel = group * inputs + own % inputs;
    float sums[EACH][EACH] = {};
    for (int depth = 0; depth < length; depth += DEPTH) {
      fetch(rows, part_dy, outputs, length, of_dy, at.row, depth);
      for (int i = 0; i < FETCHES; ++i) {
        const int number = depth + AlongLines::depth(i);
        const Pixel p(begin + number, s.out_h, s.out_w);
        const int row = p.row * s.stride_h - s.pad_h + tap.down, column = p.column * s.stride_w - s.pad_w + tap.right;
        const bool inside = number < length && own < window && within(row, s.h) && within(column, s.w);
        columns.v[AlongLines::depth(i)][AlongLines::line(i)] =
            inside ? widen(x[element(p.picture, row, column, s.h, s.w, s.c) + channel]) : 0.0f;
      }
      __syncthreads();
      add_products(sums, rows, columns);
      __syncthreads();
    }
    for (int i = 0; i < EACH; ++i) {
      for (int j = 0; j < EACH; ++j) {
        const int output = at.row + own_row() + i, column = at.column + own_column() + j;
        if (output < outputs && column < window) {
          part_sums[((long long)part * s.k + group * outputs + output) * window + column] = sums[i][j];
        }
      }
    }
  }
}

// dw[i] = the sum over the parts of sums[part, i].
template <class T>
DEVICE void conv_add_parts(T* dw, const float* part_sums, int parts, long long n) {
  for (long long i = first(); i < n; i += step()) {
    float sum = part_sums[i];
    for (int part = 1; part < parts; ++part) sum += part_sums[part * n + i];
    dw[i] = narrow<T>(sum);
  }
}

#define CONV(T, type)                                                                                                 \
  KERNEL(conv_forward_##type, T* y, const T* x, const T* w, const T* bias, const T* residual, const Conv s,          \
         int relu) {                                                                                                  \
    conv_forward(y, x, w, bias, residual, s, relu);                                                                   \
  }                                                                                                                   \
  KERNEL(conv_data_##type, T* dx, const T* dy, const T* w, const T* residual, const Conv s) {                        \
    conv_data(dx, dy, w, residual, s);                                                                                \
  }                                                                                                                   \
  KERNEL(conv_weights_##type, float* part_sums, const T* dy, const T* x, const Conv s, int parts, int part_pixels) {  \
    conv_weights(part_sums, dy, x, s, parts, part_pixels);                                                            \
  }                                                                                                                   \
  KERNEL(conv_add_parts_##type, T* dw, const float* part_sums, int parts, long long n) {                              \
    conv_add_parts(dw, part_sums, parts, n);                                                                          \
  }
CONV(float, f32)
CONV(bf16, bf16)
