package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Reduction;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reductions of shapes that each kernel takes, whole and in pieces. */
final class CudaReduceTest {

  @ParameterizedTest
  @CsvSource({
    // A thread a result: of few numbers, of many results.
    "4, 5, 7",
    "3, 16, 2",
    "2, 33, 1100",
    "700, 20, 3",
    // Rows: of lanes of a warp, of a block, in pieces.
    "7, 1, 1",
    "9, 3, 1",
    "5, 128, 1",
    "70, 301, 1",
    "70, 1000, 1",
    "3, 1000, 1",
    "3, 9001, 1",
    "1, 40000, 1",
    // Columns: packs and single ones, one tile and several, in pieces.
    "1, 17, 2",
    "3, 40, 100",
    "2, 1500, 64",
    "1, 3001, 5",
    "1, 5000, 8",
    "1, 300, 136",
  })
  void everyShape(int outer, int n, int inner) {
    double[] x = numbers(outer * n * inner, n);
    for (Reduction r : Reduction.values()) {
      // A power of 2: every sum and product is one that float has.
      double scale = r == Reduction.SUM ? 0.5 : 1;
      Agreement.hold(
          r + " of [" + outer + ", " + n + ", " + inner + "]",
          0,
          reduce(r, x, outer, n, inner, scale));
    }
    Agreement.hold("argmax", 0, argmax(x, outer, n, inner));
  }

  @ParameterizedTest
  @CsvSource({"2, 16, 3", "2, 100, 1", "2, 1000, 1", "1, 9000, 1", "1, 600, 8"})
  void nanIsTheLargestAndTheSmallest(int outer, int n, int inner) {
    double[] x = numbers(outer * n * inner, 1);
    x[n / 2 * inner] = Double.NaN;
    x[(n - 1) * inner] = Double.NaN;
    x[outer * n * inner - 1] = Double.NEGATIVE_INFINITY;
    for (Reduction r : Reduction.values()) {
      Agreement.hold(r + " with NaN", 0, reduce(r, x, outer, n, inner, 1));
    }
    Agreement.hold("argmax with NaN", 0, argmax(x, outer, n, inner));
    // No number is larger than what a search begins with; the first of equal ones is found.
    java.util.Arrays.fill(x, Double.NEGATIVE_INFINITY);
    Agreement.hold("argmax of infinities", 0, argmax(x, outer, n, inner));
    for (int i = 0; i < x.length; i++) {
      x[i] = i % 3 == 0 ? -0.0 : 0.0;
    }
    Agreement.hold("argmax of zeros", 0, argmax(x, outer, n, inner));
  }

  private static Agreement.Calls reduce(
      Reduction r, double[] x, int outer, int n, int inner, double scale) {
    return (backend, buffers) -> {
      Buffer y = buffers.output((long) outer * inner);
      backend.reduce().reduce(r, y, buffers.of(x), outer, n, inner, scale);
      return List.of(y);
    };
  }

  private static Agreement.Calls argmax(double[] x, int outer, int n, int inner) {
    return (backend, buffers) -> {
      Buffer y = buffers.output(DType.INT64, (long) outer * inner);
      backend.reduce().argmax(y, buffers.of(x), outer, n, inner);
      return List.of(y);
    };
  }

  /** 132 multiprocessors, where this card may have two: so many pieces that they fill rows too. */
  @ParameterizedTest
  @CsvSource({"1, 700001, 1", "1, 60000, 8", "2, 20001, 3"})
  void inPiecesOfALargeCard(int outer, int n, int inner) {
    CudaBackend cuda = OnACard.backend();
    var large = new CudaReduce(cuda.card(), cuda.kernels(), cuda.workspace(), 132 * 8);
    double[] x = numbers(outer * n * inner, n);
    double[] largest = new double[outer * inner];
    double[] first = new double[outer * inner];
    double[] sums = new double[outer * inner];
    java.util.Arrays.fill(largest, Double.NEGATIVE_INFINITY);
    for (int i = 0; i < x.length; i++) {
      int at = i / (n * inner) * inner + i % inner;
      sums[at] += x[i];
      if (x[i] > largest[at]) {
        largest[at] = x[i];
        first[at] = i / inner % n;
      }
    }
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16)) {
      try (TestBuffers buffers = new TestBuffers(cuda, dtype)) {
        Buffer from = buffers.of(x);
        Buffer index = buffers.output(DType.INT64, largest.length);
        Buffer max = buffers.output(largest.length);
        Buffer sum = buffers.output(DType.FLOAT32, largest.length);
        large.argmax(index, from, outer, n, inner);
        large.reduce(Reduction.MAX, max, from, outer, n, inner, 1);
        large.reduce(Reduction.SUM, sum, from, outer, n, inner, 1);
        assertArrayEquals(first, buffers.read(index));
        assertArrayEquals(largest, buffers.read(max));
        assertArrayEquals(sums, buffers.read(sum));
      }
    }
  }

  /** What a gradient of float32 weights is made of. */
  @Test
  void sumsOfBfloat16MayBeFloat() {
    Backend card = OnACard.backend();
    double[] x = numbers(3000 * 8, 2);
    double[] expected = new double[8];
    for (int i = 0; i < x.length; i++) {
      expected[i % 8] += x[i];
    }
    try (TestBuffers buffers = new TestBuffers(card, DType.BFLOAT16)) {
      Buffer y = buffers.output(DType.FLOAT32, 8);
      card.reduce().reduce(Reduction.SUM, y, buffers.of(x), 1, 3000, 8, 1);
      assertArrayEquals(expected, buffers.read(y));
    }
  }

  @Test
  void nothing() {
    Backend card = OnACard.backend();
    try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
      Buffer none = buffers.of();
      card.reduce().reduce(Reduction.SUM, buffers.output(0), none, 0, 5, 3, 1);
      card.reduce().argmax(buffers.output(DType.INT64, 0), none, 4, 5, 0);
      Buffer y = buffers.output(3);
      card.reduce().reduce(Reduction.SUM, y, none, 3, 0, 1, 1);
      assertArrayEquals(new double[3], buffers.read(y));
    }
  }
}
