package dev.thaw.nn;

import dev.thaw.tensor.Tensor;

/** Modules one after the other, named 0, 1, 2 as in PyTorch. */
public final class Sequential extends Module {
  /** The chain of {@code modules}, at least one. */
  public Sequential(Module... modules) {
    for (int i = 0; i < modules.length; i++) {
      slot(Integer.toString(i), modules[i]);
    }
  }

  @Override
  protected Tensor forward(Tensor x) {
    return through(x, slots().toArray(new Slot[0]));
  }
}
