package dev.thaw.optim;

import dev.thaw.memory.Check;

/**
 * Settings shared by some parameters. A schedule multiplies the base rate; the rest stays.
 *
 * @param name for logs
 * @param rate η, the base rate
 * @param weightDecay λ
 * @param beta1 momentum, β₁, or RMSprop's α
 * @param beta2 β₂, or RMSprop's momentum
 * @param eps ε
 * @param nesterov whether SGD looks ahead
 */
public record ParameterGroup(
    String name,
    double rate,
    double weightDecay,
    double beta1,
    double beta2,
    double eps,
    boolean nesterov) {
  /** Checks the ranges. */
  public ParameterGroup {
    Check.that(rate >= 0 && rate < Double.MAX_VALUE, "%s: rate %s is negative", name, rate);
    Check.that(weightDecay >= 0, "%s: weight decay %s is negative", name, weightDecay);
    Check.that(beta1 >= 0 && beta1 < 1, "%s: momentum or beta1 %s not in [0, 1)", name, beta1);
    Check.that(beta2 >= 0 && beta2 < 1, "%s: beta2 %s not in [0, 1)", name, beta2);
    Check.that(eps >= 0, "%s: eps %s is negative", name, eps);
    Check.that(!nesterov || beta1 > 0, "%s: Nesterov's momentum needs momentum above 0", name);
  }

  /** The same under another name and rate. */
  public ParameterGroup at(String otherName, double otherRate) {
    return new ParameterGroup(otherName, otherRate, weightDecay, beta1, beta2, eps, nesterov);
  }

  /** The same without decay. */
  public ParameterGroup withoutDecay() {
    return new ParameterGroup(name + ", no decay", rate, 0, beta1, beta2, eps, nesterov);
  }
}
