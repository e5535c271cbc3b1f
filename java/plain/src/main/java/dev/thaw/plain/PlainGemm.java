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
    if (c.elements() == 0) {
      return;
    }
    double[] u = Reals.read(a);
    double[][] v = rowsOfB(Reals.read(b), s);
    double[] add = Reals.readIfPresent(bias);
    double[] result = new double[s.batch() * s.m() * s.n()];
    workers.each(
        s.batch() * s.m(),
        (long) result.length * s.k(),
        (from, to) -> {
          for (int row = from; row < to; ) {
            int i = row / s.m();
            int end = Math.min(to, (i + 1) * s.m());
            double[][] rows = product(u, v, i, row - i * s.m(), end - i * s.m(), s);
            finish(rows, add, relu);
            RowTimesMatrix.join(result, row * s.n(), rows);
            row = end;
          }
        });
    Reals.write(c, result);
  }

  @Override
  public void backwardWeights(
      @Writes Buffer dw,
      @Writes @Nullable Buffer db,
      Buffer dy,
      Buffer x,
      int rows,
      int out,
      int in) {
    gemm(dw, dy, x, null, false, GemmShape.of(out, in, rows, true, false));
    if (db != null) {
      double[] d = Reals.read(dy);
      double[] sum = new double[out];
      for (int i = 0; i < d.length; i++) {
        sum[i % out] += d[i];
      }
      Reals.write(db, sum);
    }
  }

  /** Rows {@code from} to {@code to} of product number {@code i}. */
  private static double[][] product(
      double[] a, double[][] b, int i, int from, int to, GemmShape s) {
    double[][] c = new double[to - from][s.n()];
    int ai = s.sharedA() ? 0 : i * s.m() * s.k();
    int bi = s.sharedB() ? 0 : i * s.k();
    int rowStep = s.transA() ? 1 : s.k();
    int step = s.transA() ? s.m() : 1;
    int block = Math.max(4, CACHED / Math.max(1, s.n()) / 4 * 4);
    for (int p = 0; p < s.k(); p += block) {
      int k = Math.min(block, s.k() - p);
      for (int row = from; row < to; row++) {
        int at = ai + row * rowStep + p * step;
        RowTimesMatrix.add(c[row - from], a, at, step, b, bi + p, 1, k);
      }
    }
    return c;
  }

  private static void finish(double[][] c, double @Nullable [] bias, boolean relu) {
    for (double[] row : c) {
      for (int j = 0; j < row.length; j++) {
        double v = bias == null ? row[j] : row[j] + bias[j];
        row[j] = relu && v <= 0 ? 0 : v;
      }
    }
  }

  /** The rows of op(B), product after product. */
  private static double[][] rowsOfB(double[] b, GemmShape s) {
    if (!s.transB()) {
      return RowTimesMatrix.split(b, s.n());
    }
    double[][] rows = new double[(s.sharedB() ? 1 : s.batch()) * s.k()][s.n()];
    for (int i = 0; i < rows.length; i++) {
      int first = i / s.k() * s.n() * s.k() + i % s.k();
      for (int j = 0; j < s.n(); j++) {
        rows[i][j] = b[first + j * s.k()];
      }
    }
    return rows;
  }
}
