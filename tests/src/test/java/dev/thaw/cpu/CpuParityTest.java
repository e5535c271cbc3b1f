package dev.thaw.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.Philox;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.Strided;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Structured kernels against the plain backend in double, at sizes where pieces, tiles and groups
 * of the loops begin and end. Inputs are floats, so only the arithmetic differs.
 */
final class CpuParityTest {
  private static final Backend CPU = Devices.get("cpu");
  private static final Backend PLAIN = Devices.get("plain");

  private final SplittableRandom random = new SplittableRandom(11);

  /** A kernel's call: makes buffers, runs, returns the outputs. */
  private interface Call extends BiFunction<Backend, TestBuffers, List<Buffer>> {}

  private double[] numbers(int n) {
    double[] x = new double[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (random.nextDouble(-2, 2) + 0.5);
    }
    return x;
  }

  /** Runs on both and compares, each number within {@code tolerance} · (1 + |expected|). */
  private static void hold(String what, double tolerance, Call call) {
    try (TestBuffers exact = new TestBuffers(PLAIN, DType.FLOAT64);
        TestBuffers fast = new TestBuffers(CPU, DType.FLOAT32)) {
      List<Buffer> expected = call.apply(PLAIN, exact);
      List<Buffer> found = call.apply(CPU, fast);
      for (int i = 0; i < expected.size(); i++) {
        fast.assertClose(what + " " + i, exact.read(expected.get(i)), found.get(i), tolerance);
      }
    }
  }

  @Test
  void reductions() {
    for (int[] s :
        new int[][] {
          {1, 65_537, 1},
          {5, 70_000, 1},
          {300, 1023, 1},
          {1, 40_000, 3},
          {1, 1025, 257},
          {6, 33, 31},
          {2, 7, 2050},
          {64, 49, 64}
        }) {
      double[] v = numbers(s[0] * s[1] * s[2]);
      for (Reduction r : Reduction.values()) {
        hold(
            r + " of " + Arrays.toString(s),
            1e-6,
            (on, buffers) -> {
              Buffer y = buffers.output((long) s[0] * s[2]);
              on.reduce().reduce(r, y, buffers.of(v), s[0], s[1], s[2], 0.01);
              return List.of(y);
            });
      }
      hold(
          "argmax of " + Arrays.toString(s),
          0,
          (on, buffers) -> {
            Buffer y = buffers.output(DType.INT64, (long) s[0] * s[2]);
            on.reduce().argmax(y, buffers.of(v), s[0], s[1], s[2]);
            return List.of(y);
          });
    }
  }

