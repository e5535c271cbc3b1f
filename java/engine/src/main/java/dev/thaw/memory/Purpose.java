package dev.thaw.memory;

import java.util.Locale;

/**
 * What memory is held for; every allocation names one, so that a full device can say what fills it.
 */
public enum Purpose {
  /** Weights, and the running statistics of norms. */
  PARAMETERS,
  /** Gradients of parameters, and those that flow back through the tape. */
  GRADIENTS,
  /** Moments and step counts. */
  OPTIMIZER,
  /** Results of forward operations and the batch itself. */
  ACTIVATIONS,
  /** Scratch inside one call, and packed copies of weights. */
  WORKSPACE;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
