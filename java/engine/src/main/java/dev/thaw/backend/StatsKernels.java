package dev.thaw.backend;

import dev.thaw.memory.Buffer;

/** Measurements of a floating buffer, in one pass. */
public interface StatsKernels {
  /** In the result: Σ x² over finite elements. */
  int SUM_OF_SQUARES = 0;

  /** In the result: Σ |x| over finite elements. */
  int SUM_OF_ABSOLUTES = 1;

  /** In the result: max |x| over finite elements, 0 when there are none. */
  int LARGEST = 2;

  /** In the result: how many elements are NaN or infinite. */
  int NON_FINITE = 3;

  /** Length of the result. */
  int COUNT = 4;

  /** Fills y, FLOAT64 of {@link #COUNT}, in the order of the constants above. */
  void measure(@Writes Buffer y, Buffer x);

  /** A 64-bit sum over the bytes of x, y INT64 of one: two buffers with other bytes differ. */
  void hash(@Writes Buffer y, Buffer x);
}
