package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;

/**
 * Batch normalisation over everything but the innermost dimension: pictures [n, h, w, channels] or
 * rows [n, channels]. In inference mode running statistics are used; in training mode {@link
 * BnPolicy} says what happens.
 *
 * <p>Running statistics keep the unbiased variance and weigh a new value by the momentum 0.1, as
 * PyTorch.
 */
public final class BatchNorm extends Module {
  private final int channels;
  private final double eps;
  private double momentum;
  private final Parameter weight;
  private final Parameter bias;
  private BnPolicy policy = BnPolicy.TRAIN_ALL;
  private boolean frozen;

  /** ε = 1e-5, momentum 0.1. */
  public BatchNorm(int channels) {
    this(channels, 1e-5, 0.1);
  }

  /** With another ε and weight of a new value. */
  public BatchNorm(int channels, double eps, double momentum) {
    Check.that(channels > 0 && eps > 0, "batchNorm: %d channels, eps %s", channels, eps);
    this.channels = channels;
    this.eps = eps;
    this.momentum = momentum;
    Shape shape = Shape.of(channels);
    float[] ones = new float[channels];
    java.util.Arrays.fill(ones, 1);
    weight = parameter("weight", new Parameter(shape, ones, FileOrder.IDENTITY));
    bias = parameter("bias", new Parameter(shape, new float[channels], FileOrder.IDENTITY));
    buffer("running_mean", Parameter.buffer(shape, new float[channels]));
    buffer("running_var", Parameter.buffer(shape, ones));
  }

  /**
   * What happens in training mode. Freezing scale and shift, in whatever way, turns {@link
   * BnPolicy#TRAIN_ALL} into {@link BnPolicy#EVAL}: statistics that moved under frozen parameters
   * would change the layer all the same.
   */
  public BnPolicy policy() {
    boolean now = weight.isFrozen() && bias.isFrozen();
    if (now && !frozen && policy == BnPolicy.TRAIN_ALL) {
      policy = BnPolicy.EVAL;
    }
    frozen = now;
    return policy;
  }

  /** Sets what happens in training mode; asked for on a frozen norm, the batch is followed too. */
  public BatchNorm policy(BnPolicy policy) {
    if (policy() != policy) {
      this.policy = policy;
      changed();
    }
    return this;
  }

  /** γ. */
  public Parameter weight() {
    return weight;
  }

  /** β. */
  public Parameter bias() {
    return bias;
  }

  /** The running mean. */
  public Tensor runningMean() {
    return buffer("running_mean");
  }

  /** The running variance, unbiased. */
  public Tensor runningVariance() {
    return buffer("running_var");
  }

  /** Weight of a batch's statistics in the running ones. */
  public double momentum() {
    return momentum;
  }

  /**
   * Sets the weight of a batch's statistics in the running ones: 1 forgets what was, 1 / (k + 1) at
   * batch k makes an average.
   *
   * @param weight in (0, 1]
   */
  public BatchNorm momentum(double weight) {
    Check.that(weight > 0 && weight <= 1, "batchNorm: momentum %s is not in (0, 1]", weight);
    if (momentum != weight) {
      momentum = weight;
      Parameter.changed();
    }
    return this;
  }

  /** ε. */
  public double eps() {
    return eps;
  }

  @Override
  protected Tensor forward(Tensor x) {
    Check.that(
        x.rank() >= 2 && x.dim(-1) == channels,
        "batchNorm expects %d channels, got %s",
        channels,
        x.shape());
    Tensor w = weight.value();
    Tensor b = bias.value();
    BnPolicy now = policy();
    if (!isTraining() || now == BnPolicy.EVAL) {
      return Functional.batchNorm(x, w, b, runningMean(), runningVariance(), eps);
    }
    return now == BnPolicy.TRAIN_ALL
        ? Functional.batchNorm(x, w, b, runningMean(), runningVariance(), momentum, eps)
        : Functional.batchNorm(x, w, b, null, null, momentum, eps);
  }
}
