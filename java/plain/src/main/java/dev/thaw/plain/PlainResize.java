package dev.thaw.plain;

import dev.thaw.backend.ResizeShape;
import dev.thaw.memory.Buffer;

/**
 * y[i, j] = Σ of up to four neighbours of x at the place that (i, j) comes from, weighted by how
 * near they are; nearest has one neighbour.
 */
final class PlainResize {
  private final Workers workers;

  PlainResize(Workers workers) {
    this.workers = workers;
  }

  /**
   * Where the rows, or the columns, of the result lie in the input.
   *
   * @param low the neighbour before
   * @param high the neighbour after
   * @param share how much of the neighbour after
   */
  private record Axis(int[] low, int[] high, double[] share) {
    static Axis of(int in, int out, ResizeShape s) {
      Axis axis = new Axis(new int[out], new int[out], new double[out]);
      for (int i = 0; i < out; i++) {
        if (s.bilinear()) {
          double at = s.alignCorners() ? corners(i, in, out) : halves(i, in, out);
          axis.low[i] = (int) at;
          axis.high[i] = Math.min(axis.low[i] + 1, in - 1);
          axis.share[i] = at - axis.low[i];
        } else {
          axis.low[i] = (int) ((long) i * in / out);
          axis.high[i] = axis.low[i];
        }
      }
      return axis;
    }

    private static double halves(int i, int in, int out) {
      return Math.max(0, (i + 0.5) * in / out - 0.5);
    }

    private static double corners(int i, int in, int out) {
      return out == 1 ? 0 : (double) i * (in - 1) / (out - 1);
    }
  }

  void forward(Buffer y, Buffer x, ResizeShape s) {
    Axis rows = Axis.of(s.h(), s.outH(), s);
    Axis columns = Axis.of(s.w(), s.outW(), s);
    double[] v = Reals.read(x);
    double[] result = new double[PlainStorage.length(y)];
    workers.each(
        s.n() * s.outH() * s.outW(),
        result.length * 8L,
        (from, to) -> {
          for (int pixel = from; pixel < to; pixel++) {
            neighbours(
                pixel,
                rows,
                columns,
                s,
                (xi, yi, share) -> {
                  for (int c = 0; c < s.c(); c++) {
                    result[yi + c] += share * v[xi + c];
                  }
                });
          }
        });
    Reals.write(y, result);
  }

  void backward(Buffer dx, Buffer dy, ResizeShape s) {
    Axis rows = Axis.of(s.h(), s.outH(), s);
    Axis columns = Axis.of(s.w(), s.outW(), s);
    double[] d = Reals.read(dy);
    double[] result = new double[PlainStorage.length(dx)];
    int pixels = s.outH() * s.outW();
    workers.each(
        s.n(),
        d.length * 8L,
        (from, to) -> {
          for (int pixel = from * pixels; pixel < to * pixels; pixel++) {
            neighbours(
                pixel,
                rows,
                columns,
                s,
                (xi, yi, share) -> {
                  for (int c = 0; c < s.c(); c++) {
                    result[xi + c] += share * d[yi + c];
                  }
                });
          }
        });
    Reals.write(dx, result);
  }

  /** One pair of pixels: where their channels begin, and the weight between them. */
  @FunctionalInterface
  private interface Pair {
    void with(int xi, int yi, double share);
  }

  /** The neighbours that count; one with weight 0 is left out, so that 0 · ∞ does not arise. */
  private static void neighbours(int pixel, Axis rows, Axis columns, ResizeShape s, Pair pair) {
    int j = pixel % s.outW();
    int i = pixel / s.outW() % s.outH();
    int picture = pixel / s.outW() / s.outH();
    for (int corner = 0; corner < 4; corner++) {
      boolean below = corner >= 2;
      boolean right = corner % 2 == 1;
      double share =
          (below ? rows.share[i] : 1 - rows.share[i])
              * (right ? columns.share[j] : 1 - columns.share[j]);
      if (share != 0) {
        int r = below ? rows.high[i] : rows.low[i];
        int q = right ? columns.high[j] : columns.low[j];
        pair.with(((picture * s.h() + r) * s.w() + q) * s.c(), pixel * s.c(), share);
      }
    }
  }
}