  /** The mean is far from 0, as after a convolution with a bias: a sum of squares would cancel. */
  @Test
  void batchNorm() {
    for (int[] s :
        new int[][] {
          {1, 1},
          {2, 3},
          {31, 33},
          {5000, 3},
          {4097, 17},
          {700, 64},
          {33, 1025},
          {2500, 256},
          {40_000, 4}
        }) {
      int rows = s[0];
      int c = s[1];
      double[] x = numbers(rows * c);
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) (x[i] + 30 * (i % c % 3));
      }
      double[] dy = numbers(rows * c);
      double[] gamma = numbers(c);
      double[] beta = numbers(c);
      String shape = rows + " x " + c;
      hold(
          "batch norm " + shape,
          rows == 1 ? 1e-3 : 2e-5,
          (on, buffers) -> {
            Buffer in = buffers.of(x);
            Buffer mean = buffers.output(c);
            Buffer variance = buffers.output(c);
            on.norm().statistics(mean, variance, in, rows, c);
            List<Buffer> results = new ArrayList<>(List.of(mean, variance));
            for (int form = 0; form < 4; form++) {
              Buffer y = buffers.output(x.length);
              on.norm()
                  .batchForward(
                      y,
                      in,
                      buffers.of(gamma),
                      buffers.of(beta),
                      mean,
                      variance,
                      form % 2 == 1 ? buffers.of(dy) : null,
                      form >= 2,
                      rows,
                      c,
                      1e-5);
              results.add(y);
            }
            return results;
          });
      // With statistics given, so that the two do not differ by what they were made of.
      double[] mu = numbers(c);
      double[] sigma2 = IntStream.range(0, c).mapToDouble(i -> (float) (0.5 + i % 7)).toArray();
      double[] out = numbers(rows * c);
      for (int form = 0; form < 3; form++) {
        boolean relu = form == 1;
        boolean residual = form == 2;
        hold(
            "batch norm backward " + shape + ", relu " + relu + ", residual " + residual,
            1e-6 * Math.sqrt(rows) + 2e-5,
            (on, buffers) -> {
              Buffer dx = buffers.output(x.length);
              Buffer dgamma = buffers.output(c);
              Buffer dbeta = buffers.output(c);
              Buffer dresidual = buffers.output(x.length);
              on.norm()
                  .batchBackward(
                      dx,
                      dgamma,
                      dbeta,
                      residual ? dresidual : null,
                      buffers.of(dy),
                      buffers.of(out),
                      buffers.of(gamma),
                      relu ? buffers.of(beta) : null,
                      buffers.of(mu),
                      buffers.of(sigma2),
                      residual ? buffers.of(x) : null,
                      rows,
                      c,
                      1e-5);
              Buffer constant = buffers.output(x.length);
              on.norm()
                  .constantBackward(
                      constant,
                      buffers.of(dy),
                      buffers.of(gamma),
                      buffers.of(sigma2),
                      rows,
                      c,
                      1e-5);
              return residual
                  ? List.of(dx, dgamma, dbeta, constant, dresidual)
                  : List.of(dx, dgamma, dbeta, constant);
            });
      }
    }
  }

  @Test
  void layerNormAndSoftmax() {
    for (int[] s : new int[][] {{1, 1}, {65, 3}, {130, 33}, {7, 257}, {64, 768}, {3, 4097}}) {
      int rows = s[0];
      int n = s[1];
      double[] x = numbers(rows * n);
      double[] dy = numbers(rows * n);
      double[] gamma = numbers(n);
      double[] beta = numbers(n);
      hold(
          "layer norm " + rows + " x " + n,
          n == 1 ? 1e-3 : 2e-5,
          (on, buffers) -> {
            Buffer y = buffers.output(x.length);
            Buffer mean = buffers.output(rows);
            Buffer rstd = buffers.output(rows);
            Buffer in = buffers.of(x);
            Buffer scale = buffers.of(gamma);
            on.norm().layerForward(y, mean, rstd, in, scale, buffers.of(beta), rows, n, 1e-5);
            Buffer dx = buffers.output(x.length);
            Buffer dgamma = buffers.output(n);
            Buffer dbeta = buffers.output(n);
            on.norm()
                .layerBackward(dx, dgamma, dbeta, buffers.of(dy), in, scale, mean, rstd, rows, n);
            return List.of(y, mean, dgamma, dbeta, dx);
          });
      for (boolean log : new boolean[] {false, true}) {
        hold(
            "softmax " + rows + " x " + n + ", log " + log,
            2e-6 * Math.sqrt(n),
            (on, buffers) -> {
              Buffer y = buffers.output(x.length);
              on.softmax().forward(y, buffers.of(x), log, rows, n);
              Buffer dx = buffers.output(x.length);
              on.softmax().backward(dx, buffers.of(dy), y, log, rows, n);
              return List.of(y, dx);
            });
      }
    }
  }

  @Test
  void pooling() {
    for (int i = 0; i < 60; i++) {
      int k = random.nextInt(1, 4);
      int stride = random.nextInt(1, 4);
      int pad = random.nextInt(k / 2 + 1);
      int h = random.nextInt(k, 12);
      int w = random.nextInt(k, 12);
      boolean adaptive = random.nextInt(4) == 0;
      int oh = adaptive ? random.nextInt(1, h + 1) : (h + 2 * pad - k) / stride + 1;
      int ow = adaptive ? random.nextInt(1, w + 1) : (w + 2 * pad - k) / stride + 1;
      int c = List.of(1, 3, 16, 17, 32, 35).get(random.nextInt(6));
      boolean counted = random.nextInt(2) == 0;
      PoolShape s =
          new PoolShape(2, h, w, c, oh, ow, k, k, stride, stride, pad, pad, counted, adaptive);
      double[] x = numbers(2 * h * w * c);
      double[] dy = numbers(2 * oh * ow * c);
      hold(
          s.toString(),
          2e-6,
          (on, buffers) -> {
            Buffer in = buffers.of(x);
            Buffer d = buffers.of(dy);
            Buffer y = buffers.output(dy.length);
            Buffer where = buffers.output(DType.INT32, dy.length);
            Buffer dx = buffers.output(x.length);
            on.pooling().maxForward(y, where, in, s);
            on.pooling().maxBackward(dx, d, where, null, s);
            Buffer masked = buffers.output(x.length);
            on.pooling().maxBackward(masked, d, where, y, s);
            Buffer mean = buffers.output(dy.length);
            Buffer dMean = buffers.output(x.length);
            on.pooling().averageForward(mean, in, s);
            on.pooling().averageBackward(dMean, d, s);
            return List.of(y, where, dx, masked, mean, dMean);
          });
    }
  }

  /** Random walks: permuted, sliced, flipped, repeated; every type. */
  @Test
  void copies() {
    for (int i = 0; i < 300; i++) {
      int rank = random.nextInt(5);
      int[] dims = new int[rank];
      for (int d = 0; d < rank; d++) {
        dims[d] = random.nextInt(8) == 0 ? random.nextInt(60, 90) : random.nextInt(1, 6);
      }
      Strided to = walk(dims, false);
      Strided from = walk(dims, true);
      DType dtype = DType.values()[random.nextInt(DType.values().length)];
      int ySize = size(dims, to);
      double[] x = IntStream.range(0, size(dims, from)).mapToDouble(v -> v % 128).toArray();
      double[] y = new double[ySize];
      try (TestBuffers plain = new TestBuffers(PLAIN, dtype);
          TestBuffers cpu = new TestBuffers(CPU, dtype)) {
        Buffer expected = plain.changing(y);
        Buffer found = cpu.changing(y);
        PLAIN.index().copy(expected, to, plain.of(x), from, dims);
        CPU.index().copy(found, to, cpu.of(x), from, dims);
        assertArrayEquals(
            plain.read(expected),
            cpu.read(found),
            () -> Arrays.toString(dims) + " " + dtype + " to " + to + " from " + from);
      }
    }
  }

  /**
   * Steps of a dense tensor whose dimensions lie in random order, with gaps; flipped or repeated.
   */
  private Strided walk(int[] dims, boolean read) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, dims.length).boxed().toList());
    for (int i = order.size(); i > 1; i--) {
      order.add(order.remove(random.nextInt(i)));
    }
    int[] strides = new int[dims.length];
    long offset = random.nextInt(3);
    int step = 1;
    for (int d : order) {
      boolean repeated = read && random.nextInt(6) == 0;
      boolean flipped = random.nextInt(6) == 0;
      strides[d] = repeated ? 0 : flipped ? -step : step;
      if (flipped && !repeated) {
        offset += (long) step * (dims[d] - 1);
      }
      step *= dims[d] + (random.nextInt(4) == 0 ? 1 : 0);
    }
    return new Strided(offset, strides);
  }

  private static int size(int[] dims, Strided walk) {
    long last = walk.offset();
    for (int d = 0; d < dims.length; d++) {
      last += Math.max(0, (long) walk.strides()[d] * (dims[d] - 1));
    }
    return (int) last + 1;
  }

  @Test
  void casts() {
    double[] values = {0, 1, 2, 3, 100, 127, 64, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    for (DType from : DType.values()) {
      for (DType to : DType.values()) {
        try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
          Buffer y = buffers.output(to, values.length);
          CPU.index().cast(y, buffers.of(from, values));
          assertArrayEquals(values, buffers.read(y), from + " to " + to);
          Buffer filled = buffers.output(to, 70);
          CPU.index().fill(filled, 3);
          double[] threes = new double[70];
          Arrays.fill(threes, 3);
          assertArrayEquals(threes, buffers.read(filled));
        }
      }
    }
  }

  /** Ties, and doubles whose nearest float is one: rounding twice would go astray. */
  @Test
  void bfloat16IsTheNearest() {
    List<Double> x = new ArrayList<>();
    for (int i = 0; i < 20_000; i++) {
      double tie = Float.intBitsToFloat((random.nextInt(0x7F80) << 16) | 0x8000);
      double sign = random.nextBoolean() ? 1 : -1;
      x.add(sign * tie);
      x.add(sign * Math.nextUp(tie));
      x.add(sign * Math.nextDown(tie));
      x.add(sign * random.nextDouble(3.5e38));
      x.add(sign * random.nextDouble(1e-40));
    }
    x.addAll(
        List.of(
            0.0,
            -0.0,
            1e-300,
            -1e-300,
            1e300,
            Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY,
            Double.NaN));
    double[] values = x.stream().mapToDouble(v -> v).toArray();
    for (DType from : List.of(DType.FLOAT64, DType.FLOAT32)) {
      try (TestBuffers plain = new TestBuffers(PLAIN, from);
          TestBuffers cpu = new TestBuffers(CPU, from)) {
        Buffer expected = plain.output(DType.BFLOAT16, values.length);
        Buffer found = cpu.output(DType.BFLOAT16, values.length);
        PLAIN.index().cast(expected, plain.of(values));
        CPU.index().cast(found, cpu.of(values));
        assertArrayEquals(plain.read(expected), cpu.read(found));
      }
    }
  }

  @Test
  void randomNumbersAreThoseOfPhilox() {
    for (int n : new int[] {1, 3, 63, 64, 65, 1023, 100_003}) {
      long seed = 0xFEDCBA9876543210L;
      Philox philox = new Philox(seed, 4, 1_000_000_007);
      double[] expected = new double[n];
      double[] kept = new double[n];
      double p = 0.3;
      for (int i = 0; i < n; i++) {
        expected[i] = philox.uniform(i);
        kept[i] = expected[i] >= p ? (float) (3 / (1 - p)) : 0;
      }
      try (TestBuffers buffers = new TestBuffers(CPU, DType.FLOAT32)) {
        Buffer y = buffers.output(n);
        CPU.random().uniform(y, seed, 4, 1_000_000_007);
        assertArrayEquals(expected, buffers.read(y));
        double[] threes = new double[n];
        Arrays.fill(threes, 3);
        Buffer dropped = buffers.output(n);
        CPU.random().dropout(dropped, buffers.of(threes), null, p, seed, 4, 1_000_000_007);
        assertArrayEquals(kept, buffers.read(dropped));
      }
    }
  }
}
