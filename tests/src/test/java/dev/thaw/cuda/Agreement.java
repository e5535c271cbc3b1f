package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.fail;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.GuardedBackend;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.List;

/**
 * The same kernel calls on the plain backend in double and on the card, where buffers are aligned
 * as a pool gives them and where they are odd slices between guards, in float32 and bfloat16.
 */
final class Agreement {
  private static final Backend CARD = OnACard.backend();
  private static final List<Backend> BACKENDS = List.of(CARD, GuardedBackend.around(CARD));
  private static final double FLOAT = 4e-6;
  private static final double BFLOAT16 = 0x1p-8;

  private Agreement() {}

  /** Calls kernels; the results are what is compared. */
  @FunctionalInterface
  interface Calls {
    List<Buffer> on(Backend backend, TestBuffers buffers);
  }

  /** Compares to within a few roundings, relative to 1 + |expected|. */
  static void hold(String what, Calls calls) {
    hold(what, 1, calls);
  }

  /**
   * Compares.
   *
   * @param slack how many roundings more than usual; 0 where numbers are to be the same, but for
   *     the rounding to bfloat16
   */
  static void hold(String what, double slack, Calls calls) {
    hold(List.of(DType.FLOAT32, DType.BFLOAT16), what, slack, calls);
  }

  /** Compares what is computed in float32 alone. */
  static void holdInFloat32(String what, double slack, Calls calls) {
    hold(List.of(DType.FLOAT32), what, slack, calls);
  }

  private static void hold(List<DType> dtypes, String what, double slack, Calls calls) {
    List<double[]> expected = run(Devices.get("plain"), DType.FLOAT64, calls);
    for (DType dtype : dtypes) {
      for (Backend backend : BACKENDS) {
        String where = what + (backend == CARD ? ", aligned, " : ", odd, ") + dtype;
        compare(where, dtype, slack, expected, run(backend, dtype, calls));
      }
    }
  }

  private static List<double[]> run(Backend backend, DType dtype, Calls calls) {
    List<double[]> results = new ArrayList<>();
    try (TestBuffers buffers = new TestBuffers(backend, dtype)) {
      for (Buffer y : calls.on(backend, buffers)) {
        results.add(buffers.read(y));
      }
    }
    return results;
  }

  private static void compare(
      String where, DType dtype, double slack, List<double[]> expected, List<double[]> found) {
    double tolerance = dtype == DType.FLOAT32 ? slack * FLOAT : Math.max(1, slack) * BFLOAT16;
    for (int k = 0; k < expected.size(); k++) {
      for (int i = 0; i < expected.get(k).length; i++) {
        double e = expected.get(k)[i];
        double f = found.get(k)[i];
        boolean close =
            Double.compare(e, f) == 0 || Math.abs(e - f) <= tolerance * (1 + Math.abs(e));
        if (!close) {
          fail(where + ": result " + k + "[" + i + "]: expected " + e + ", found " + f);
        }
      }
    }
  }

  /** Numbers that bfloat16 has and whose sums float has: multiples of 1 / 8 in [-8, 8). */
  static double[] numbers(int n, int seed) {
    double[] y = new double[n];
    for (int i = 0; i < n; i++) {
      long z = (i + 1) * 0x9E3779B97F4A7C15L + seed * 0xBF58476D1CE4E5B9L;
      z = (z ^ (z >>> 30)) * 0x94D049BB133111EBL;
      y[i] = (z >>> 57) / 8.0 - 8;
    }
    return y;
  }
}
