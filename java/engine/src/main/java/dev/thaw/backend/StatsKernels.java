package dev.thaw.backend;

import dev.thaw.memory.Buffer;

/** Measurements of a floating buffer of any dtype that is computed in, in one pass. */
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

  /**
   * A 64-bit hash of the bytes of x, y INT64 of one: the same number on every device, and for other
   * bytes another one (but for one pair in 2⁶⁴).
   *
   * <p>hash = mix(length in bytes) + Σ over i of mix(wᵢ + (i + 1) · 0x9E3779B97F4A7C15), modulo
   * 2⁶⁴, where w₀, w₁, .. are the bytes taken eight at a time, little endian, the last filled up
   * with zeros, and mix is the finaliser of splitmix64: z = (z ^ z >>> 30) · 0xBF58476D1CE4E5B9; z
   * = (z ^ z >>> 27) · 0x94D049BB133111EB; z ^ z >>> 31. Each word may be mixed by another thread.
   */
  void hash(@Writes Buffer y, Buffer x);
}
