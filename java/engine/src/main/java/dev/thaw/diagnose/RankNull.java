package dev.thaw.diagnose;

import dev.thaw.memory.Check;

/**
 * What the effective rank of a net's input-output Jacobian is by chance alone, as a share of the
 * width: medians over random square nets, at depths 1, 2, 6, 20, 50, between which the logarithm is
 * interpolated along ln depth. For widths of 64 and more they depend on depth and activation only;
 * narrower nets lie higher.
 *
 * <p>A healthy ReLU net of 20 layers sits at 8 %: any fixed threshold would be wrong.
 */
public enum RankNull {
  /** Linear layers with normal weights; also tanh and sigmoid in their linear range. */
  LINEAR(.80, .66, .39, .16, .07),
  /** ReLU and its relatives, He's start. */
  RELU(.47, .36, .20, .08, .04),
  /** x + ReLU(W x) / √depth. */
  RESIDUAL(.85, .81, .78, .70, .39),
  /** Linear layers with orthogonal weights. */
  ORTHOGONAL(1, 1, 1, 1, 1),
  /** Every layer reads the input too (Duvenaud et al., AISTATS 2014). */
  INPUT_CONNECTED(.79, .78, .76, .77, .77);

  private static final int[] DEPTHS = {1, 2, 6, 20, 50};

  private final double[] shares;

  RankNull(double... shares) {
    this.shares = shares;
  }

  /**
   * The row that a chain of layers with this activation is compared with.
   *
   * @param activation a name that {@link dev.thaw.nn.Activation#named} knows
   */
  public static RankNull ofActivation(String activation) {
    return switch (activation) {
      case "relu", "leaky-relu", "elu", "gelu", "gelu-tanh", "silu" -> RELU;
      default -> LINEAR;
    };
  }

  /**
   * Effective rank / width at {@code depth}. Beyond 50 layers the slope between 20 and 50 goes on.
   *
   * @throws IllegalArgumentException when depth is below 1
   */
  public double share(double depth) {
    Check.that(depth >= 1, "null of the rank: depth %s", depth);
    int i = 1;
    while (i < DEPTHS.length - 1 && depth > DEPTHS[i]) {
      i++;
    }
    double from = Math.log(DEPTHS[i - 1]);
    double at = (Math.log(depth) - from) / (Math.log(DEPTHS[i]) - from);
    double low = Math.log(shares[i - 1]);
    return Math.exp(low + at * (Math.log(shares[i]) - low));
  }
}
