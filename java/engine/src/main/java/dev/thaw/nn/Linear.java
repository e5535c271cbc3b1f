package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** y = x Wᵀ + b: [.., inFeatures] → [.., outFeatures]. */
public final class Linear extends Module {
  private final int inFeatures;
  private final int outFeatures;
  private final Parameter weight;
  private final @Nullable Parameter bias;

  /** With bias, started as PyTorch does: uniform within ±1 / √inFeatures. */
  public Linear(int inFeatures, int outFeatures) {
    this(inFeatures, outFeatures, true, Init.fanInUniform());
  }

  /** With the given start of the weight; the bias starts as PyTorch's, with another init at 0. */
  public Linear(int inFeatures, int outFeatures, boolean bias, Init init) {
    Check.that(
        inFeatures > 0 && outFeatures > 0, "linear: %d to %d features", inFeatures, outFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    Shape shape = Shape.of(outFeatures, inFeatures);
    float[] values = init.values(shape, Generator.current());
    weight = parameter("weight", new Parameter(shape, values, FileOrder.IDENTITY));
    this.bias = bias ? parameter("bias", Conv2d.bias(outFeatures, inFeatures)) : null;
  }

  /** Features of x. */
  public int inFeatures() {
    return inFeatures;
  }

  /** Features of y. */
  public int outFeatures() {
    return outFeatures;
  }

  /** W, [outFeatures, inFeatures]. */
  public Parameter weight() {
    return weight;
  }

  /** b, [outFeatures], or null. */
  public @Nullable Parameter bias() {
    return bias;
  }

  @Override
  protected Tensor forward(Tensor x) {
    Check.that(
        x.rank() > 0 && x.dim(-1) == inFeatures,
        "linear expects %d features, got %d in %s%s",
        inFeatures,
        x.rank() > 0 ? x.dim(-1) : 1,
        x.shape(),
        x.rank() == 4 ? "; flatten pictures first" : "");
    return Functional.linear(x, weight.value(), bias == null ? null : bias.value());
  }

  @Override
  public String toString() {
    return "Linear" + Arrays.asList(inFeatures, outFeatures);
  }
}
