package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Norms whose rows are cut into one piece and many, of few channels and several groups of them. */
final class CudaNormTest {
  private static final double EPS = 1e-3;

  private static double[] positive(int n, int seed) {
    return Arrays.stream(numbers(n, seed)).map(v -> v + 8.125).toArray();
  }

  /** A float output, whatever x is. */
  private static Buffer floats(TestBuffers buffers, int n) {
    return buffers.output(DType.FLOAT32, n);
  }

  private static Buffer floats(TestBuffers buffers, double[] values) {
    return buffers.of(DType.FLOAT32, values);
  }

  /**
   * Σ y and Σ y² rounded to float leave the variance a relative error of 1.5 · 2⁻²³ (1 + μ² / σ²)
   * at most: with a mean 30 standard deviations away 1.6 · 10⁻⁴, so more than three digits are
   * left.
   */
  @Test
  void statisticsOfSums() {
    int rows = 4096;
    double[] means = {0, 5, -139, 139, 0.25};
    double[] spreads = {1, 1, 1, 1, 0};
    double[] sums = new double[means.length];
    double[] squares = new double[means.length];
    double[] variances = new double[means.length];
    for (int c = 0; c < means.length; c++) {
      for (double v : numbers(rows, c)) {
        double y = means[c] + spreads[c] * v;
        sums[c] += y;
        squares[c] += y * y;
      }
      means[c] = sums[c] / rows;
      variances[c] = squares[c] / rows - means[c] * means[c];
    }
    // One a little too small, as rounding may leave it.
    squares[4] = Math.nextDown((float) squares[4]);
    CudaBackend card = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer mean = buffers.output(means.length);
      Buffer variance = buffers.output(means.length);
      ((CudaNorm) card.norm())
          .statisticsOfSums(
              mean,
              variance,
              buffers.of(sums).address(),
              buffers.of(squares).address(),
              rows,
              means.length);
      buffers.assertClose("mean", means, mean, 1e-7);
      double[] found = buffers.read(variance);
      for (int c = 0; c < means.length; c++) {
        double error = 0x1.8p-23 * (variances[c] + means[c] * means[c]);
        assertEquals(variances[c], found[c], error, "variance " + c);
        assertTrue(found[c] >= 0, "variance " + c + ": " + found[c]);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "1, 40",
    "2, 3",
    "7, 8",
    "300, 16",
    "500, 33",
    "3000, 5",
    "40000, 1",
    "9000, 4",
    "70, 520",
    "33, 264",
    "5, 0"
  })
  void byChannel(int rows, int channels) {
    int n = rows * channels;
    double[] x = numbers(n, 1);
    double[] dy = numbers(n, 2);
    double[] residual = numbers(n, 3);
    double[] gamma = numbers(channels, 4);
    double[] beta = numbers(channels, 5);
    double[] mean = numbers(channels, 6);
    double[] variance = positive(channels, 7);
    String what = " of [" + rows + ", " + channels + "]";
    Agreement.hold(
        "statistics" + what,
        4,
        (backend, buffers) -> {
          Buffer m = floats(buffers, channels);
          Buffer v = floats(buffers, channels);
          backend.norm().statistics(m, v, buffers.of(x), rows, channels);
          return List.of(m, v);
        });
    for (boolean relu : new boolean[] {false, true}) {
      Agreement.hold(
          "forward and residual" + what,
          16,
          (backend, buffers) -> {
            Buffer z = buffers.output(n);
            backend
                .norm()
                .batchForward(
                    z,
                    buffers.of(x),
                    floats(buffers, gamma),
                    floats(buffers, beta),
                    floats(buffers, mean),
                    floats(buffers, variance),
                    buffers.of(residual),
                    relu,
                    rows,
                    channels,
                    EPS);
            return List.of(z);
          });
      Agreement.hold(
          "forward" + what,
          8,
          (backend, buffers) -> {
            Buffer z = buffers.output(n);
            backend
                .norm()
                .batchForward(
                    z,
                    buffers.of(x),
                    floats(buffers, gamma),
                    floats(buffers, beta),
                    floats(buffers, mean),
                    floats(buffers, variance),
                    null,
                    relu,
                    rows,
                    channels,
                    EPS);
            return List.of(z);
          });
      Agreement.hold(
          "backward" + what,
          // Sums whose terms, up to 16 · 8 · √8, cancel.
          64 + rows,
          (backend, buffers) -> {
            Buffer dx = buffers.output(n);
            Buffer dgamma = floats(buffers, channels);
            Buffer dbeta = floats(buffers, channels);
            backend
                .norm()
                .batchBackward(
                    dx,
                    dgamma,
                    dbeta,
                    null,
                    buffers.of(dy),
                    buffers.of(x),
                    floats(buffers, gamma),
                    relu ? floats(buffers, beta) : null,
                    floats(buffers, mean),
                    floats(buffers, variance),
                    null,
                    rows,
                    channels,
                    EPS);
            return List.of(dx, dgamma, dbeta);
          });
    }
    for (boolean needed : new boolean[] {false, true}) {
      Agreement.hold(
          "backward and residual" + what,
          64 + rows,
          (backend, buffers) -> {
            Buffer dx = buffers.output(n);
            Buffer dgamma = floats(buffers, channels);
            Buffer dbeta = floats(buffers, channels);
            Buffer dresidual = buffers.output(n);
            backend
                .norm()
                .batchBackward(
                    needed ? dx : null,
                    dgamma,
                    dbeta,
                    dresidual,
                    buffers.of(dy),
                    buffers.of(x),
                    floats(buffers, gamma),
                    null,
                    floats(buffers, mean),
                    floats(buffers, variance),
                    buffers.of(residual),
                    rows,
                    channels,
                    EPS);
            return needed
                ? List.of(dx, dgamma, dbeta, dresidual)
                : List.of(dgamma, dbeta, dresidual);
          });
    }
    Agreement.hold(
        "constant backward" + what,
        8,
        (backend, buffers) -> {
          Buffer dx = buffers.output(n);
          backend
              .norm()
              .constantBackward(
                  dx,
                  buffers.of(dy),
                  floats(buffers, gamma),
                  floats(buffers, variance),
                  rows,
                  channels,
                  EPS);
          return List.of(dx);
        });
  }

