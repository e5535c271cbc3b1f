package dev.thaw.backend;

import dev.thaw.memory.Buffer;

/**
 * Kernels that move values: any dtype for copies and gathers of rows. An index out of range is
 * refused with an {@link IllegalArgumentException}: at once, or, on a device that works behind the
 * calls, by the next download or synchronize.
 */
public interface IndexKernels {
  /**
   * y[to] = x[from] over {@code dims}; elements of y outside the walk are left alone. Permutes,
   * slices, joins, pads and repeats.
   */
  void copy(@Writes Buffer y, Strided to, Buffer x, Strided from, int[] dims);

  /** Every element of y = value. */
  void fill(@Writes Buffer y, double value);

  /**
   * y = x in y's dtype, to the nearest, ties to even; to an integer, truncated towards 0, and
   * unspecified where it does not fit.
   */
  void cast(@Writes Buffer y, Buffer x);

  /**
   * Every ys[i] = xs[i], FLOAT32 to BFLOAT16 as {@link #cast} rounds; the buffers do not overlap.
   * Where a launch has its price, many small ones for that of one.
   */
  default void castAll(@Writes Buffer[] ys, Buffer[] xs) {
    for (int i = 0; i < ys.length; i++) {
      cast(ys[i], xs[i]);
    }
  }

  /** y[o, i, ·] = x[o, index[i], ·]: x [outer, n, inner], index INT32 or INT64 of {@code count}. */
  void take(@Writes Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner);

  /** dx [outer, n, inner] = 0, then dx[o, index[i], ·] += dy[o, i, ·], in the order of i. */
  void takeBackward(
      @Writes Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner);

  /** y[o, i, ·] = x[o, index[o, i, ·], ·] element by element: index is shaped like y. */
  void gather(@Writes Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner);

  /** dx = 0, then dx[o, index[o, i, ·], ·] += dy[o, i, ·]. */
  void gatherBackward(
      @Writes Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner);

  /** y = x resized. */
  void resize(@Writes Buffer y, Buffer x, ResizeShape shape);

  /** dx of {@link #resize}. */
  void resizeBackward(@Writes Buffer dx, Buffer dy, ResizeShape shape);
}
