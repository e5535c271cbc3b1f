package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Against the doubles nearest to what 50 digits give. */
final class ErfTest {
  @Test
  void agreesToTheLastDigits() {
    hold(1e-300, 1.1283791670955126e-300);
    hold(1e-10, 1.1283791670955126e-10);
    hold(0.001, 0.0011283787909692365);
    hold(0.1, 0.1124629160182849);
    hold(0.25, 0.27632639016823696);
    hold(0.5, 0.5204998778130465);
    hold(0.75, 0.7111556336535151);
    hold(1.0, 0.8427007929497149);
    hold(1.25, 0.9229001282564583);
    hold(1.5, 0.9661051464753108);
    hold(2.0, 0.9953222650189527);
    hold(2.25, 0.9985372834133188);
    hold(2.4990234375, 0.9995909155506425);
    hold(2.5, 0.999593047982555);
    hold(2.5009765625, 0.9995951700275832);
    hold(3.0, 0.9999779095030014);
    hold(3.5, 0.9999992569016276);
    hold(4.0, 0.9999999845827421);
    hold(4.5, 0.9999999998033839);
    hold(5.0, 0.9999999999984626);
    hold(5.5, 0.9999999999999927);
    hold(5.96875, 1.0);
  }

  private static void hold(double x, double expected) {
    assertEquals(expected, Erf.erf(x), 1e-15 * Math.max(1e-300, Math.abs(expected)), "erf " + x);
    assertEquals(-Erf.erf(x), Erf.erf(-x), "erf is odd");
  }

  @Test
  void limits() {
    assertEquals(0, Erf.erf(0));
    assertEquals(1, Erf.erf(Double.POSITIVE_INFINITY));
    assertEquals(-1, Erf.erf(Double.NEGATIVE_INFINITY));
    assertTrue(Double.isNaN(Erf.erf(Double.NaN)));
    assertEquals(1, Erf.erf(1e300));
  }

  @Test
  void neverFallsAcrossTheBranches() {
    double before = -1;
    for (double x = -7; x <= 7; x += 1e-3) {
      double y = Erf.erf(x);
      assertTrue(y >= before - 2e-16, "falls at " + x);
      before = y;
    }
  }
}
