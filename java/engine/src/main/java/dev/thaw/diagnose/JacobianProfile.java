package dev.thaw.diagnose;

import dev.thaw.memory.Check;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Activation;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Slot;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The exact Jacobian of an {@link Mlp}'s hidden layers by its input, D_l W_l .. D_1 W_1, layer by
 * layer: how many directions of the input still arrive, and how much each is stretched.
 *
 * <p>A plain product loses its small singular values near 20 layers in double (near 5 in float). So
 * between layers J = Q R: Q carries on, the triangles multiply up, row i staying of the size of its
 * own singular value, and Jacobi rotations read them all from it. Σ ln |r_ii| gives the spectrum's
 * growth rates at no further cost (Saxe et al., arXiv 1312.6120; Pennington et al., arXiv
 * 1711.04735).
 *
 * <p>Cost for L layers of width n: about 6 n³ a layer and example, and {@link SingularValues} at
 * the depths that are reported: 0.1 s for 20 layers of 64.
 *
 * @param reference the row of the null table that the shares are compared with
 * @param depths what was found, first layer first; means over the examples
 */
public record JacobianProfile(RankNull reference, List<Depth> depths) {
  /** The widest net this is worth its time for. */
  static final int MOST_WIDTH = 512;

  /** Depths reported: these, and the last. */
  private static final List<Integer> REPORTED = List.of(1, 2, 3, 4, 6, 8, 12, 16, 20, 25, 30, 40);

  /**
   * The Jacobian after some layers.
   *
   * @param depth linear layers passed, each with its activation
   * @param layer name of the last of them
   * @param rank of the Jacobian
   * @param expected effective rank by chance alone: the null's share of the width
   * @param gain root mean square of the singular values: what a random direction is stretched by
   * @param spread decades between the largest and the smallest growth, from Σ ln |r_ii|, among the
   *     directions that are not shut off; 0 where all are stretched alike
   */
  public record Depth(
      int depth, String layer, Rank rank, double expected, double gain, double spread) {
    /** Effective rank over what chance gives: q. */
    public double quotient() {
      return rank.effective() / expected;
    }
  }

  /** Copies the list. */
  public JacobianProfile {
    depths = List.copyOf(depths);
  }

  /**
   * Measures {@code model} at each row of {@code x}.
   *
   * @param model at least one hidden layer, none wider than 512
   * @param x a few examples, [n, ..]; the cost grows with n
   * @return null where an activation has stopped everything or a value is not finite, so that there
   *     is no Jacobian to speak of
   */
  public static @Nullable JacobianProfile of(Mlp model, Tensor x) {
    List<Layer> layers = layers(model);
    Check.that(!layers.isEmpty(), "jacobian: the net has no hidden layer");
    for (Layer layer : layers) {
      Check.that(
          layer.linear.outFeatures() <= MOST_WIDTH,
          "jacobian: %s is %d wide, more than %d take too long",
          layer.name,
          layer.linear.outFeatures(),
          MOST_WIDTH);
    }
    RankNull row = RankNull.ofActivation(layers.get(0).activation.name());
    List<List<Depth>> all = new ArrayList<>();
    for (int i = 0; i < x.dim(0); i++) {
      List<Depth> one = at(layers, x, i, row);
      if (one == null) {
        return null;
      }
      all.add(one);
    }
    return new JacobianProfile(row, mean(all));
  }

  /** A hidden layer: what stretches and what bends. */
  private record Layer(String name, Linear linear, Activation activation) {}

  private static List<Layer> layers(Mlp model) {
    List<Layer> layers = new ArrayList<>();
    String name = "";
    Linear linear = null;
    for (Slot slot : model.slots()) {
      Module part = slot.module();
      if (part instanceof Linear l) {
        name = slot.name();
        linear = l;
      } else if (part instanceof Activation activation && linear != null) {
        layers.add(new Layer(name, linear, activation));
      }
    }
    return layers;
  }

  private static @Nullable List<Depth> at(
      List<Layer> layers, Tensor x, int row, RankNull reference) {
    List<Depth> depths = new ArrayList<>();
    double[][] q = null;
    double[][] triangle = null;
    double logScale = 0;
    double[] growth = new double[0];
    try (Scope scope = Scope.open()) {
      Tensor h = x.detach().slice(0, row, row + 1).reshape(1, -1);
      for (int l = 0; l < layers.size(); l++) {
        Layer layer = layers.get(l);
        double[] slopes;
        try (Scope step = Scope.open()) {
          Tensor a = layer.linear.call(h).detach().requiresGrad(true);
          Tensor y = layer.activation.call(a);
          slopes = slopes(a, y);
          h = step.keep(y.detach());
        }
        double[][] w = rows(layer.linear);
        double[][] product = q == null ? shortened(w) : times(w, q);
        for (int i = 0; i < product.length; i++) {
          for (int j = 0; j < product[i].length; j++) {
            product[i][j] *= slopes[i];
          }
        }
        if (!isFinite(product)) {
          return null;
        }
        Householder factors = Householder.of(product);
        q = factors.q();
        double[][] r = withoutNoise(factors.r());
        triangle = triangle == null ? r : times(r, triangle);
        growth = grown(growth, r);
        double norm = norm(triangle);
        if (norm == 0) {
          return null;
        }
        scale(triangle, 1 / norm);
        logScale += Math.log(norm);
        int depth = l + 1;
        if (REPORTED.contains(depth) || depth == layers.size()) {
          Rank rank = Rank.of(SingularValues.of(triangle));
          double expected = rank.width() * reference.share(depth);
          double gain = Math.exp(logScale) / Math.sqrt(rank.width());
          depths.add(new Depth(depth, layer.name, rank, expected, gain, spread(growth)));
        }
      }
    }
    return depths;
  }

