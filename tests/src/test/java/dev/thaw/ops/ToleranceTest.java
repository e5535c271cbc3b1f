package dev.thaw.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is taken for close, and what is not. */
final class ToleranceTest {
  private static String differences(DType dtype, long terms, double exact, double found) {
    double[] e = {exact};
    double typical = Tolerance.typical(List.of(e));
    return Tolerance.of(dtype, (double) terms, 1)
        .differences(e, new double[] {found}, typical, Shape.of(1), dtype);
  }

  private static void close(DType dtype, long terms, double exact, double found) {
    assertEquals("", differences(dtype, terms, exact, found));
  }

  private static void apart(DType dtype, long terms, double exact, double found) {
    assertTrue(!differences(dtype, terms, exact, found).isEmpty(), exact + " is not " + found);
  }

  @Test
  void aFewUnitsInTheLastPlaceAreClose() {
    close(DType.FLOAT32, 1, 1, 1 + 0x1p-23);
    apart(DType.FLOAT32, 1, 1, 1 + 0x1p-20);
    close(DType.FLOAT32, 1, 1e20, 1e20 * (1 + 0x1p-23));
    apart(DType.FLOAT32, 1, 1e20, 1e20 * (1 + 0x1p-20));
    close(DType.FLOAT64, 1, 1, 1 + 0x1p-52);
    apart(DType.FLOAT64, 1, 1, 1 + 0x1p-40);
    close(DType.BFLOAT16, 1, 1, 1 + 0x1p-7);
    apart(DType.BFLOAT16, 1, 1, 1 + 0x1p-4);
  }

  @Test
  void longSumsHaveMoreRoom() {
    apart(DType.FLOAT32, 1, 1, 1 + 0x1p-18);
    close(DType.FLOAT32, 10_000, 1, 1 + 0x1p-18);
    apart(DType.FLOAT32, 10_000, 1, 1 + 0x1p-14);
  }

  @Test
  void integersMustBeEqual() {
    close(DType.INT64, 1, 7, 7);
    apart(DType.INT64, 1, 7, 8);
  }

  @Test
  void whatIsNotFiniteMustBeTheSame() {
    double inf = Double.POSITIVE_INFINITY;
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      close(dtype, 1, Double.NaN, Double.NaN);
      apart(dtype, 1, Double.NaN, 1);
      apart(dtype, 1, 1, Double.NaN);
      close(dtype, 1, inf, inf);
      apart(dtype, 1, inf, -inf);
      apart(dtype, 1, 1, inf);
      apart(dtype, 1, inf, 1e30);
      apart(dtype, 1, inf, Double.NaN);
    }
    // What overflows in the dtype must be its infinity.
    close(DType.FLOAT32, 1, 1e39, inf);
    apart(DType.FLOAT32, 1, 1e39, -inf);
    apart(DType.FLOAT64, 1, 1e39, inf);
  }

  @Test
  void whatUnderflowsMayBeZero() {
    close(DType.FLOAT32, 1, 1e-40, 0);
    apart(DType.FLOAT64, 1, 1e-40, 0);
    apart(DType.FLOAT32, 1, 1e-30, 0);
  }

  @Test
  void smallNumbersAmongLargeOnesMayCancel() {
    double[] exact = {1e-9, 5};
    double[] found = {2e-8, 5};
    double typical = Tolerance.typical(List.of(exact));
    Tolerance close = Tolerance.of(DType.FLOAT32, 4, 1);
    assertEquals("", close.differences(exact, found, typical, Shape.of(2), DType.FLOAT32));
  }

  @Test
  void theMessageNamesTheWorst() {
    double[] exact = {1, 2, 3, 4, 5, 6};
    double[] found = {1, 2, 3.5, 4, 9, 6};
    assertEquals(
        "2 of 6 elements differ, most at [1, 1]: expected 5.0, found 9.0, off by 4.00, allowed"
            + " 2.09e-06",
        Tolerance.of(DType.FLOAT32, 1, 1)
            .differences(exact, found, 3, Shape.of(2, 3), DType.FLOAT32));
    assertEquals(
        "2 elements expected, 1 found",
        Tolerance.of(DType.FLOAT32, 1, 1)
            .differences(new double[2], new double[1], 1, Shape.of(2), DType.FLOAT32));
  }
}
