package dev.thaw.backend;

import java.util.Locale;

/**
 * Elementwise functions of one argument, each with up to two scalars a, b. The lambdas, in double,
 * are plain's definition and the oracle of the other backends, which find their native function by
 * the constant's name; {@code kernels/unary_ops.def} has one line for each.
 */
public enum Unary {
  /** max(0, x). */
  RELU(Reads.Y, (x, a, b) -> x > 0 || Double.isNaN(x) ? x : 0, (y, a, b) -> y > 0 ? 1 : 0),
  /** x for x &gt; 0, else a · x; a &gt; 0. */
  LEAKY_RELU(Reads.X, (x, a, b) -> x > 0 ? x : a * x, (x, a, b) -> x > 0 ? 1 : a),
  /** x for x &gt; 0, else a · (eˣ − 1). */
  ELU(
      Reads.X,
      (x, a, b) -> x > 0 ? x : a * Math.expm1(x),
      (x, a, b) -> x > 0 ? 1 : a * Math.exp(x)),
  /** x · Φ(x), Φ the standard normal distribution (Hendrycks and Gimpel, arXiv 1606.08415). */
  GELU(
      Reads.X,
      (x, a, b) -> 0.5 * x * (1 + Erf.erf(x * Math.sqrt(0.5))),
      (x, a, b) ->
          0.5 * (1 + Erf.erf(x * Math.sqrt(0.5)))
              + x * Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)),
  /** Gelu's approximation: x / 2 · (1 + tanh(√(2 / π) · (x + 0.044715 x³))). */
  GELU_TANH(
      Reads.X,
      (x, a, b) -> 0.5 * x * (1 + Math.tanh(geluArgument(x))),
      (x, a, b) -> {
        double t = Math.tanh(geluArgument(x));
        double slope = Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
      }),
  /** x · σ(x). */
  SILU(
      Reads.X,
      (x, a, b) -> x * logistic(x),
      (x, a, b) -> logistic(x) * (1 + x * (1 - logistic(x)))),
  /** x · min(max(x + 3, 0), 6) / 6 (Howard et al., arXiv 1905.02244). */
  HARD_SWISH(
      Reads.X,
      (x, a, b) -> x * Math.min(Math.max(x + 3, 0), 6) / 6,
      (x, a, b) -> x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5),
  /** 1 / (1 + e⁻ˣ). */
  SIGMOID(Reads.Y, (x, a, b) -> logistic(x), (y, a, b) -> y * (1 - y)),
  /** tanh x. */
  TANH(Reads.Y, (x, a, b) -> Math.tanh(x), (y, a, b) -> 1 - y * y),
  /** ln(1 + eˣ), without overflow. */
  SOFTPLUS(
      Reads.X,
      (x, a, b) -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
      (x, a, b) -> logistic(x)),
  /** eˣ. */
  EXP(Reads.Y, (x, a, b) -> Math.exp(x), (y, a, b) -> y),
  /** ln x. */
  LOG(Reads.X, (x, a, b) -> Math.log(x), (x, a, b) -> 1 / x),
  /** √x. */
  SQRT(Reads.Y, (x, a, b) -> Math.sqrt(x), (y, a, b) -> 0.5 / y),
  /** 1 / √x. */
  RSQRT(Reads.Y, (x, a, b) -> 1 / Math.sqrt(x), (y, a, b) -> -0.5 * y * y * y),
  /** |x|; slope 0 at 0. */
  ABS(Reads.X, (x, a, b) -> Math.abs(x), (x, a, b) -> Math.signum(x)),
  /** −x. */
  NEG(Reads.NOTHING, (x, a, b) -> -x, (x, a, b) -> -1),
  /** x². */
  SQUARE(Reads.X, (x, a, b) -> x * x, (x, a, b) -> 2 * x),
  /** 1 / x. */
  RECIPROCAL(Reads.Y, (x, a, b) -> 1 / x, (y, a, b) -> -y * y),
  /** x limited to [a, b]; slope 1 inside and at the limits. */
  CLIP(Reads.X, (x, a, b) -> Math.min(Math.max(x, a), b), (x, a, b) -> x >= a && x <= b ? 1 : 0),
  /** a · x + b. */
  AFFINE(Reads.NOTHING, (x, a, b) -> a * x + b, (x, a, b) -> a),
  /** x to the power a. */
  POWER(Reads.X, (x, a, b) -> Math.pow(x, a), (x, a, b) -> a * Math.pow(x, a - 1)),
  /** ½ x² where |x| ≤ a, else a · (|x| − a / 2) (Huber 1964). */
  HUBER(
      Reads.X,
      (x, a, b) -> Math.abs(x) <= a ? 0.5 * x * x : a * (Math.abs(x) - 0.5 * a),
      (x, a, b) -> Math.min(Math.max(x, -a), a));

  /** What the slope is computed from. */
  public enum Reads {
    /** A constant slope. */
    NOTHING,
    /** The argument. */
    X,
    /** The result. */
    Y
  }

  /** A function of one argument and two scalars. */
  @FunctionalInterface
  interface Formula {
    double at(double v, double a, double b);
  }

  private final Reads reads;
  private final Formula value;
  private final Formula slope;

  Unary(Reads reads, Formula value, Formula slope) {
    this.reads = reads;
    this.value = value;
    this.slope = slope;
  }

  /** What {@link #slope} takes: x, y, or nothing. */
  public Reads reads() {
    return reads;
  }

  /** f(x; a, b). */
  public double value(double x, double a, double b) {
    return value.at(x, a, b);
  }

  /**
   * f'(·; a, b).
   *
   * @param saved x or y, as {@link #reads} says
   */
  public double slope(double saved, double a, double b) {
    return slope.at(saved, a, b);
  }

  /** The name in {@code unary_ops.def} and in native libraries: {@code leaky_relu}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static double logistic(double x) {
    return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
  }

  private static double geluArgument(double x) {
    return Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
  }
}
