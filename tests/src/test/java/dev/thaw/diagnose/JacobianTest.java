package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The Jacobian of random nets: against autograd, against the null table, against Duvenaud. */
@ExtendWith(NothingLeft.class)
final class JacobianTest {
  private Device.Use on = () -> {};

  @BeforeEach
  void usePlain() {
    on = Devices.get("plain").device().use();
  }

  @AfterEach
  void done() {
    on.close();
  }

  /** Square, without biases; the weights are scaled by {@code gain}. */
  static Mlp square(int depth, int width, String activation, String init, double gain, int seed) {
    try (var numbers = new Generator(seed).use()) {
      Mlp mlp =
          new Mlp(Shape.of(1, width), width, new Mlp.Options(depth + 1, width, activation, init));
      for (Parameter p : mlp.parameters().values()) {
        float[] values = p.shape().rank() == 1 ? new float[width] : p.values();
        for (int i = 0; i < values.length; i++) {
          values[i] *= (float) gain;
        }
        p.set(values);
      }
      return mlp;
    }
  }

  private static JacobianProfile profile(Mlp mlp, int seed) {
    try (Scope scope = Scope.open()) {
      int width = Objects.requireNonNull(mlp.example()).dim(1);
      Tensor x = new Generator(100 + seed).normal(0, 1, 1, width);
      return Objects.requireNonNull(JacobianProfile.of(mlp, x));
    }
  }

  /** Median effective rank / width by depth. */
  private static Map<Integer, Double> shares(
      int depth, int width, String activation, String init, double gain, int trials) {
    Map<Integer, double[]> all = new HashMap<>();
    for (int t = 0; t < trials; t++) {
      try (Mlp mlp = square(depth, width, activation, init, gain, t)) {
        for (JacobianProfile.Depth d : profile(mlp, t).depths()) {
          all.computeIfAbsent(d.depth(), k -> new double[trials])[t] = d.rank().share();
        }
      }
    }
    Map<Integer, Double> medians = new HashMap<>();
    all.forEach(
        (d, values) -> {
          Arrays.sort(values);
          medians.put(d, (values[(trials - 1) / 2] + values[trials / 2]) / 2);
        });
    return medians;
  }

  private static double at(Map<Integer, Double> byDepth, int depth) {
    return Objects.requireNonNull(byDepth.get(depth));
  }

  @Test
  void aRowOfTheTapesGradientsAtATime() {
    try (Mlp mlp = square(5, 12, "tanh", "kaiming", 1, 4);
        Scope scope = Scope.open()) {
      mlp.to(Devices.current().device(), dev.thaw.memory.DType.FLOAT64);
      Tensor x = new Generator(9).normal(0, 1, 1, 12).to(dev.thaw.memory.DType.FLOAT64);
      double[][] rows = new double[12][];
      for (int i = 0; i < 12; i++) {
        Tensor leaf = x.detach().requiresGrad(true);
        Tensor h = leaf;
        List<dev.thaw.nn.Slot> slots = mlp.slots();
        for (dev.thaw.nn.Slot slot : slots.subList(0, slots.size() - 1)) {
          h = slot.call(h);
        }
        h.slice(1, i, i + 1).sum().backward();
        rows[i] = Objects.requireNonNull(leaf.grad()).toDoubles();
      }
      Rank expected = Rank.of(SingularValues.of(rows));
      JacobianProfile profile = Objects.requireNonNull(JacobianProfile.of(mlp, x));
      assertEquals(5, profile.last().depth());
      assertEquals(expected.effective(), profile.last().rank().effective(), 1e-9);
      assertEquals(expected.stable(), profile.last().rank().stable(), 1e-9);
      double frobenius = 0;
      for (double[] row : rows) {
        frobenius += SingularValues.dot(row, row);
      }
      assertEquals(Math.sqrt(frobenius / 12), profile.last().gain(), 1e-9);
    }
  }

