package dev.thaw.nn;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;

/** Rows of a learned table by index: int64 [..] → [.., width]. */
public final class Embedding extends Module {
  private final Parameter weight;

  /** A table of normal numbers. */
  public Embedding(int entries, int width) {
    Shape shape = Shape.of(entries, width);
    float[] values = Init.normal(0, 1).values(shape, Generator.current());
    weight = parameter("weight", new Parameter(shape, values, FileOrder.IDENTITY));
  }

  @Override
  protected Tensor forward(Tensor index) {
    return Functional.embedding(weight.value(), index);
  }
}