  /** f' at a, by the tape: every activation is its own derivative's source. */
  private static double[] slopes(Tensor a, Tensor y) {
    y.sum().backward();
    Tensor slope = a.grad();
    if (slope == null) {
      throw new IllegalStateException("jacobian: the activation has no derivative");
    }
    return slope.toDoubles();
  }

  private static double[][] rows(Linear linear) {
    double[] values = linear.weight().value().toDoubles();
    int n = linear.inFeatures();
    double[][] rows = new double[linear.outFeatures()][n];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(values, i * n, rows[i], 0, n);
    }
    return rows;
  }

  /**
   * W with its columns turned so that those beyond its height are 0 and left out: a rotation of the
   * input changes no singular value, whatever stands before W.
   */
  private static double[][] shortened(double[][] w) {
    return w[0].length <= w.length
        ? w
        : SingularValues.transposed(Householder.of(SingularValues.transposed(w)).r());
  }

  private static double[][] times(double[][] a, double[][] b) {
    double[][] columns = SingularValues.transposed(b);
    double[][] y = new double[a.length][columns.length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < columns.length; j++) {
        y[i][j] = SingularValues.dot(a[i], columns[j]);
      }
    }
    return y;
  }

  /** Rows that are rounding errors, where an activation shut directions off, become 0. */
  private static double[][] withoutNoise(double[][] r) {
    double largest = 0;
    for (double[] row : r) {
      largest = Math.max(largest, SingularValues.dot(row, row));
    }
    for (double[] row : r) {
      if (SingularValues.dot(row, row) < 1e-28 * largest) {
        Arrays.fill(row, 0);
      }
    }
    return r;
  }

  /** ln |r_ii| added to what there is, for as many directions as are left. */
  private static double[] grown(double[] growth, double[][] r) {
    double[] sum = new double[r.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Math.log(Math.abs(r[i][i])) + (i < growth.length ? growth[i] : 0);
    }
    return sum;
  }

  private static double spread(double[] growth) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (double g : growth) {
      // A direction that an activation shut off has no growth at all.
      if (g > Double.NEGATIVE_INFINITY) {
        low = Math.min(low, g);
        high = Math.max(high, g);
      }
    }
    return high > low ? (high - low) / Math.log(10) : 0;
  }

  private static boolean isFinite(double[][] matrix) {
    return Double.isFinite(norm(matrix));
  }

  private static double norm(double[][] matrix) {
    double sum = 0;
    for (double[] row : matrix) {
      sum += SingularValues.dot(row, row);
    }
    return Math.sqrt(sum);
  }

  private static void scale(double[][] matrix, double factor) {
    for (double[] row : matrix) {
      for (int j = 0; j < row.length; j++) {
        row[j] *= factor;
      }
    }
  }

  private static List<Depth> mean(List<List<Depth>> all) {
    List<Depth> mean = new ArrayList<>();
    int n = all.size();
    for (int d = 0; d < all.get(0).size(); d++) {
      Depth first = all.get(0).get(d);
      double effective = 0;
      double stable = 0;
      double top = 0;
      double logGain = 0;
      double spread = 0;
      for (List<Depth> one : all) {
        Depth at = one.get(d);
        effective += at.rank.effective() / n;
        stable += at.rank.stable() / n;
        top += at.rank.topShare() / n;
        logGain += Math.log(at.gain) / n;
        spread += at.spread / n;
      }
      Rank rank = new Rank(effective, stable, top, first.rank.width());
      mean.add(
          new Depth(first.depth, first.layer, rank, first.expected, Math.exp(logGain), spread));
    }
    return mean;
  }

  /** The deepest layer that was measured. */
  public Depth last() {
    return depths.get(depths.size() - 1);
  }

  /** For JSON. */
  public List<Map<String, Object>> toMaps() {
    List<Map<String, Object>> maps = new ArrayList<>();
    for (Depth d : depths) {
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("depth", d.depth);
      map.put("layer", d.layer);
      map.putAll(d.rank.toMap());
      map.put("null_rank", d.expected);
      map.put("quotient", d.quotient());
      map.put("gain", d.gain);
      map.put("spread_decades", d.spread);
      maps.add(map);
    }
    return maps;
  }

  /** A table: depth, effective rank, null, quotient, stable rank, top share, gain, spread. */
  @Override
  public String toString() {
    StringBuilder table = new StringBuilder();
    table.append(
        String.format(
            Locale.ROOT,
            "%-6s %8s %8s %6s %8s %6s %9s %7s%n",
            "depth",
            "rank",
            "null",
            "q",
            "stable",
            "top",
            "gain",
            "spread"));
    for (Depth d : depths) {
      table.append(
          String.format(
              Locale.ROOT,
              "%-6d %8.2f %8.2f %6.2f %8.2f %6.2f %9.2g %7.1f%n",
              d.depth,
              d.rank.effective(),
              d.expected,
              d.quotient(),
              d.rank.stable(),
              d.rank.topShare(),
              d.gain,
              d.spread));
    }
    return table.toString();
  }
}
