package dev.thaw.cpu;

import dev.thaw.backend.Binary;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.junit.jupiter.api.Test;

/** Loops that compute. */
final class SameBitsTest extends SameBits {
  @Test
  void unary() {
    for (Unary f : Unary.values()) {
      int number =
          Native.thaw_unary_find(
              (f.id() + '\0').getBytes(java.nio.charset.StandardCharsets.US_ASCII));
      for (int n : SIZES) {
        Buffer x = f == Unary.LOG || f == Unary.POWER ? positive(n) : numbers(n);
        Buffer y = output(n);
        hold(
            f + " of " + n,
            t -> Native.thaw_unary_forward(number, y.address(), x.address(), n, 0.7, 1.3, t),
            y);
        Buffer saved = positive(n);
        Buffer dy = numbers(n);
        Buffer dx = output(n);
        hold(
            f + "' of " + n,
            t ->
                Native.thaw_unary_backward(
                    number, dx.address(), dy.address(), saved.address(), n, 0.7, 1.3, t),
            dx);
      }
    }
  }

  @Test
  void binary() {
    int[][] steps = {
      {1, 1, 1, 1}, {1, 1, 0, 1}, {1, 1, 1, 0}, {0, 1, 1, 1}, {1, 0, 1, 1}, {1, 1, 0, 0}
    };
    for (Binary f : Binary.values()) {
      for (int rows : new int[] {1, 7, 300}) {
        for (int columns : new int[] {1, 5, 33, 1025}) {
          for (int[] s : steps) {
            Buffer a =
                f == Binary.POW ? positive((long) rows * columns) : numbers((long) rows * columns);
            Buffer b = numbers((long) rows * columns);
            Buffer y = output((long) rows * columns);
            hold(
                f + " " + rows + " x " + columns,
                t ->
                    Native.thaw_binary_2d(
                        f.ordinal(),
                        y.address(),
                        a.address(),
                        b.address(),
                        rows,
                        columns,
                        s[0] * (s[1] == 0 ? 1L : columns),
                        s[1],
                        s[2] * (s[3] == 0 ? 1L : columns),
                        s[3],
                        t),
                y);
          }
        }
      }
    }
  }

  @Test
  void reductions() {
    int[][] shapes = {
      {1, 1, 1},
      {1, 70_001, 1},
      {3, 140_001, 1},
      {1000, 17, 1},
      {1, 5000, 3},
      {2, 3000, 65},
      {1, 400, 1030},
      {7, 9, 10},
      {5, 2, 2000},
      {1, 65, 5000},
      {0, 3, 4},
      {3, 4, 0}
    };
    for (int[] s : shapes) {
      for (Reduction r : Reduction.values()) {
        Buffer x = numbers((long) s[0] * s[1] * s[2]);
        Buffer y = output((long) s[0] * s[2]);
        hold(
            r + " of " + java.util.Arrays.toString(s),
            t ->
                Native.thaw_reduce(r.ordinal(), y.address(), x.address(), s[0], s[1], s[2], 0.3, t),
            y);
      }
      Buffer x = numbers((long) s[0] * s[1] * s[2]);
      Buffer y = buffer(DType.INT64, (long) s[0] * s[2]);
      hold(
          "argmax of " + java.util.Arrays.toString(s),
          t -> Native.thaw_argmax(y.address(), x.address(), s[0], s[1], s[2], t),
          y);
    }
  }

