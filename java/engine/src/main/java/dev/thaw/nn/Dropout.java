package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;

/** In training mode, zeros with probability p and the rest scaled by 1 / (1 − p); else x. */
public final class Dropout extends Module {
  private final double p;

  /** Drops with probability {@code p} in [0, 1). */
  public Dropout(double p) {
    Check.that(p >= 0 && p < 1, "dropout: probability %s not in [0, 1)", p);
    this.p = p;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return isTraining() && p > 0 ? Functional.dropout(x, p, Generator.current()) : x;
  }
}
