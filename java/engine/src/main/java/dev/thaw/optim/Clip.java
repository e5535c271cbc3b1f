package dev.thaw.optim;

import dev.thaw.memory.Check;

/**
 * Limits on gradients and weights; 0 for none.
 *
 * @param norm of all trainable gradients together (Pascanu et al., arXiv 1211.5063)
 * @param value of each element, both signs
 * @param weightNorm of each output unit's weights, after the step
 */
public record Clip(double norm, double value, double weightNorm) {
  /** No limits. */
  public static final Clip NONE = new Clip(0, 0, 0);

  /** Checks the ranges. */
  public Clip {
    Check.that(
        norm >= 0 && value >= 0 && weightNorm >= 0,
        "clip: a limit is negative, norm %s, value %s, weight norm %s",
        norm,
        value,
        weightNorm);
  }
}
