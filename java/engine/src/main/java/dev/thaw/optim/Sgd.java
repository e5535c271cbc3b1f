package dev.thaw.optim;

import dev.thaw.backend.UpdateRule;
import dev.thaw.nn.Module;

/** Stochastic gradient descent with momentum, as PyTorch counts it; see {@link UpdateRule#SGD}. */
public final class Sgd extends Optimizer {
  /** One rate, momentum, no decay. */
  public Sgd(Module model, double rate, double momentum) {
    this(model, Grouping.of(group(rate, momentum, 0, false)));
  }

  /** Parameters by group. */
  public Sgd(Module model, Grouping grouping) {
    super(model, UpdateRule.SGD, grouping);
  }

  /** Settings of a group. */
  public static ParameterGroup group(
      double rate, double momentum, double weightDecay, boolean nesterov) {
    return new ParameterGroup("sgd", rate, weightDecay, momentum, 0, 0, nesterov);
  }
}
