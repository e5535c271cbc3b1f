package dev.thaw.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Round numbers along a chart's edge, the first and the last at its ends. */
final class AxisTest {
  @ParameterizedTest
  @CsvSource({
    "2.87, 3.24, false, '2.8 2.9 3.0 3.1 3.2 3.3'",
    "0, 160, false, '0 20 40 60 80 100 120 140 160'",
    "0, 1.5, false, '0.0 0.2 0.4 0.6 0.8 1.0 1.2 1.4 1.6'",
    "7, 7, false, '7.0 7.2 7.4 7.6 7.8 8.0'",
    "0, 0, false, '0.00 0.05 0.10 0.15 0.20'",
    "0.004, 30, true, '0.001 0.01 0.1 1 10 100'",
    "1, 1, true, '1 10'",
    "0.00002, 0.5, true, '1e-05 0.0001 0.001 0.01 0.1 1'"
  })
  void ticks(double low, double high, boolean logarithmic, String expected) {
    Axis axis = new Axis(low, high, logarithmic);
    List<Double> ticks = axis.ticks();
    String labels = ticks.stream().map(axis::label).collect(Collectors.joining(" "));
    assertEquals(expected, labels);
    assertEquals(0, axis.share(ticks.get(0)), 1e-9);
    assertEquals(1, axis.share(ticks.get(ticks.size() - 1)), 1e-9);
    assertTrue(axis.share(low) >= 0 && axis.share(high) <= 1);
  }

  @ParameterizedTest
  @CsvSource({"0.1, 73", "-4, 11", "1e-7, 3e-7", "99.2, 99.9", "-250000, 1", "3, 1e6"})
  void bothEndsAreMarked(double low, double high) {
    Axis axis = new Axis(low, high, false);
    List<Double> ticks = axis.ticks();
    assertEquals(axis.low(), ticks.get(0), 1e-9 * (high - low));
    assertEquals(axis.high(), ticks.get(ticks.size() - 1), 1e-9 * (high - low));
    assertTrue(ticks.size() >= 2 && ticks.size() <= 11, () -> ticks.toString());
  }
}
