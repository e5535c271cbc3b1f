package dev.thaw.diagnose;

import dev.thaw.memory.Check;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Effective rank, stable rank and top share of weights and features.
 *
 * <p>Up to a smaller side of {@value #EXACT} all singular values are computed ({@link
 * SingularValues}); above, a random sketch with a bounded cost estimates the measures ({@code
 * SpectrumSketch}, within 5 %).
 */
public final class RankMeter {
  /** The smaller side up to which every singular value is computed. */
  static final int EXACT = 128;

  private RankMeter() {}

  /**
   * The rank of {@code matrix}, [m, n].
   *
   * @throws IllegalArgumentException when it is no matrix, is empty or holds a value that is not
   *     finite
   */
  public static Rank of(Tensor matrix) {
    Check.that(
        matrix.rank() == 2 && matrix.shape().elements() > 0,
        "rank: a matrix [m, n] is asked for, got %s",
        matrix.shape());
    int m = matrix.dim(0);
    int n = matrix.dim(1);
    if (Math.min(m, n) > EXACT) {
      long bad = Measured.of(matrix).nonFinite();
      Check.that(bad == 0, "rank: %d elements of %s are not finite", bad, matrix.shape());
      return SpectrumSketch.of(matrix);
    }
    return Rank.of(SingularValues.of(rows(matrix.toDoubles(), m, n)));
  }

  /**
   * The rank of {@code features}, [samples, width], about their mean: how many directions tell
   * samples apart. Centred because the next layer's bias takes up the mean: without it any net
   * whose units have a mean, ReLU and sigmoid nets say, would show one dominant direction.
   */
  public static Rank ofFeatures(Tensor features) {
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad()) {
      return of(features.sub(features.mean(0)));
    }
  }

  /**
   * The rank of each weight of {@code model}: parameters of rank 2 and more as [out, rest], a
   * convolution [out, kh, kw, in] as [out, kh · kw · in]. Weights with values that are not finite
   * are left out: they have no rank.
   */
  public static Map<String, Rank> weights(Module model) {
    Map<String, Rank> ranks = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              Tensor w = p.value();
              if (w.rank() >= 2 && Measured.of(w).nonFinite() == 0) {
                try (Scope scope = Scope.open();
                    var none = Tensor.noGrad()) {
                  ranks.put(name, of(w.detach().reshape(w.dim(0), -1)));
                }
              }
            });
    return ranks;
  }

  private static double[][] rows(double[] values, int m, int n) {
    double[][] rows = new double[m][n];
    for (int i = 0; i < m; i++) {
      System.arraycopy(values, i * n, rows[i], 0, n);
    }
    return rows;
  }
}
