package dev.thaw.optim;

import dev.thaw.backend.UpdateRule;
import dev.thaw.nn.Module;

/**
 * Adam (Kingma and Ba, arXiv 1412.6980); decay, if any, joins the gradient: {@link
 * UpdateRule#ADAM}.
 */
public final class Adam extends Optimizer {
  /** One rate, β 0.9 and 0.999, ε 1e-8, no decay. */
  public Adam(Module model, double rate) {
    this(model, Grouping.of(group(rate, 0)));
  }

  /** Parameters by group. */
  public Adam(Module model, Grouping grouping) {
    super(model, UpdateRule.ADAM, grouping);
  }

  /** Settings of a group: β 0.9 and 0.999, ε 1e-8. */
  public static ParameterGroup group(double rate, double weightDecay) {
    return new ParameterGroup("adam", rate, weightDecay, 0.9, 0.999, 1e-8, false);
  }
}
