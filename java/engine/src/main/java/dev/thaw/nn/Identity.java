package dev.thaw.nn;

import dev.thaw.tensor.Tensor;

/** y = x: what stands in a slot that is to do nothing. */
public final class Identity extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return x;
  }
}
