package dev.thaw.nn;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;

/** One row per example; pictures in PyTorch's order c, h, w. */
public final class Flatten extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.flatten(x);
  }
}
