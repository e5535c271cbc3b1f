package dev.thaw.optim;

import dev.thaw.backend.UpdateRule;
import dev.thaw.nn.Module;

/** RMSprop (Hinton, lecture 6e), as PyTorch counts it; see {@link UpdateRule#RMSPROP}. */
public final class RmsProp extends Optimizer {
  /** One rate, α 0.99, ε 1e-8, no momentum, no decay. */
  public RmsProp(Module model, double rate) {
    this(model, Grouping.of(group(rate, 0, 0)));
  }

  /** Parameters by group. */
  public RmsProp(Module model, Grouping grouping) {
    super(model, UpdateRule.RMSPROP, grouping);
  }

  /** Settings of a group: α 0.99, ε 1e-8. */
  public static ParameterGroup group(double rate, double momentum, double weightDecay) {
    return new ParameterGroup("rmsprop", rate, weightDecay, 0.99, momentum, 1e-8, false);
  }
}