  /** Each gradient is the same number without the others. */
  @ParameterizedTest
  @CsvSource({"300, 16", "40, 33"})
  void outputsLeftOut(int rows, int channels) {
    Backend card = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer dy = buffers.of(numbers(rows * channels, 1));
      Buffer x = buffers.of(numbers(rows * channels, 2));
      Buffer gamma = buffers.of(numbers(channels, 3));
      Buffer mean = buffers.of(numbers(rows, 4));
      Buffer rstd = buffers.of(positive(rows, 5));
      Buffer middle = buffers.of(numbers(channels, 4));
      Buffer variance = buffers.of(positive(channels, 5));
      for (boolean layer : new boolean[] {false, true}) {
        double[][] all = new double[3][];
        for (int wanted = 7; wanted >= 0; wanted--) {
          Buffer[] to = new Buffer[3];
          for (int i = 0; i < 3; i++) {
            to[i] = buffers.output(i == 0 ? rows * channels : channels);
          }
          Buffer dx = (wanted & 1) == 0 ? null : to[0];
          Buffer dgamma = (wanted & 2) == 0 ? null : to[1];
          Buffer dbeta = (wanted & 4) == 0 ? null : to[2];
          if (layer) {
            card.norm().layerBackward(dx, dgamma, dbeta, dy, x, gamma, mean, rstd, rows, channels);
          } else {
            card.norm()
                .batchBackward(
                    dx, dgamma, dbeta, null, dy, x, gamma, null, middle, variance, null, rows,
                    channels, EPS);
          }
          for (int i = 0; i < 3; i++) {
            if (wanted == 7) {
              all[i] = buffers.read(to[i]);
            } else if ((wanted >> i & 1) == 1) {
              assertArrayEquals(all[i], buffers.read(to[i]));
            }
          }
        }
      }
    }
  }

  /** A spread of 1 about a mean of 10,000, and one number far from all others. */
  @Test
  void statisticsOfNumbersFarFromZero() {
    int rows = 5000;
    double[] x = new double[rows * 4];
    for (int i = 0; i < x.length; i++) {
      int row = i / 4;
      x[i] =
          switch (i % 4) {
            case 0 -> 10_000 + (row % 2 == 0 ? 1 : -1);
            case 1 -> row == 0 ? 3000 : row % 2;
            case 2 -> row == rows - 1 ? -3000 : row % 2;
            default -> 0x1p20;
          };
    }
    double[] outliers = new double[2];
    for (int k = 0; k < 2; k++) {
      double middle = (k == 0 ? 3000 + 2500 : -3000 + 2499) / (double) rows;
      for (int row = 0; row < rows; row++) {
        double d = x[4 * row + 1 + k] - middle;
        outliers[k] += d * d / rows;
      }
    }
    Backend card = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer mean = buffers.output(4);
      Buffer variance = buffers.output(4);
      card.norm().statistics(mean, variance, buffers.of(x), rows, 4);
      double[] means = {10_000, 1.1, -0.1002, 0x1p20};
      double[] variances = {1, outliers[0], outliers[1], 0};
      buffers.assertClose("mean", means, mean, 1e-6);
      buffers.assertClose("variance", variances, variance, 1e-6);
      assertEquals(0, buffers.read(variance)[3]);
    }
  }

  @Test
  void runningStatistics() {
    for (int rows : new int[] {1, 5}) {
      Agreement.hold(
          "running statistics of " + rows + " rows",
          (backend, buffers) -> {
            Buffer mean = buffers.changing(DType.FLOAT32, numbers(300, 1));
            Buffer variance = buffers.changing(DType.FLOAT32, positive(300, 2));
            backend
                .norm()
                .track(
                    mean,
                    variance,
                    floats(buffers, numbers(300, 3)),
                    floats(buffers, positive(300, 4)),
                    rows,
                    300,
                    0.1);
            return List.of(mean, variance);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1", "3, 5", "40, 16", "9, 33", "70, 128", "3, 1000", "3, 1500", "2, 4099", "0, 8", "9, 256",
    "3, 1024"
  })
  void byRow(int rows, int columns) {
    int n = rows * columns;
    String what = " of [" + rows + ", " + columns + "]";
    double[] gamma = numbers(columns, 4);
    Agreement.hold(
        "layer norm" + what,
        8,
        (backend, buffers) -> {
          Buffer y = buffers.output(n);
          Buffer mean = floats(buffers, rows);
          Buffer rstd = floats(buffers, rows);
          backend
              .norm()
              .layerForward(
                  y,
                  mean,
                  rstd,
                  buffers.of(numbers(n, 1)),
                  floats(buffers, gamma),
                  floats(buffers, numbers(columns, 5)),
                  rows,
                  columns,
                  EPS);
          return List.of(y, mean, rstd);
        });
    Agreement.hold(
        "layer norm backward" + what,
        // Sums whose terms, up to 8³ · 16², cancel.
        64 + rows + columns,
        (backend, buffers) -> {
          Buffer dx = buffers.output(n);
          Buffer dgamma = floats(buffers, columns);
          Buffer dbeta = floats(buffers, columns);
          double[] rstd = Arrays.stream(positive(rows, 7)).map(v -> v / 16).toArray();
          backend
              .norm()
              .layerBackward(
                  dx,
                  dgamma,
                  dbeta,
                  buffers.of(numbers(n, 2)),
                  buffers.of(numbers(n, 1)),
                  floats(buffers, gamma),
                  floats(buffers, numbers(rows, 6)),
                  floats(buffers, rstd),
                  rows,
                  columns);
          return List.of(dx, dgamma, dbeta);
        });
  }

  /**
   * A host's bits, of few channels, which a block has a table of, and of many; of numbers that no
   * pack divides.
   */
  @ParameterizedTest
  @CsvSource({"1, 2051", "3, 801", "4, 512", "8, 261", "9, 240", "40, 33"})
  void pixels(int channels, int rows) {
    int n = rows * channels;
    double[] bytes = IntStream.range(0, n).mapToDouble(i -> i * 37 % 256).toArray();
    double[] means = numbers(channels, 1);
    double[] deviations = positive(channels, 2);
    double[] expected = new double[n];
    for (int i = 0; i < n; i++) {
      int c = i % channels;
      expected[i] = ((float) bytes[i] / 255f - (float) means[c]) / (float) deviations[c];
    }
    CudaBackend card = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer y = buffers.output(n);
      Buffer x = buffers.of(DType.UINT8, bytes);
      card.norm().pixels(y, x, buffers.of(means), buffers.of(deviations), rows, channels);
      assertArrayEquals(expected, buffers.read(y));
    }
  }
}
