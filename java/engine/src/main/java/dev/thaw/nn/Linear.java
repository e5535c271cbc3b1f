package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;
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
    if (x.rank() == 0 || x.dim(-1) != inFeatures) {
      throw new IllegalArgumentException(
          String.format(
              Locale.ROOT,
              "linear%s expects %d features, got %d%s",
              place(),
              inFeatures,
              x.rank() > 0 ? x.dim(-1) : 1,
              remedy(x)));
    }
    return Functional.linear(x, weight.value(), bias == null ? null : bias.value());
  }

  /** Where the wrong number comes from, and what would fit. */
  private String remedy(Tensor x) {
    Shape pictures = Tape.flattenedFrom(x);
    if (pictures == null) {
      return " in " + x.shape() + (x.rank() == 4 ? "; flatten pictures first" : "");
    }
    int channels = pictures.dim(3);
    int side = (int) Math.round(Math.sqrt(inFeatures / (double) channels));
    String pooled =
        side * side * channels == inFeatures
            ? String.format(", or pad and pool to %dx%dx%d", side, side, channels)
            : "";
    return String.format(
        Locale.ROOT,
        " = %dx%dx%d; make it Linear(%d, %d)%s",
        pictures.dim(1),
        pictures.dim(2),
        channels,
        x.dim(-1),
        outFeatures,
        pooled);
  }

  @Override
  public String toString() {
    return "Linear" + Arrays.asList(inFeatures, outFeatures);
  }
}
