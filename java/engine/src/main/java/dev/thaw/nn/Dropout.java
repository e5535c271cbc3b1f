package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;

/**
 * In training mode, zeros with probability p and the rest scaled by 1 / (1 − p); else x. Inside a
 * frozen base it passes in training mode too: what does not learn gives the same features always.
 */
public final class Dropout extends Module {
  private final double p;
  private boolean frozen;

  /** Drops with probability {@code p} in [0, 1). */
  public Dropout(double p) {
    Check.that(p >= 0 && p < 1, "dropout: probability %s not in [0, 1)", p);
    this.p = p;
  }

  /** Whether it drops nothing, whatever mode its module is put in. */
  public boolean isFrozen() {
    return frozen;
  }

  /** Freezes or thaws; freezing the layers around it does so too. */
  public void freeze(boolean freeze) {
    if (frozen != freeze) {
      frozen = freeze;
      changed();
    }
  }

  @Override
  protected Tensor forward(Tensor x) {
    return isTraining() && !frozen && p > 0 ? Functional.dropout(x, p, Generator.current()) : x;
  }
}
