package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.nn.Conv2d;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class RankTest {
  @Test
  void measuresByHand() {
    Rank even = Rank.of(new double[] {2, 2, 2, 2});
    assertEquals(new Rank(4, 4, 0.25, 4).toString(), even.toString());
    assertEquals(4, even.effective(), 1e-12);
    assertEquals(1, even.share(), 1e-12);
    Rank one = Rank.of(new double[] {3, 0, 0});
    assertEquals(1, one.effective(), 1e-12);
    assertEquals(1, one.stable(), 1e-12);
    assertEquals(1, one.topShare(), 1e-12);
    // p = 3/4, 1/4: the entropy is 2 ln 2 - 3/4 ln 3.
    Rank two = Rank.of(new double[] {3, 1});
    assertEquals(4 / Math.pow(3, 0.75), two.effective(), 1e-12);
    assertEquals(10 / 9.0, two.stable(), 1e-12);
    assertEquals(0.75, two.topShare(), 1e-12);
    assertEquals(0, Rank.of(new double[3]).effective());
  }

  /** Exact against estimated: flat, few directions, few with noise, steep, slowly falling. */
  @OnEveryDevice
  void theSketchIsWithinFivePercent(Place place) {
    Generator g = new Generator(3);
    int m = 150;
    int n = 130;
    float[] falling = new float[n];
    for (int i = 0; i < n; i++) {
      falling[i] = 1f / (1 + i);
    }
    Tensor ten = g.normal(0, 1, m, 10).matmul(g.normal(0, 1, 10, n));
    Tensor[] matrices = {
      g.normal(0, 1, m, n),
      ten,
      ten.add(g.normal(0, 0.1, m, n)),
      g.normal(0, 1, m, n).matmul(g.normal(0, 1, n, n)).matmul(g.normal(0, 1, n, n)),
      g.normal(0, 1, m, n).mul(Tensor.of(falling)),
    };
    for (Tensor matrix : matrices) {
      Tensor a = matrix.to(place.dtype());
      double[] values = a.toDoubles();
      double[][] rows = new double[m][n];
      for (int i = 0; i < m; i++) {
        System.arraycopy(values, i * n, rows[i], 0, n);
      }
      Rank exact = Rank.of(SingularValues.of(rows));
      Rank sketch = SpectrumSketch.of(a);
      Rank turned = SpectrumSketch.of(a.transpose(0, 1));
      String both = exact + " against " + sketch + " and " + turned;
      assertEquals(exact.effective(), sketch.effective(), 0.05 * exact.effective(), both);
      assertEquals(exact.effective(), turned.effective(), 0.05 * exact.effective(), both);
      assertEquals(exact.stable(), sketch.stable(), 0.07 * exact.stable(), both);
      assertEquals(exact.topShare(), sketch.topShare(), 0.07 * exact.topShare(), both);
      assertEquals(n, sketch.width());
    }
  }

  @OnEveryDevice
  void aZeroMatrixHasNoRank(Place place) {
    assertEquals(new Rank(0, 0, 1, 140), RankMeter.of(Tensor.zeros(150, 140).to(place.dtype())));
    assertEquals(new Rank(0, 0, 1, 3), RankMeter.of(Tensor.zeros(3, 5).to(place.dtype())));
  }

  @OnEveryDevice
  void featuresAreCentred(Place place) {
    // Samples on a line that does not pass through 0: two directions, one that tells them apart.
    double[] values = new double[40];
    for (int i = 0; i < 20; i++) {
      values[2 * i] = 5;
      values[2 * i + 1] = i;
    }
    Tensor features = place.tensor(values, 20, 2);
    assertEquals(1, RankMeter.ofFeatures(features).effective(), 1e-6);
    assertTrue(RankMeter.of(features).effective() > 1.3);
  }

  @OnEveryDevice
  void aConvolutionIsOutByTheRest(Place place) {
    try (Conv2d conv = place.put(new Conv2d(3, 16, 3, Conv2dOptions.DEFAULT))) {
      Map<String, Rank> ranks = RankMeter.weights(conv);
      assertEquals(java.util.Set.of("weight"), ranks.keySet());
      assertEquals(16, Objects.requireNonNull(ranks.get("weight")).width());
      conv.weight().set(new float[16 * 27]);
      assertEquals(Map.of("weight", new Rank(0, 0, 1, 16)), RankMeter.weights(conv));
      float[] bad = new float[16 * 27];
      bad[5] = Float.NaN;
      conv.weight().set(bad);
      assertEquals(Map.of(), RankMeter.weights(conv));
    }
  }

  @OnEveryDevice
  void whatIsNoMatrixIsRefused(Place place) {
    Tensor three = Tensor.zeros(2, 2, 2).to(place.dtype());
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> RankMeter.of(three));
    assertEquals("rank: a matrix [m, n] is asked for, got [2, 2, 2]", e.getMessage());
    Tensor bad = Tensor.full(Double.NaN, 200, 200).to(place.dtype());
    e = assertThrows(IllegalArgumentException.class, () -> RankMeter.of(bad));
    assertEquals("rank: 40000 elements of [200, 200] are not finite", e.getMessage());
  }

  @Test
  void theNullIsInterpolatedAlongTheLogarithm() {
    assertEquals(0.80, RankNull.LINEAR.share(1), 1e-12);
    assertEquals(0.39, RankNull.LINEAR.share(6), 1e-12);
    assertEquals(0.04, RankNull.RELU.share(50), 1e-12);
    assertEquals(1, RankNull.ORTHOGONAL.share(17), 1e-12);
    assertEquals(0.70, RankNull.RESIDUAL.share(20), 1e-12);
    assertEquals(Math.sqrt(0.20 * 0.08), RankNull.RELU.share(Math.sqrt(6 * 20)), 1e-12);
    assertTrue(RankNull.RELU.share(100) < 0.04);
    assertEquals(RankNull.RELU, RankNull.ofActivation("gelu"));
    assertEquals(RankNull.LINEAR, RankNull.ofActivation("tanh"));
    assertThrows(IllegalArgumentException.class, () -> RankNull.RELU.share(0.5));
  }
}
