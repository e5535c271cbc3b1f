package dev.thaw.plain;

import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** y = the largest, or the mean, of each window; channels are neighbours in the inner loop. */
final class PlainPool implements PoolKernels {
  private final Workers workers;

  PlainPool(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void maxForward(@Writes Buffer y, @Writes @Nullable Buffer where, Buffer x, PoolShape s) {
    double[] v = Reals.read(x);
    double[] largest = new double[PlainStorage.length(y)];
    int[] winners = new int[largest.length];
    workers.each(
        s.n() * s.outH(),
        (long) v.length * 2,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            for (int j = 0; j < s.outW(); j++) {
              maxWindow(largest, winners, v, row / s.outH(), row % s.outH(), j, s);
            }
          }
        });
    Reals.write(y, largest);
    if (where != null) {
      int start = PlainStorage.start(where);
      System.arraycopy(winners, 0, PlainStorage.ints(where), start, winners.length);
    }
  }

  private static void maxWindow(
      double[] y, int[] where, double[] x, int picture, int i, int j, PoolShape s) {
    int yi = ((picture * s.outH() + i) * s.outW() + j) * s.c();
    int first = s.rowStart(i) * s.w() + s.columnStart(j);
    for (int r = s.rowStart(i); r < s.rowEnd(i); r++) {
      for (int q = s.columnStart(j); q < s.columnEnd(j); q++) {
        int at = r * s.w() + q;
        int xi = (picture * s.h() * s.w() + at) * s.c();
        for (int c = 0; c < s.c(); c++) {
          if (at == first || PlainReduce.exceeds(x[xi + c], y[yi + c])) {
            y[yi + c] = x[xi + c];
            where[yi + c] = at;
          }
        }
      }
    }
  }

  @Override
  public void maxBackward(
      @Writes Buffer dx, Buffer dy, Buffer where, @Nullable Buffer y, PoolShape s) {
    double[] d = Reals.read(dy);
    if (y != null) {
      double[] maxima = Reals.read(y);
      for (int i = 0; i < d.length; i++) {
        d[i] = maxima[i] > 0 ? d[i] : 0;
      }
    }
    int[] winners = PlainStorage.ints(where);
    int start = PlainStorage.start(where);
    double[] result = new double[PlainStorage.length(dx)];
    int outputs = s.outH() * s.outW() * s.c();
    workers.each(
        s.n(),
        d.length * 2L,
        (from, to) -> {
          for (int i = from * outputs; i < to * outputs; i++) {
            int picture = i / outputs * s.h() * s.w();
            result[(picture + winners[start + i]) * s.c() + i % s.c()] += d[i];
          }
        });
    Reals.write(dx, result);
  }

  @Override
  public void averageForward(@Writes Buffer y, Buffer x, PoolShape s) {
    double[] v = Reals.read(x);
    double[] mean = new double[PlainStorage.length(y)];
    workers.each(
        s.n() * s.outH(),
        (long) v.length * 2,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            for (int j = 0; j < s.outW(); j++) {
              meanOfWindow(mean, v, row / s.outH(), row % s.outH(), j, s);
            }
          }
        });
    Reals.write(y, mean);
  }

  private static void meanOfWindow(double[] y, double[] x, int picture, int i, int j, PoolShape s) {
    int yi = ((picture * s.outH() + i) * s.outW() + j) * s.c();
    for (int r = s.rowStart(i); r < s.rowEnd(i); r++) {
      for (int q = s.columnStart(j); q < s.columnEnd(j); q++) {
        int xi = ((picture * s.h() + r) * s.w() + q) * s.c();
        for (int c = 0; c < s.c(); c++) {
          y[yi + c] += x[xi + c];
        }
      }
    }
    for (int c = 0; c < s.c(); c++) {
      y[yi + c] /= s.count(i, j);
    }
  }

  @Override
  public void averageBackward(@Writes Buffer dx, Buffer dy, PoolShape s) {
    double[] d = Reals.read(dy);
    double[] result = new double[PlainStorage.length(dx)];
    workers.each(
        s.n(),
        (long) result.length * 2,
        (from, to) -> {
          for (int row = from * s.outH(); row < to * s.outH(); row++) {
            for (int j = 0; j < s.outW(); j++) {
              spread(result, d, row / s.outH(), row % s.outH(), j, s);
            }
          }
        });
    Reals.write(dx, result);
  }

  private static void spread(double[] dx, double[] dy, int picture, int i, int j, PoolShape s) {
    int yi = ((picture * s.outH() + i) * s.outW() + j) * s.c();
    for (int r = s.rowStart(i); r < s.rowEnd(i); r++) {
      for (int q = s.columnStart(j); q < s.columnEnd(j); q++) {
        int xi = ((picture * s.h() + r) * s.w() + q) * s.c();
        for (int c = 0; c < s.c(); c++) {
          dx[xi + c] += dy[yi + c] / s.count(i, j);
        }
      }
    }
  }
}
