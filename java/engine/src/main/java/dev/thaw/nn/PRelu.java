package dev.thaw.nn;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;

/** max(0, x) + slope · min(0, x), a slope per channel, learned from 0.25. */
public final class PRelu extends Module {
  private final Parameter weight;

  /** One slope for all, or one per channel. */
  public PRelu(int channels) {
    Shape shape = Shape.of(channels);
    float[] values = Init.constant(0.25).values(shape, Generator.current());
    weight = parameter("weight", new Parameter(shape, values, FileOrder.IDENTITY));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.prelu(x, weight.value());
  }
}
