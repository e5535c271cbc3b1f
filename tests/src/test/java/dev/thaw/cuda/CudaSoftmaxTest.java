package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.thaw.backend.Backend;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Softmax and cross-entropy of rows that lanes of a warp share, and of rows that blocks take. */
final class CudaSoftmaxTest {
  private static final double INF = Double.POSITIVE_INFINITY;

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "5, 10",
    "3, 33",
    "2, 128",
    "3, 129",
    "70, 140",
    "2, 3000",
    "0, 7",
    "40, 264",
    "70, 256",
    "66, 1024",
    "70, 20"
  })
  void everyShape(int rows, int columns) {
    double[] x = numbers(rows * columns, 1);
    double[] dy = numbers(rows * columns, 2);
    double[] logarithms = Arrays.stream(numbers(rows * columns, 3)).map(v -> v - 8).toArray();
    for (boolean log : new boolean[] {false, true}) {
      String what = (log ? "log softmax" : "softmax") + " of [" + rows + ", " + columns + "]";
      Agreement.holdInFloat32(what, 1, forward(x, log, rows, columns));
      double[] y = log ? logarithms : x;
      Agreement.holdInFloat32(
          what + " backward",
          // Sums of many numbers that cancel.
          4 + columns / 16.0,
          (backend, buffers) -> {
            Buffer dx = buffers.output(x.length);
            backend.softmax().backward(dx, buffers.of(dy), buffers.of(y), log, rows, columns);
            return List.of(dx);
          });
    }
  }

  private static Agreement.Calls forward(double[] x, boolean log, int rows, int columns) {
    return (backend, buffers) -> {
      Buffer y = buffers.output(x.length);
      backend.softmax().forward(y, buffers.of(x), log, rows, columns);
      return List.of(y);
    };
  }

  @ParameterizedTest
  @CsvSource({"3", "40", "600"})
  void specialNumbers(int columns) {
    double[] fills = {0, -INF, INF, 1e30, -1e30, Double.NaN, -INF, -INF};
    double[] first = {0, 0, 0, 0, 0, 0, 3, INF};
    double[] x = new double[fills.length * columns];
    for (int i = 0; i < fills.length; i++) {
      Arrays.fill(x, i * columns, (i + 1) * columns, (float) fills[i]);
      if (fills[i] != -INF || first[i] != 0) {
        x[i * columns] = first[i];
      }
    }
    // One NaN, one infinity, among numbers.
    double[] mixed = numbers(3 * columns, 4);
    mixed[columns - 1] = Double.NaN;
    mixed[columns + 1] = INF;
    mixed[2 * columns + columns / 2] = -INF;
    for (boolean log : new boolean[] {false, true}) {
      String what = "log " + log + " of special numbers, " + columns + " columns";
      Agreement.holdInFloat32(what, 1, forward(x, log, fills.length, columns));
      Agreement.holdInFloat32(what + ", mixed", 1, forward(mixed, log, 3, columns));
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "5, 10", "33, 7", "9, 129", "600, 10", "3, 1100", "70, 140", "70, 1000"})
  void crossEntropy(int rows, int columns) {
    for (double smoothing : new double[] {0, 0.125}) {
      for (boolean weighted : new boolean[] {false, true}) {
        crossEntropy(rows, columns, smoothing, weighted, DType.INT64);
        crossEntropy(rows, columns, smoothing, weighted, DType.INT32);
      }
    }
  }

  /** Forward, and backward. */
  private static void crossEntropy(
      int rows, int columns, double smoothing, boolean weighted, DType type) {
    CrossEntropyOptions options = new CrossEntropyOptions(smoothing, -7);
    double[] logits = numbers(rows * columns, 1);
    double[] logarithms = Arrays.stream(numbers(rows * columns, 2)).map(v -> v - 8).toArray();
    double[] weights = Arrays.stream(numbers(columns, 3)).map(Math::abs).toArray();
    double[] classes =
        IntStream.range(0, rows).mapToDouble(i -> i % 4 == 1 ? -7 : i * 31 % columns).toArray();
    Agreement.holdInFloat32(
        String.format(
            "cross-entropy of [%d, %d], smoothing %s, %s", rows, columns, smoothing, type),
        4,
        (backend, buffers) -> {
          Buffer targets = buffers.of(type, classes);
          Buffer loss = buffers.output(1);
          Buffer total = buffers.output(1);
          Buffer log = buffers.output(logits.length);
          Buffer w = weighted ? buffers.of(weights) : null;
          Buffer x = buffers.of(logits);
          backend.softmax().crossEntropy(loss, total, log, x, targets, w, options, rows, columns);
          Buffer dlogits = buffers.output(logits.length);
          Buffer dloss = buffers.of(2);
          Buffer y = buffers.of(logarithms);
          Buffer divisor = buffers.of(0.5);
          backend
              .softmax()
              .crossEntropyBackward(dlogits, dloss, divisor, y, targets, w, options, rows, columns);
          return List.of(loss, total, log, dlogits);
        });
  }

  @Test
  void allIgnored() {
    CrossEntropyOptions options = new CrossEntropyOptions(0, 3);
    Agreement.holdInFloat32(
        "cross-entropy of nothing",
        1,
        (backend, buffers) -> {
          Buffer targets = buffers.of(DType.INT64, 3, 3);
          Buffer loss = buffers.output(1);
          Buffer total = buffers.output(1);
          Buffer log = buffers.output(6);
          Buffer x = buffers.of(numbers(6, 1));
          backend.softmax().crossEntropy(loss, total, log, x, targets, null, options, 2, 3);
          Buffer dlogits = buffers.output(6);
          backend
              .softmax()
              .crossEntropyBackward(
                  dlogits, buffers.of(1), total, log, targets, null, options, 2, 3);
          return List.of(loss, total, dlogits);
        });
  }

  @Test
  void aTargetThatIsNoClassIsRefused() {
    Backend card = OnACard.backend();
    for (DType type : List.of(DType.INT32, DType.INT64)) {
      for (int columns : new int[] {3, 200}) {
        for (int wrong : new int[] {-1, columns, Integer.MIN_VALUE}) {
          refused(card, type, columns, wrong);
        }
      }
    }
  }

  private static void refused(Backend card, DType type, int columns, int wrong) {
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer loss = buffers.output(1);
      Buffer log = buffers.output(2L * columns);
      Buffer x = buffers.of(numbers(2 * columns, 1));
      Buffer targets = buffers.of(type, 2, wrong);
      card.softmax()
          .crossEntropy(loss, loss, log, x, targets, null, CrossEntropyOptions.DEFAULT, 2, columns);
      IllegalArgumentException e = assertThrows(IllegalArgumentException.class, card::synchronize);
      assertEquals(
          "crossEntropy: target "
              + wrong
              + " of row 1 is not in [0, "
              + columns
              + ") and not the ignored -100",
          e.getMessage());
    }
  }
}