  @Test
  void linearNetsFollowTheNullTable() {
    // "normal" has deviation 0.01; times 100 / √n it is Gaussian with variance 1 / n.
    Map<Integer, Double> shares = shares(20, 64, "linear", "normal", 100 / 8.0, 5);
    for (int depth : new int[] {1, 2, 6, 20}) {
      double expected = RankNull.LINEAR.share(depth);
      assertEquals(expected, at(shares, depth), 0.1 * expected, "depth " + depth);
    }
  }

  @Test
  void reluNetsFollowTheNullTable() {
    Map<Integer, Double> shares = shares(20, 64, "relu", "he", 1, 8);
    for (int depth : new int[] {1, 2, 6, 20}) {
      double expected = RankNull.RELU.share(depth);
      assertEquals(expected, at(shares, depth), 0.12 * expected, "depth " + depth);
    }
  }

  @Test
  void orthogonalNetsKeepEverything() {
    try (Mlp mlp = square(20, 32, "linear", "orthogonal", 1, 3)) {
      for (JacobianProfile.Depth d : profile(mlp, 3).depths()) {
        assertEquals(32, d.rank().effective(), 1e-4);
        assertEquals(1, d.gain(), 1e-5);
        assertEquals(0, d.spread(), 1e-5);
      }
    }
  }

  /** Duvenaud et al. 2014: 0.50, 0.72, 0.96 at depths 2, 6, 20 with 5 units. */
  @Test
  void duvenaudsTopShare() {
    int trials = 60;
    Map<Integer, Double> sums = new HashMap<>();
    for (int t = 0; t < trials; t++) {
      try (Mlp mlp = square(20, 5, "linear", "normal", 100 / Math.sqrt(5), t)) {
        for (JacobianProfile.Depth d : profile(mlp, t).depths()) {
          sums.merge(d.depth(), d.rank().topShare() / trials, Double::sum);
        }
      }
    }
    assertEquals(0.50, at(sums, 2), 0.06);
    assertEquals(0.72, at(sums, 6), 0.06);
    assertEquals(0.96, at(sums, 20), 0.06);
  }

  /** Plain products lose the smallest values near 20 layers; the triangles keep them. */
  @Test
  void theSpreadGrowsWithDepthBeyondDoublePrecision() {
    int trials = 12;
    double spread = 0;
    for (int t = 0; t < trials; t++) {
      try (Mlp mlp = square(40, 8, "linear", "normal", 100 / Math.sqrt(8), t)) {
        spread += profile(mlp, t).last().spread() / trials;
      }
    }
    // Growth of the first and the last direction of Gaussian products: half a digamma of half the
    // chi-square's degrees of freedom, 8 and 1, a layer.
    double expected = 40 * 0.5 * (digamma(4) - digamma(0.5)) / Math.log(10);
    assertEquals(expected, spread, 0.1 * expected);
    assertTrue(spread > 16, "beyond what a double holds");
  }

  private static double digamma(double x) {
    double shift = 0;
    double z = x;
    while (z < 20) {
      shift -= 1 / z;
      z++;
    }
    return shift + Math.log(z) - 1 / (2 * z) - 1 / (12 * z * z);
  }

  @Test
  void noJacobianWhereNothingPasses() {
    try (Mlp mlp = square(3, 8, "relu", "he", 1, 1);
        Scope scope = Scope.open()) {
      Module second = mlp.module("fc2");
      second
          .parameters()
          .values()
          .forEach(
              p -> {
                float[] values = new float[(int) p.shape().elements()];
                Arrays.fill(values, -1);
                p.set(values);
              });
      assertNull(JacobianProfile.of(mlp, Tensor.ones(1, 8)));
    }
  }

  @Test
  void whatTakesTooLongIsRefused() {
    Mlp.Options wide = new Mlp.Options(2, 600, "relu", "he");
    try (Mlp mlp = new Mlp(Shape.of(1, 4), 3, wide);
        Scope scope = Scope.open()) {
      Tensor x = Tensor.ones(1, 4);
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> JacobianProfile.of(mlp, x));
      assertEquals("jacobian: fc1 is 600 wide, more than 512 take too long", e.getMessage());
    }
  }
}