  @Test
  void norms() {
    int[][] shapes = {
      {1, 1}, {3, 5}, {5000, 3}, {2100, 16}, {700, 64}, {40, 1030}, {2, 4100}, {9, 768}
    };
    for (int[] s : shapes) {
      int rows = s[0];
      int c = s[1];
      long all = (long) rows * c;
      String shape = rows + " x " + c;
      for (boolean relu : new boolean[] {false, true}) {
        Buffer x = numbers(all);
        Buffer gamma = numbers(c);
        Buffer beta = numbers(c);
        Buffer dy = numbers(all);
        Buffer mean = output(c);
        Buffer variance = output(c);
        Buffer y = output(all);
        Buffer dx = output(all);
        Buffer dgamma = output(c);
        Buffer dbeta = output(c);
        Buffer constant = output(all);
        Buffer counted = output(all);
        Buffer dresidual = output(all);
        hold(
            "batch norm " + shape,
            t -> {
              Native.thaw_norm_statistics(
                  mean.address(), variance.address(), x.address(), rows, c, t);
              Native.thaw_norm_batch_forward(
                  y.address(),
                  x.address(),
                  gamma.address(),
                  beta.address(),
                  mean.address(),
                  variance.address(),
                  relu ? 0 : dy.address(),
                  relu ? 1 : 0,
                  rows,
                  c,
                  1e-5,
                  t);
              Native.thaw_norm_batch_backward(
                  dx.address(),
                  dgamma.address(),
                  dbeta.address(),
                  0,
                  dy.address(),
                  x.address(),
                  gamma.address(),
                  relu ? beta.address() : 0,
                  mean.address(),
                  variance.address(),
                  0,
                  rows,
                  c,
                  1e-5,
                  t);
              Native.thaw_norm_batch_backward(
                  counted.address(),
                  0,
                  0,
                  dresidual.address(),
                  dy.address(),
                  x.address(),
                  gamma.address(),
                  0,
                  mean.address(),
                  variance.address(),
                  y.address(),
                  rows,
                  c,
                  1e-5,
                  t);
              Native.thaw_norm_constant_backward(
                  constant.address(),
                  dy.address(),
                  gamma.address(),
                  variance.address(),
                  rows,
                  c,
                  1e-5,
                  t);
            },
            mean,
            variance,
            y,
            dx,
            dgamma,
            dbeta,
            constant,
            counted,
            dresidual);
      }
      Buffer x = numbers(all);
      Buffer gamma = numbers(c);
      Buffer beta = numbers(c);
      Buffer dy = numbers(all);
      Buffer mean = output(rows);
      Buffer rstd = output(rows);
      Buffer y = output(all);
      Buffer dx = output(all);
      Buffer dgamma = output(c);
      Buffer dbeta = output(c);
      hold(
          "layer norm " + shape,
          t -> {
            Native.thaw_norm_layer_forward(
                y.address(),
                mean.address(),
                rstd.address(),
                x.address(),
                gamma.address(),
                beta.address(),
                rows,
                c,
                1e-5,
                t);
            Native.thaw_norm_layer_backward(
                dx.address(),
                dgamma.address(),
                dbeta.address(),
                dy.address(),
                x.address(),
                gamma.address(),
                mean.address(),
                rstd.address(),
                rows,
                c,
                t);
          },
          y,
          mean,
          rstd,
          dx,
          dgamma,
          dbeta);
    }
  }

  @Test
  void softmax() {
    for (int[] s : new int[][] {{1, 1}, {64, 10}, {700, 17}, {33, 1000}, {3, 5000}}) {
      int rows = s[0];
      int columns = s[1];
      long all = (long) rows * columns;
      for (int log = 0; log < 2; log++) {
        int asLog = log;
        Buffer x = numbers(all);
        Buffer dy = numbers(all);
        Buffer y = output(all);
        Buffer dx = output(all);
        hold(
            "softmax " + rows + " x " + columns,
            t -> {
              Native.thaw_softmax_forward(y.address(), x.address(), asLog, rows, columns, t);
              Native.thaw_softmax_backward(
                  dx.address(), dy.address(), y.address(), asLog, rows, columns, t);
            },
            y,
            dx);
      }
      Buffer x = numbers(all);
      Buffer targets = integers(rows, columns, true);
      Buffer weights = positive(columns);
      Buffer dloss = numbers(1);
      Buffer loss = output(1);
      Buffer total = output(1);
      Buffer log = output(all);
      Buffer dx = output(all);
      hold(
          "cross-entropy " + rows + " x " + columns,
          t -> {
            Native.thaw_cross_entropy(
                loss.address(),
                total.address(),
                log.address(),
                x.address(),
                targets.address(),
                1,
                weights.address(),
                0.1,
                0,
                rows,
                columns,
                t);
            Native.thaw_cross_entropy_backward(
                dx.address(),
                dloss.address(),
                total.address(),
                log.address(),
                targets.address(),
                1,
                weights.address(),
                0.1,
                0,
                rows,
                columns,
                t);
          },
          loss,
          total,
          log,
          dx);
    }
  }
}
