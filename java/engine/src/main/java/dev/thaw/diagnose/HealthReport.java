package dev.thaw.diagnose;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@link GradientHealth} has seen so far.
 *
 * @param loss mean over the samples; NaN before the first
 * @param examples seen
 * @param layers in the order in which the input passes them
 * @param trend of the gradient norms at the hidden layers' outputs, input first
 * @param z how many deviations the trend lies from a random ReLU net's, see {@link
 *     Trend#againstHeRelu}; NaN where that null does not apply
 * @param nonFinite where the first value that is not finite was met, or null
 */
public record HealthReport(
    double loss,
    long examples,
    List<LayerHealth> layers,
    Trend trend,
    double z,
    @Nullable String nonFinite) {
  /** Copies the list. */
  public HealthReport {
    layers = List.copyOf(layers);
  }

  /** The names of the layers whose every parameter is frozen. */
  public List<String> frozen() {
    return layers.stream().filter(LayerHealth::isFrozen).map(LayerHealth::name).toList();
  }

  /**
   * The features that the head reads: those of the layer before the last one with weights, or null.
   */
  public @Nullable LayerHealth penultimate() {
    LayerHealth found = null;
    for (int i = 0; i + 1 < layers.size(); i++) {
      if (layers.get(i).features() != null) {
        found = layers.get(i);
      }
    }
    return found;
  }

  /** For JSON. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    LayerHealth.put(map, "loss", loss);
    map.put("examples", examples);
    LayerHealth.put(map, "decades_per_layer", trend.slope());
    LayerHealth.put(map, "decades", trend.decades());
    LayerHealth.put(map, "z_he_relu", z);
    if (nonFinite != null) {
      map.put("first_non_finite", nonFinite);
    }
    List<Map<String, Object>> list = new ArrayList<>();
    layers.forEach(layer -> list.add(layer.toMap()));
    map.put("layers", list);
    return map;
  }

  /**
   * A table: layer, state, gradient norm of its parameters, of its output, root mean square of its
   * output, log10 update ratio, distance from the start, share saturated and dead, feature rank.
   */
  @Override
  public String toString() {
    int width = 5;
    for (LayerHealth layer : layers) {
      width = Math.max(width, layer.name().length());
    }
    StringBuilder table = new StringBuilder();
    table.append(
        String.format(
            Locale.ROOT,
            "%-" + width + "s %-7s %9s %9s %9s %7s %8s %6s %6s %12s%n",
            "layer",
            "state",
            "dL/dθ",
            "dL/dy",
            "y rms",
            "update",
            "moved",
            "satur.",
            "dead",
            "feature rank"));
    for (LayerHealth layer : layers) {
      Rank rank = layer.features();
      table.append(
          String.format(
              Locale.ROOT,
              "%-" + width + "s %-7s %9s %9s %9s %7s %8s %6s %6s %12s%n",
              layer.name(),
              layer.state(),
              number("%.2e", layer.gradientNorm()),
              number("%.2e", layer.flowNorm()),
              number("%.2e", layer.activation()),
              number("%.2f", layer.update()),
              number("%.4f", layer.distance()),
              number("%.0f %%", 100 * layer.saturated()),
              number("%.0f %%", 100 * layer.dead()),
              rank == null
                  ? "-"
                  : String.format(Locale.ROOT, "%.1f of %d", rank.effective(), rank.width())));
    }
    return table.toString();
  }

  private static String number(String format, double value) {
    if (value == Double.NEGATIVE_INFINITY) {
      return "none";
    }
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, format, value);
  }
}
