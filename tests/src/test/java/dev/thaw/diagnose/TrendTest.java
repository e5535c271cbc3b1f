package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Lines through norms, losses that part, and spikes. */
final class TrendTest {
  @Test
  void aStraightLineIsFound() {
    Trend trend = Trend.of(List.of(1e-6, 1e-5, 1e-4, 1e-3));
    assertEquals(1, trend.slope(), 1e-12);
    assertEquals(3, trend.decades(), 1e-12);
    assertEquals(4, trend.layers());
    assertEquals("1.00 decades a layer over 4 layers, 3.0 in all", trend.toString());
    assertEquals(-0.5, Trend.of(List.of(10.0, Math.sqrt(10), 1.0)).slope(), 1e-12);
    assertEquals(new Trend(0, 0, 1), Trend.of(List.of(3.0)));
    assertTrue(Trend.of(List.of(0.0, 1.0)).decades() > 300, "nothing left is the worst fading");
  }

  @Test
  void deviationsFromHesNetsByHand() {
    // Ten layers of 50 units: variance 1, mean -0.5. Half a decade down is ln 1/10 of the square.
    List<Integer> widths = Collections.nCopies(10, 50);
    Trend trend = new Trend(0.05, 0.5, 11);
    assertEquals(-Math.log(10) + 0.5, trend.againstHeRelu(widths), 1e-12);
    assertEquals(0.5, new Trend(0, 0, 11).againstHeRelu(widths), 1e-12);
    assertEquals(0, trend.againstHeRelu(List.of()));
  }

  private static LossCurves curves(double[] training, double[] validation) {
    LossCurves curves = new LossCurves();
    for (int i = 0; i < training.length; i++) {
      curves.note(training[i], validation[i]);
    }
    return curves;
  }

  @Test
  void validationRisingWhileTrainingFalls() {
    double[] training = {1.0, 0.6, 0.4, 0.3, 0.2, 0.1};
    double[] validation = {1.1, 0.8, 0.7, 0.75, 0.72, 0.9};
    Optional<Verdict> found = curves(training, validation).overfitting(3);
    assertEquals(Verdict.Kind.OVERFITTING, found.orElseThrow().kind());
    assertEquals(
        List.of(
            "validation loss rose from 0.7000 (evaluation 3, the best) to 0.9000 (evaluation 6)"
                + " while training loss fell from 0.4000 to 0.1000"),
        found.get().evidence());
    assertTrue(found.get().remedy().startsWith("go back to evaluation 3"));
    assertFalse(curves(training, validation).overfitting(4).isPresent(), "the best is 3 ago");
  }

  @Test
  void noOverfittingWhereBothRiseOrBothFallOrNothingMoves() {
    double[] falling = {1.0, 0.8, 0.6, 0.5, 0.4, 0.3};
    double[] rising = {0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
    double[] flat = {0.5, 0.501, 0.5005, 0.502, 0.5, 0.501};
    assertFalse(curves(falling, falling).overfitting(3).isPresent());
    assertFalse(curves(rising, rising).overfitting(3).isPresent(), "that is divergence");
    assertFalse(curves(falling, flat).overfitting(3).isPresent(), "that is noise");
    assertTrue(curves(falling, rising).overfitting(3).isPresent());
    assertFalse(new LossCurves().overfitting(3).isPresent());
  }

  @Test
  void spikesAreTenTimesTheRunningMedian() {
    GradientSpikes spikes = new GradientSpikes();
    List<String> lines = new ArrayList<>();
    for (int i = 1; i <= 30; i++) {
      double norm = i == 5 || i == 20 ? 50 : i == 25 ? Double.NaN : 1 + 0.1 * (i % 3);
      spikes.note(i, norm).ifPresent(lines::add);
    }
    assertEquals(2, spikes.spikes(), "at 5 there is no median yet: " + lines);
    assertTrue(
        lines
            .get(0)
            .startsWith("step 20: the gradient norm 50.0 is 45 times the running median 1.10"),
        lines.get(0));
    assertEquals("step 25: the gradient norm is NaN", lines.get(1));
  }
}
