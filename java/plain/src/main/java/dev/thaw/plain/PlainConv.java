package dev.thaw.plain;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * y[n, i, j, k] = Σ over r, q, c of x[n, i · stride − pad + r · dilation, j · .. + q · .., c] ·
 * w[k, r, q, c].
 *
 * <p>Each of the three kernels fixes a tap (r, q) of the window and is then a matrix product
 * between a row of pixels and that tap's weights. Work is split over rows of the result (forward,
 * dx) or over taps and blocks of input channels (dw).
 */
final class PlainConv implements ConvKernels {
  /** Input channels whose weight gradients one task gathers: they stay in the cache meanwhile. */
  private static final int BLOCK = 32;

  private final Workers workers;

  PlainConv(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void forward(
      @Writes Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape s) {
    double[] pictures = Reals.read(x);
    double[][] weights = byTap(Reals.read(w), s);
    double[] add = Reals.readIfPresent(bias);
    double[] other = Reals.readIfPresent(residual);
    double[] result = new double[pixels(s) * s.k()];
    workers.each(
        s.n() * s.outH(),
        work(s),
        (from, to) -> {
          int columns = s.outW() * s.k();
          for (int row = from; row < to; row++) {
            double[][] sums = forwardRow(pictures, weights, row, s);
            RowTimesMatrix.join(result, row * columns, sums);
          }
          for (int i = from * columns; i < to * columns; i++) {
            double v = result[i] + (add == null ? 0 : add[i % s.k()]);
            v += other == null ? 0 : other[i];
            result[i] = relu && v <= 0 ? 0 : v;
          }
        });
    Reals.write(y, result);
  }

  @Override
  public void forwardWithStatistics(
      @Writes Buffer y,
      @Writes Buffer mean,
      @Writes Buffer variance,
      Buffer x,
      Buffer w,
      ConvShape s) {
    forward(y, x, w, null, null, false, s);
    new PlainNorm(workers).statistics(mean, variance, y, s.n() * s.outH() * s.outW(), s.k());
  }

  /** One row of one picture of y, by column and group; {@code row} counts over all pictures. */
  private static double[][] forwardRow(double[] x, double[][] w, int row, ConvShape s) {
    int cg = s.c() / s.groups();
    double[][] y = new double[s.outW() * s.groups()][s.k() / s.groups()];
    int picture = row / s.outH();
    for (int r = 0; r < s.kh(); r++) {
      int i = inputRow(row % s.outH(), r, s);
      if (i < 0 || i >= s.h()) {
        continue;
      }
      for (int q = 0; q < s.kw(); q++) {
        int end = lastColumn(q, s);
        for (int j = firstColumn(q, s); j <= end; j++) {
          int xi = ((picture * s.h() + i) * s.w() + inputColumn(j, q, s)) * s.c();
          for (int g = 0; g < s.groups(); g++) {
            int wi = ((g * s.kh() + r) * s.kw() + q) * cg;
            RowTimesMatrix.add(y[j * s.groups() + g], x, xi + g * cg, 1, w, wi, 1, cg);
          }
        }
      }
    }
    return y;
  }

  /**
   * dx[n, i', j', c] = Σ over k and the taps that see (i', j') of dy[n, i, j, k] · w[k, r, q, c],
   * plus residual[n, i', j', c].
   */
  @Override
  public void backwardData(
      @Writes Buffer dx, Buffer dy, Buffer w, @Nullable Buffer residual, ConvShape s) {
    double[] d = Reals.read(dy);
    double[] other = Reals.readIfPresent(residual);
    double[][] weights = RowTimesMatrix.split(Reals.read(w), s.c() / s.groups());
    double[] result = new double[s.n() * s.h() * s.w() * s.c()];
    workers.each(
        s.n() * s.h(),
        work(s),
        (from, to) -> {
          for (int row = from; row < to; row++) {
            double[][] sums = backwardRow(d, weights, row, s);
            RowTimesMatrix.join(result, row * s.w() * s.c(), sums);
          }
        });
    for (int i = 0; other != null && i < result.length; i++) {
      result[i] += other[i];
    }
    Reals.write(dx, result);
  }

  /** One row of one picture of dx, by column and group; {@code row} counts over all pictures. */
  private static double[][] backwardRow(double[] dy, double[][] w, int row, ConvShape s) {
    int kg = s.k() / s.groups();
    int taps = s.kh() * s.kw();
    double[][] dx = new double[s.w() * s.groups()][s.c() / s.groups()];
    int picture = row / s.h();
    for (int r = 0; r < s.kh(); r++) {
      int top = row % s.h() + s.padH() - r * s.dilationH();
      int i = top / s.strideH();
      if (top < 0 || top % s.strideH() != 0 || i >= s.outH()) {
        continue;
      }
      for (int q = 0; q < s.kw(); q++) {
        int end = lastColumn(q, s);
        for (int j = firstColumn(q, s); j <= end; j++) {
          int yi = ((picture * s.outH() + i) * s.outW() + j) * s.k();
          int column = inputColumn(j, q, s) * s.groups();
          for (int g = 0; g < s.groups(); g++) {
            int wi = g * kg * taps + r * s.kw() + q;
            RowTimesMatrix.add(dx[column + g], dy, yi + g * kg, 1, w, wi, taps, kg);
          }
        }
      }
    }
    return dx;
  }

  /**
   * dw[k, r, q, c] = Σ over n, i, j of dy[n, i, j, k] · x[n, i', j', c]; db[k] = Σ dy[n, i, j, k].
   */
  @Override
  public void backwardWeights(
      @Writes Buffer dw, @Writes @Nullable Buffer db, Buffer dy, Buffer x, ConvShape s) {
    double[] flat = Reals.read(dy);
    double[][] d = RowTimesMatrix.split(flat, s.k() / s.groups());
    double[] pictures = Reals.read(x);
    double[] result = new double[s.k() * s.kh() * s.kw() * (s.c() / s.groups())];
    int blocks = (s.c() / s.groups() + BLOCK - 1) / BLOCK;
    workers.each(
        s.groups() * s.kh() * s.kw() * blocks,
        work(s),
        (from, to) -> {
          for (int task = from; task < to; task++) {
            backwardTap(result, d, pictures, task / blocks, task % blocks * BLOCK, s);
          }
        });
    Reals.write(dw, result);
    if (db != null) {
      double[] sum = new double[s.k()];
      for (int i = 0; i < flat.length; i++) {
        sum[i % s.k()] += flat[i];
      }
      Reals.write(db, sum);
    }
  }

  /** Tap number {@code tap} = (g · kh + r) · kw + q, input channels from {@code first} on. */
  private static void backwardTap(
      double[] dw, double[][] dy, double[] x, int tap, int first, ConvShape s) {
    int cg = s.c() / s.groups();
    int kg = s.k() / s.groups();
    int q = tap % s.kw();
    int r = tap / s.kw() % s.kh();
    int g = tap / s.kw() / s.kh();
    int j = firstColumn(q, s);
    int columns = lastColumn(q, s) - j + 1;
    double[][] sums = new double[Math.min(BLOCK, cg - first)][kg];
    for (int row = 0; row < s.n() * s.outH(); row++) {
      int i = inputRow(row % s.outH(), r, s);
      if (i < 0 || i >= s.h()) {
        continue;
      }
      int yi = (row * s.outW() + j) * s.groups() + g;
      int xi = ((row / s.outH() * s.h() + i) * s.w() + inputColumn(j, q, s)) * s.c() + g * cg;
      int step = s.strideW() * s.c();
      for (int c = 0; c < sums.length; c++) {
        RowTimesMatrix.add(sums[c], x, xi + first + c, step, dy, yi, s.groups(), columns);
      }
    }
    for (int c = 0; c < sums.length; c++) {
      for (int k = 0; k < kg; k++) {
        int output = (g * kg + k) * s.kh() * s.kw() + r * s.kw() + q;
        dw[output * cg + first + c] = sums[c][k];
      }
    }
  }

  private static int inputRow(int i, int r, ConvShape s) {
    return i * s.strideH() - s.padH() + r * s.dilationH();
  }

  private static int inputColumn(int j, int q, ConvShape s) {
    return j * s.strideW() - s.padW() + q * s.dilationW();
  }

  /** The first output column whose tap q lies inside the picture. */
  private static int firstColumn(int q, ConvShape s) {
    return Math.max(0, -Math.floorDiv(q * s.dilationW() - s.padW(), s.strideW()));
  }

  /** The last one; before the first where there is none. */
  private static int lastColumn(int q, ConvShape s) {
    int right = s.w() - 1 + s.padW() - q * s.dilationW();
    return Math.min(s.outW() - 1, Math.floorDiv(right, s.strideW()));
  }

  private static int pixels(ConvShape s) {
    return s.n() * s.outH() * s.outW();
  }

  private static long work(ConvShape s) {
    return (long) pixels(s) * s.k() * s.kh() * s.kw() * (s.c() / s.groups());
  }

  /** Weights [k, kh, kw, c] as rows [groups, kh, kw, c] of k / groups output channels. */
  private static double[][] byTap(double[] w, ConvShape s) {
    int kg = s.k() / s.groups();
    int inner = s.kh() * s.kw() * (s.c() / s.groups());
    double[][] rows = new double[s.groups() * inner][kg];
    for (int k = 0; k < s.k(); k++) {
      for (int p = 0; p < inner; p++) {
        rows[k / kg * inner + p][k % kg] = w[k * inner + p];
      }
    }
    return rows;
  }
}
