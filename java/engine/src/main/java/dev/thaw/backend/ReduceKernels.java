package dev.thaw.backend;

import dev.thaw.memory.Buffer;

/** Reductions of the middle of {@code [outer, n, inner]} to {@code [outer, inner]}. */
public interface ReduceKernels {
  /**
   * y[o, i] = scale · reduction over j of x[o, j, i]; n is at least 1 for extremes. y is of x's
   * dtype, or FLOAT32 of x in BFLOAT16: the gradient of a bias.
   */
  void reduce(Reduction r, @Writes Buffer y, Buffer x, int outer, int n, int inner, double scale);

  /**
   * y[o, i] = the first j at which x[o, j, i] is largest, INT64; NaN is larger than any number; n
   * is at least 1.
   */
  void argmax(@Writes Buffer y, Buffer x, int outer, int n, int inner);
}
