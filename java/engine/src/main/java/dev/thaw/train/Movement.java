package dev.thaw.train;

import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Optimizer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The check after the first step: what has a gradient and a rate must have moved. Copies the
 * trainable parameters once, on the host.
 */
final class Movement {
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, float[]> before = new LinkedHashMap<>();

  Movement(Module model) {
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (!p.isFrozen()) {
                parameters.put(name, p);
                before.put(name, p.values());
              }
            });
  }

  /**
   * Compares.
   *
   * @throws TrainingStopped naming the first parameter that stood still
   */
  void check(Optimizer optimizer) {
    optimizer
        .gradientNorms()
        .forEach(
            (name, norm) -> {
              Parameter p = parameters.get(name);
              // Far under the spacing of floats an update may round to nothing.
              boolean moves = norm > 1e-6 && optimizer.rateOf(name) > 1e-6;
              if (p != null && moves && Arrays.equals(before.get(name), p.values())) {
                throw new TrainingStopped(
                    String.format(
                        java.util.Locale.ROOT,
                        "training: %s has a gradient of norm %.3g and did not move in the first"
                            + " step; is it copied, or held by another model?",
                        name,
                        norm));
              }
            });
  }
}
