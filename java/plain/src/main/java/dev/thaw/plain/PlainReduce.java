package dev.thaw.plain;

import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import java.util.Arrays;

/** y[o, i] = scale · fold over j of x[o, j, i], in the order of j. */
final class PlainReduce implements ReduceKernels {
  private final Workers workers;

  PlainReduce(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void reduce(
      Reduction r, @Writes Buffer y, Buffer x, int outer, int n, int inner, double scale) {
    double[] v = Reals.read(x);
    double[] result = new double[outer * inner];
    Arrays.fill(
        result,
        switch (r) {
          case SUM -> 0;
          case MAX -> Double.NEGATIVE_INFINITY;
          case MIN -> Double.POSITIVE_INFINITY;
        });
    workers.each(
        outer,
        v.length,
        (from, to) -> {
          for (int o = from; o < to; o++) {
            for (int j = 0; j < n; j++) {
              fold(r, result, o * inner, v, (o * n + j) * inner, inner);
            }
          }
        });
    for (int i = 0; i < result.length; i++) {
      result[i] *= scale;
    }
    Reals.write(y, result);
  }

  private static void fold(Reduction r, double[] y, int yi, double[] x, int xi, int n) {
    switch (r) {
      case SUM -> {
        for (int i = 0; i < n; i++) {
          y[yi + i] += x[xi + i];
        }
      }
      case MAX -> {
        for (int i = 0; i < n; i++) {
          y[yi + i] = Math.max(y[yi + i], x[xi + i]);
        }
      }
      case MIN -> {
        for (int i = 0; i < n; i++) {
          y[yi + i] = Math.min(y[yi + i], x[xi + i]);
        }
      }
    }
  }

  @Override
  public void argmax(@Writes Buffer y, Buffer x, int outer, int n, int inner) {
    double[] v = Reals.read(x);
    long[] result = PlainStorage.longs(y);
    int start = PlainStorage.start(y);
    for (int o = 0; o < outer; o++) {
      for (int i = 0; i < inner; i++) {
        int best = 0;
        for (int j = 1; j < n; j++) {
          if (exceeds(v[(o * n + j) * inner + i], v[(o * n + best) * inner + i])) {
            best = j;
          }
        }
        result[start + o * inner + i] = best;
      }
    }
  }

  /** NaN exceeds every number and no NaN, so the first NaN wins. */
  static boolean exceeds(double x, double best) {
    return x > best || (Double.isNaN(x) && !Double.isNaN(best));
  }
}
