package dev.thaw.plain;

import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** C = op(A) op(B) + bias, then max(0, ·): each row of C is a row of A times B. */
final class PlainGemm implements GemmKernels {
  /** Elements of B that stay in the first-level cache while the rows of C go by. */
  private static final int CACHED = 4096;

  private final Workers workers;

  PlainGemm(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void gemm(
      @Writes Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape s) {
    double[] u = Reals.read(a);
    double[] v = s.transB() ? transposed(Reals.read(b), s) : Reals.read(b);
    double[] add = Reals.readIfPresent(bias);
    double[] result = new double[s.batch() * s.m() * s.n()];
    workers.each(
        s.batch() * s.m(),
        (long) result.length * s.k(),
        (from, to) -> {
          for (int row = from; row < to; ) {
            int i = row / s.m();
            int end = Math.min(to, (i + 1) * s.m());
            product(result, u, v, i, row - i * s.m(), end - i * s.m(), s);
            row = end;
          }
          for (int row = from; row < to; row++) {
            finish(result, row * s.n(), s.n(), add, relu);
          }
        });
    Reals.write(c, result);
  }

  /** Rows {@code from} to {@code to} of product number {@code i}. */
  private static void product(
      double[] c, double[] a, double[] b, int i, int from, int to, GemmShape s) {
    int ci = i * s.m() * s.n();
    int ai = s.sharedA() ? 0 : i * s.m() * s.k();
    int bi = s.sharedB() ? 0 : i * s.k() * s.n();
    int rowStep = s.transA() ? 1 : s.k();
    int step = s.transA() ? s.m() : 1;
    int block = Math.max(4, CACHED / Math.max(1, s.n()) / 4 * 4);
    for (int p = 0; p < s.k(); p += block) {
      int k = Math.min(block, s.k() - p);
      for (int row = from; row < to; row++) {
        RowTimesMatrix.add(
            c,
            ci + row * s.n(),
            s.n(),
            a,
            ai + row * rowStep + p * step,
            step,
            b,
            bi + p * s.n(),
            s.n(),
            k);
      }
    }
  }

  private static void finish(double[] c, int ci, int n, double @Nullable [] bias, boolean relu) {
    for (int j = 0; j < n; j++) {
      double v = bias == null ? c[ci + j] : c[ci + j] + bias[j];
      c[ci + j] = relu && v <= 0 ? 0 : v;
    }
  }

  /** B as [k, n], from [n, k]. */
  private static double[] transposed(double[] b, GemmShape s) {
    double[] t = new double[b.length];
    int size = s.n() * s.k();
    for (int i = 0; i < (s.sharedB() ? 1 : s.batch()); i++) {
      for (int j = 0; j < s.n(); j++) {
        for (int p = 0; p < s.k(); p++) {
          t[i * size + p * s.n() + j] = b[i * size + j * s.k() + p];
        }
      }
    }
    return t;
  }
}
