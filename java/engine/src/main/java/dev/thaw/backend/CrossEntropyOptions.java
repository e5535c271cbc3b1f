package dev.thaw.backend;

import dev.thaw.memory.Check;

/**
 * How cross-entropy counts.
 *
 * @param smoothing ε in [0, 1): the target is (1 − ε) · one-hot + ε / classes
 * @param ignored rows with this target count for nothing
 */
public record CrossEntropyOptions(double smoothing, long ignored) {
  /** No smoothing; −100 is ignored, as in PyTorch. */
  public static final CrossEntropyOptions DEFAULT = new CrossEntropyOptions(0, -100);

  /** Checks the range. */
  public CrossEntropyOptions {
    Check.that(
        smoothing >= 0 && smoothing < 1, "crossEntropy: smoothing %s not in [0, 1)", smoothing);
  }
}
