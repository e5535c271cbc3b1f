package dev.thaw.train;

import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Clip;
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
   * @param clip limits that the gradients were held to
   * @throws TrainingStopped naming the first parameter that stood still
   */
  void check(Optimizer optimizer, Clip clip) {
    double all = optimizer.report().gradientNorm();
    optimizer
        .gradientNorms()
        .forEach(
            (name, norm) -> {
              Parameter p = parameters.get(name);
              float[] then = before.get(name);
              if (p == null || then == null || !Arrays.equals(then, p.values())) {
                return;
              }
              // An update under the spacing of floats rounds to nothing, and rightly.
              double step = optimizer.rateOf(name) * least(norm, all, then.length, clip);
              if (step > spacing(then)) {
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

  /**
   * What the largest of {@code n} elements moves by at a rate of 1, at least: the gradient's mean
   * size after clipping; a rule that divides by the gradient's size moves further than a small one.
   */
  private static double least(double norm, double all, int n, Clip clip) {
    double size = norm / Math.sqrt(n);
    size = clip.value() > 0 ? Math.min(size, clip.value()) : size;
    size = clip.norm() > 0 && all > clip.norm() ? size * clip.norm() / all : size;
    return Math.min(1, size);
  }

  /** Of floats about the largest of {@code values}. */
  private static float spacing(float[] values) {
    float largest = 0;
    for (float v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return Math.ulp(largest);
  }
}
