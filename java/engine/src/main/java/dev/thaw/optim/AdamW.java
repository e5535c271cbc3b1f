package dev.thaw.optim;

import dev.thaw.backend.UpdateRule;
import dev.thaw.nn.Module;

/**
 * Adam with decoupled decay (Loshchilov and Hutter, arXiv 1711.05101): {@link UpdateRule#ADAMW}.
 */
public final class AdamW extends Optimizer {
  /** One rate and decay, β 0.9 and 0.999, ε 1e-8; biases and norms are not decayed. */
  public AdamW(Module model, double rate, double weightDecay) {
    this(model, Grouping.of(group(rate, weightDecay)));
  }

  /** Parameters by group. */
  public AdamW(Module model, Grouping grouping) {
    super(model, UpdateRule.ADAMW, grouping);
  }

  /** Settings of a group: β 0.9 and 0.999, ε 1e-8. */
  public static ParameterGroup group(double rate, double weightDecay) {
    return new ParameterGroup("adamw", rate, weightDecay, 0.9, 0.999, 1e-8, false);
  }
}
