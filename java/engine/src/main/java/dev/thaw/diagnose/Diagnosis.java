package dev.thaw.diagnose;

import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Activation;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A model looked at on some batches: what was measured, what that means, what to do.
 *
 * @param evidence everything measured
 * @param verdicts the findings, the most pressing first; never empty
 * @param warnings lines about what is not ill but worth a look: saturation, dead units, update
 *     ratios out of range, layers no gradient reaches
 * @param seconds it took
 */
public record Diagnosis(
    Evidence evidence, List<Verdict> verdicts, List<String> warnings, double seconds) {
  /** Examples at which the Jacobian is measured. */
  private static final int JACOBIANS = 2;

  /** Copies the lists. */
  public Diagnosis {
    verdicts = List.copyOf(verdicts);
    warnings = List.copyOf(warnings);
  }

  /**
   * How much is looked at.
   *
   * @param examples at most, run forward and backward; {@value GradientHealth#DEAD_EXAMPLES} and
   *     more tell dead units
   * @param steps of training, taken back afterwards, to see update ratios; 0 for none
   * @param optimizer makes the optimizer of those steps
   */
  public record Options(int examples, int steps, Function<Module, Optimizer> optimizer) {
    /** 1,024 examples, 20 steps of SGD at 0.05 with momentum 0.9. */
    public static final Options DEFAULT = new Options(1024, 20, model -> new Sgd(model, 0.05, 0.9));

    /** Checks the ranges. */
    public Options {
      Check.that(examples > 0, "diagnosis: %d examples", examples);
      Check.that(steps >= 0, "diagnosis: %d steps", steps);
    }

    /** The same with another number of steps by another optimizer. */
    public Options training(int count, Function<Module, Optimizer> rule) {
      return new Options(examples, count, rule);
    }
  }

  /** With the usual options; see {@link #of(Module, BatchSource, Options)}. */
  public static Diagnosis of(Module model, BatchSource batches) throws IOException {
    return of(model, batches, Options.DEFAULT);
  }

  /**
   * Looks at {@code model} in training mode. It is left as it was: values, running statistics,
   * gradients, mode.
   *
   * @param model a classifier, on any device; no training may be at work on it
   * @param batches read from the start
   * @throws IllegalArgumentException when there is no batch, or one holds values that are not
   *     finite
   * @throws IOException naming the file that cannot be read
   */
  public static Diagnosis of(Module model, BatchSource batches, Options options)
      throws IOException {
    long begin = System.nanoTime();
    Device device = model.parameters().values().iterator().next().value().device();
    boolean training = model.isTraining();
    try (var on = device.use()) {
      model.train();
      GradientHealth health = new GradientHealth(model);
      batches.seek(0, 0);
      Batch batch = ShortTraining.next(batches);
      int classes = classes(model, batch);
      JacobianProfile jacobian = jacobian(model, batch);
      for (int seen = 0; batch != null && seen < options.examples; batch = batches.next()) {
        health.sample(batch);
        seen += batch.size();
      }
      boolean moves = model.parameters().values().stream().anyMatch(p -> !p.isFrozen());
      ShortTraining steps = null;
      if (options.steps > 0 && moves && health.isFinite()) {
        steps = ShortTraining.of(model, batches, options.steps, options.optimizer, health);
      }
      Evidence evidence =
          new Evidence(
              health.report(),
              jacobian,
              RankMeter.weights(model),
              classes,
              activation(model),
              steps);
      double seconds = (System.nanoTime() - begin) * 1e-9;
      return new Diagnosis(evidence, evidence.verdicts(), evidence.warnings(), seconds);
    } finally {
      model.train(training);
    }
  }

  private static int classes(Module model, Batch batch) {
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad()) {
      // In inference mode: no norm moves its statistics.
      model.eval();
      return model.call(batch.x().slice(0, 0, 1)).dim(-1);
    } finally {
      model.train();
    }
  }

  private static @Nullable JacobianProfile jacobian(Module model, Batch batch) {
    if (!(model instanceof Mlp mlp)) {
      return null;
    }
    int hidden = 0;
    for (Module part : mlp.modules().values()) {
      hidden += part instanceof Activation ? 1 : 0;
      if (part instanceof Linear linear && linear.outFeatures() > JacobianProfile.MOST_WIDTH) {
        return null;
      }
    }
    if (hidden == 0) {
      return null;
    }
    try (Scope scope = Scope.open()) {
      return JacobianProfile.of(mlp, batch.x().slice(0, 0, Math.min(JACOBIANS, batch.size())));
    }
  }

  /** The activation that all parts share, or an empty name. */
  private static String activation(Module model) {
    String name = null;
    for (Module part : model.modules().values()) {
      if (part instanceof Activation a) {
        name = name == null || name.equals(a.name()) ? a.name() : "";
      }
    }
    return name == null ? "" : name;
  }

  /** The most pressing finding. */
  public Verdict verdict() {
    return verdicts.get(0);
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("verdict", verdict().kind().toString());
    List<Map<String, Object>> list = new ArrayList<>();
    verdicts.forEach(v -> list.add(v.toMap()));
    map.put("verdicts", list);
    map.put("warnings", warnings);
    map.putAll(evidence.toMap());
    map.put("seconds", seconds);
    return map;
  }

  /** The findings, the warnings, and the tables they rest on. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    verdicts.forEach(v -> text.append(v).append('\n'));
    warnings.forEach(w -> text.append("note: ").append(w).append('\n'));
    text.append('\n').append(evidence);
    text.append(String.format(Locale.ROOT, "%nlooked for %.1f s%n", seconds));
    return text.toString();
  }
}
