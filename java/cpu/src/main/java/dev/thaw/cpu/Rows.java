package dev.thaw.cpu;

import dev.thaw.memory.DType;
import java.nio.FloatBuffer;

/**
 * Results of sums without summands: a product whose inner size is 0, a gradient of an empty batch.
 * oneDNN does nothing there and writes nothing; kernels overwrite. Slow, and never in a hot path.
 */
final class Rows {
  private Rows() {}

  /** Writes zeros. */
  static void zero(long y, long bytes) {
    Native.thaw_fill(y, DType.UINT8.ordinal(), bytes, 0, CpuThreads.forBytes(bytes));
  }

  /**
   * y[i, j] = bias[j], then max(0, ·) if {@code relu}.
   *
   * @param bias address of n numbers, 0 for none
   */
  static void fill(long y, long rows, int n, long bias, boolean relu) {
    if (bias == 0) {
      zero(y, rows * n * Float.BYTES);
      return;
    }
    float[] row = new float[n];
    view(bias, n).get(row);
    if (relu) {
      for (int j = 0; j < n; j++) {
        // Comparing this way keeps a NaN.
        row[j] = row[j] < 0 ? 0 : row[j];
      }
    }
    for (long i = 0; i < rows; i++) {
      view(y + i * n * Float.BYTES, n).put(row);
    }
  }

  private static FloatBuffer view(long address, int n) {
    return CpuStorage.view(address, n * Float.BYTES).asFloatBuffer();
  }
}
