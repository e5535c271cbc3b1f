package dev.thaw.diagnose;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the verdicts are made from; anything but the first may be missing.
 *
 * @param health of layers
 * @param jacobian of an Mlp, or null
 * @param weights ranks by parameter; may be empty
 * @param classes number of logits, 0 where unknown
 * @param activation name of the net's activation, empty where there are several
 * @param training a few steps, or null
 */
public record Evidence(
    HealthReport health,
    @Nullable JacobianProfile jacobian,
    Map<String, Rank> weights,
    int classes,
    String activation,
    @Nullable ShortTraining training) {
  /** Copies the map. */
  public Evidence {
    weights = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(weights));
  }

  /** What a training's checkup knows: layers, and nothing that costs more. */
  public static Evidence of(HealthReport health) {
    return new Evidence(health, null, Map.of(), 0, "", null);
  }

  /** The findings, the most pressing first; never empty. */
  public List<Verdict> verdicts() {
    return new Judgement(this).verdicts();
  }

  /** What is not ill but worth a look, a line each. */
  public List<String> warnings() {
    return new Judgement(this).warnings();
  }

  /** For JSON: health, jacobian, weights, training. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("classes", classes);
    map.put("health", health.toMap());
    if (jacobian != null) {
      map.put("jacobian", jacobian.toMaps());
    }
    Map<String, Object> ranks = new LinkedHashMap<>();
    weights.forEach((name, rank) -> ranks.put(name, rank.toMap()));
    map.put("weights", ranks);
    if (training != null) {
      map.put("training", training.toMap());
    }
    return map;
  }

  /** The tables: layers, ranks of weights, the Jacobian by depth, the short training. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(health.toString());
    text.append("gradient norms: ").append(health.trend());
    if (!Double.isNaN(health.z())) {
      text.append(String.format(Locale.ROOT, "; z = %.1f against He's ReLU nets", health.z()));
    }
    text.append('\n');
    if (!weights.isEmpty()) {
      text.append("\nweights, rank of [out, rest]\n");
      int width = weights.keySet().stream().mapToInt(String::length).max().orElse(0);
      weights.forEach(
          (name, rank) ->
              text.append(String.format(Locale.ROOT, "%-" + width + "s  %s%n", name, rank)));
    }
    if (jacobian != null) {
      text.append("\nJacobian of the hidden layers by the input, against ");
      text.append(jacobian.reference().name().toLowerCase(Locale.ROOT)).append(" nets\n");
      text.append(jacobian);
    }
    if (training != null) {
      text.append(
          String.format(
              Locale.ROOT,
              "%n%d steps at rate %.3g, taken back: loss %.4f to %.4f, %d skipped%n",
              training.steps(),
              training.rate(),
              training.firstLoss(),
              training.lastLoss(),
              training.skipped()));
    }
    return text.toString();
  }
}
