package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ResizeShape;
import dev.thaw.backend.Strided;
import dev.thaw.backend.TestBuffers;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Copies by every kernel and unit, casts between all types, indices, resizing. */
final class CudaIndexTest {

  /** Whole numbers that every type has. */
  private static double[] bytes(int n) {
    return IntStream.range(0, n).mapToDouble(i -> i * 37 % 251).toArray();
  }

  private static int product(int... dims) {
    return Arrays.stream(dims).reduce(1, (a, b) -> a * b);
  }

  private static int[] strides(int... dims) {
    int[] strides = new int[dims.length];
    int step = 1;
    for (int i = dims.length - 1; i >= 0; i--) {
      strides[i] = step;
      step *= dims[i];
    }
    return strides;
  }

  /** y = the walk of a part of x, in a part of y. */
  private static void copies(String what, int size, Strided to, Strided from, int... dims) {
    for (DType type : DType.values()) {
      Agreement.hold(
          what + " of " + type,
          0,
          (backend, buffers) -> {
            Buffer y = buffers.changing(type, new double[size]);
            backend.index().copy(y, to, buffers.of(type, bytes(size)), from, dims);
            return List.of(y);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    // Matrices: tiles, whole and not, and those too narrow for them.
    "1, 64, 32, 0-2-1",
    "3, 33, 45, 0-2-1",
    "1, 150, 140, 0-2-1",
    // In packs of every type: one tile, several and parts of some, several matrices.
    "1, 64, 64, 0-2-1",
    "3, 144, 80, 0-2-1",
    "2, 16, 208, 0-2-1",
    "48, 3, 32, 2-1-0",
    "2, 8, 100, 0-2-1",
    "2, 3, 50, 0-2-1",
    "2, 50, 7, 0-2-1",
    // The transposed dimensions are not neighbours.
    "9, 5, 40, 2-1-0",
    "12, 10, 11, 2-0-1",
    // Rows of whole packs, of some bytes, of one element.
    "5, 6, 32, 1-0-2",
    "5, 6, 12, 1-0-2",
    "5, 6, 3, 1-0-2",
    "5, 6, 1, 1-0-2",
  })
  void permutes(int a, int b, int c, String order) {
    int[] dims = {a, b, c};
    int[] axes = Arrays.stream(order.split("-")).mapToInt(Integer::parseInt).toArray();
    int[] sizes = Arrays.stream(axes).map(i -> dims[i]).toArray();
    int[] steps = Arrays.stream(axes).map(i -> strides(dims)[i]).toArray();
    copies(
        Arrays.toString(dims) + " as " + order,
        product(dims),
        new Strided(0, strides(sizes)),
        new Strided(0, steps),
        sizes);
  }

  @Test
  void partsRepeatsAndSteps() {
    Strided start = new Strided(0, new int[] {1});
    copies("all", 1003, start, start, 1003);
    copies("a part at odd places", 500, new Strided(5, new int[] {1}), start, 301);
    copies("backwards", 100, start, new Strided(99, new int[] {-1}), 100);
    copies("every third", 100, new Strided(1, new int[] {3}), new Strided(2, new int[] {2}), 33);
    copies("one repeated", 600, start, new Strided(3, new int[] {0}), 600);
    copies("a row repeated", 600, at(0, 20, 1), at(40, 0, 1), 30, 20);
    copies("a column repeated", 600, at(0, 20, 1), at(1, 20, 0), 30, 20);
    copies("a rim", 600, at(21, 20, 1), at(0, 16, 1), 25, 16);
    copies(
        "every other pixel", 2 * 6 * 8 * 4, at(0, 48, 16, 4, 1), at(0, 192, 64, 8, 1), 2, 3, 4, 4);
    copies(
        "eight dimensions",
        256,
        at(0, 128, 64, 32, 16, 8, 4, 2, 1),
        at(0, 1, 2, 4, 8, 16, 32, 64, 128),
        2,
        2,
        2,
        2,
        2,
        2,
        2,
        2);
  }

  private static Strided at(long offset, int... strides) {
    return new Strided(offset, strides);
  }

  @Test
  void castsBetweenAllTypes() {
    double[] x = bytes(1003);
    for (DType from : DType.values()) {
      for (DType to : DType.values()) {
        Agreement.hold(
            from + " to " + to,
            0,
            (backend, buffers) -> {
              Buffer y = buffers.output(to, x.length);
              backend.index().cast(y, buffers.of(from, x));
              return List.of(y);
            });
      }
    }
  }

  /** To the nearest of two neighbours, and from the middle to the even one: rounded once. */
  @Test
  void castsRoundOnce() {
    double[] x = {
      1 + 0x1p-8 + 0x1p-40,
      1 + 0x1p-8 - 0x1p-40,
      1 + 0x3p-8,
      -1 - 0x1p-8 - 0x1p-40,
      1e300,
      1e-300,
      -0.0,
      Double.NaN,
      Double.NEGATIVE_INFINITY,
      0x1.ffp127,
      0x1.fffp127,
      257,
      259
    };
    for (DType to : List.of(DType.BFLOAT16, DType.FLOAT32)) {
      Agreement.hold(
          "doubles to " + to,
          0,
          (backend, buffers) -> {
            Buffer y = buffers.output(to, x.length);
            Buffer fills = buffers.changing(to, new double[x.length]);
            backend.index().cast(y, buffers.of(DType.FLOAT64, x));
            for (int i = 0; i < x.length; i++) {
              Buffer one = fills.slice(i, 1);
              backend.index().fill(one, x[i]);
              one.release();
            }
            return List.of(y, fills);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 10, 7, 1",
    "1, 10, 700, 3",
    "3, 5, 9, 16",
    "2, 4, 300, 130",
    "1, 300, 40, 300",
    "2, 3, 0, 5",
    "1, 3, 5, 0",
    "700, 10, 1, 1",
    "2, 6, 5, 33",
  })
  void indices(int outer, int n, int count, int inner) {
    double[] x = numbers(outer * n * inner, 1);
    double[] dy = numbers(outer * count * inner, 2);
    for (DType type : List.of(DType.INT32, DType.INT64)) {
      double[] rows = positions(count, n);
      double[] places = positions(outer * count * inner, n);
      Agreement.hold(
          "rows of [" + outer + ", " + n + ", " + inner + "] by " + count + " of " + type,
          0,
          (backend, buffers) -> {
            Buffer index = buffers.of(type, rows);
            Buffer each = buffers.of(type, places);
            Buffer y = buffers.output(dy.length);
            Buffer z = buffers.output(dy.length);
            Buffer dx = buffers.output(x.length);
            Buffer dz = buffers.output(x.length);
            Buffer from = buffers.of(x);
            Buffer up = buffers.of(dy);
            backend.index().take(y, from, index, outer, n, count, inner);
            backend.index().gather(z, from, each, outer, n, count, inner);
            backend.index().takeBackward(dx, up, index, outer, n, count, inner);
            backend.index().gatherBackward(dz, up, each, outer, n, count, inner);
            return List.of(y, z, dx, dz);
          });
    }
  }

  /** Bytes and whole numbers are moved as they are. */
  @ParameterizedTest
  @EnumSource(names = {"UINT8", "INT64"})
  void ofWholeNumbers(DType type) {
    double[] x = IntStream.range(0, 3 * 17).mapToDouble(i -> i * 5 % 251).toArray();
    Agreement.hold(
        "indices of " + type,
        0,
        (backend, buffers) -> {
          Buffer from = buffers.of(type, x);
          Buffer y = buffers.output(type, 3 * 9);
          Buffer z = buffers.output(type, 3 * 9);
          backend.index().take(y, from, buffers.of(DType.INT32, positions(9, 17)), 3, 17, 9, 1);
          Buffer each = buffers.of(DType.INT32, positions(27, 17));
          backend.index().gather(z, from, each, 3, 17, 9, 1);
          return List.of(y, z);
        });
  }

  private static double[] positions(int count, int n) {
    return IntStream.range(0, count)
        .mapToDouble(i -> Math.floorMod(i * 7919L + i / 3, n))
        .toArray();
  }

  @Test
  void wrongIndicesAreToldAtTheNextReading() {
    Backend card = OnACard.backend();
    for (int wrong : new int[] {-1, 3, Integer.MAX_VALUE}) {
      try (TestBuffers buffers = new TestBuffers(card, DType.FLOAT32)) {
        Buffer x = buffers.of(1, 2, 3);
        Buffer y = buffers.output(2);
        Buffer index = buffers.of(DType.INT32, 1, wrong);
        card.index().take(y, x, index, 1, 3, 2, 1);
        assertEquals(
            "take: index " + wrong + " at 1 is not in [0, 3)",
            assertThrows(IllegalArgumentException.class, () -> buffers.read(y)).getMessage());
        card.index().gather(y, x, index, 1, 3, 2, 1);
        assertEquals(
            "gather: index " + wrong + " at 1 is not in [0, 3)",
            assertThrows(IllegalArgumentException.class, card::synchronize).getMessage());
        // The others were taken, and nothing is left of it.
        assertArrayEquals(new double[] {2, 0}, buffers.read(y));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2, 5, 7, 3, 10, 14",
    "1, 6, 6, 8, 3, 2",
    "1, 4, 9, 16, 7, 5",
    "2, 1, 1, 1, 3, 4",
    "1, 8, 5, 4, 1, 1",
    "1, 3, 4, 5, 3, 4",
    "1, 13, 11, 8, 29, 6",
  })
  void resizes(int n, int h, int w, int c, int outH, int outW) {
    double[] x = numbers(n * h * w * c, 1);
    double[] dy = numbers(n * outH * outW * c, 2);
    for (int kind = 0; kind < 3; kind++) {
      ResizeShape s = new ResizeShape(n, h, w, c, outH, outW, kind > 0, kind == 2);
      Agreement.hold(
          s.toString(),
          // As many as (outH / h + 1) (outW / w + 1) pixels of dy meet in one of dx.
          8,
          (backend, buffers) -> {
            Buffer y = buffers.output(dy.length);
            Buffer dx = buffers.output(x.length);
            backend.index().resize(y, buffers.of(x), s);
            backend.index().resizeBackward(dx, buffers.of(dy), s);
            return List.of(y, dx);
          });
    }
  }
}
