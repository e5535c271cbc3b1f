package dev.thaw.cuda;

import static dev.thaw.cuda.Agreement.numbers;

import dev.thaw.backend.Binary;
import dev.thaw.backend.Broadcast;
import dev.thaw.memory.Buffer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Repeated operands: those of which the result is made in packs, and those of which it is not. */
final class CudaBinaryTest {
  @ParameterizedTest
  @CsvSource({
    // Rows and columns repeated, one number, both operands repeated, several dimensions.
    "5 16, 16",
    "5 16, 5 1",
    "3 24, 1",
    "1, 3 24",
    "6 1, 1 32",
    "2 1 8, 2 5 1",
    "2 5 8, 1 5 1",
    "4 1 3 8, 1 7 1 8",
    "3 7, 7",
    "3 7, 3 1",
    "2 12 4, 12 1",
    "300 40, 40",
    "0 8, 8"
  })
  void repeated(String shapeOfA, String shapeOfB) {
    int[] a = shape(shapeOfA);
    int[] b = shape(shapeOfB);
    Broadcast shape = Broadcast.of("sub", a, b);
    int n = size(shape.dims());
    Agreement.hold(
        shapeOfA + " - " + shapeOfB,
        0,
        (backend, buffers) -> {
          Buffer y = buffers.output(n);
          Buffer from = buffers.of(numbers(size(a), 1));
          backend.binary().forward(Binary.SUB, y, from, buffers.of(numbers(size(b), 2)), shape);
          return List.of(y);
        });
  }

  private static int[] shape(String text) {
    return Arrays.stream(text.split(" ", -1)).mapToInt(Integer::parseInt).toArray();
  }

  private static int size(int[] shape) {
    return Arrays.stream(shape).reduce(1, (x, y) -> x * y);
  }
}
