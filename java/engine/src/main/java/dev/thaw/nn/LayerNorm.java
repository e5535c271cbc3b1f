package dev.thaw.nn;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;

/** Layer normalisation over the innermost dimension (Ba, Kiros, Hinton, arXiv 1607.06450). */
public final class LayerNorm extends Module {
  private final double eps;
  private final Parameter weight;
  private final Parameter bias;

  /** ε = 1e-5. */
  public LayerNorm(int features) {
    this(features, 1e-5);
  }

  /** With another ε. */
  public LayerNorm(int features, double eps) {
    this.eps = eps;
    float[] ones = new float[features];
    Arrays.fill(ones, 1);
    Shape shape = Shape.of(features);
    weight = parameter("weight", new Parameter(shape, ones, FileOrder.IDENTITY));
    bias = parameter("bias", new Parameter(shape, new float[features], FileOrder.IDENTITY));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.layerNorm(x, weight.value(), bias.value(), eps);
  }
}
