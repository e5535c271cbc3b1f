package dev.thaw.diagnose;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What was seen at one layer: a module with parameters of its own. NaN stands for what was not
 * measured or does not apply.
 *
 * @param name full name, {@code layer4.1.conv2}
 * @param kind the module's class: {@code Linear}
 * @param state {@code trained}, {@code frozen}, or {@code partly}
 * @param reached whether a gradient arrived at its parameters, or, where they are frozen, at its
 *     output: a frozen layer that passes gradients on is reached, one below the lowest trained
 *     layer is not
 * @param parameterNorm of all its parameters together
 * @param gradientNorm of the loss by its parameters, root mean square over the samples
 * @param activation root mean square of its output's elements
 * @param flowNorm of the loss by its output, root mean square over the samples
 * @param update log10(mean |Δθ| / mean |θ|) of its trained parameters that did not start at 0, over
 *     the last step that was watched; minus infinity where nothing moved
 * @param distance ‖θ - θ₀‖ / ‖θ₀‖ after that step, θ₀ being its weights when the watch began
 * @param saturated share of the tanh or sigmoid values behind it that lie beyond 0.97 (sigmoid:
 *     outside 0.03..0.97)
 * @param dead share of the ReLU units behind it that were 0 on every example; NaN below {@value
 *     GradientHealth#DEAD_EXAMPLES} examples
 * @param features rank, centred, of what it passes on to the next layer, or null
 */
public record LayerHealth(
    String name,
    String kind,
    String state,
    boolean reached,
    double parameterNorm,
    double gradientNorm,
    double activation,
    double flowNorm,
    double update,
    double distance,
    double saturated,
    double dead,
    @Nullable Rank features) {
  /** Whether every parameter of it is frozen. */
  public boolean isFrozen() {
    return state.equals("frozen");
  }

  /** For JSON; what was not measured is left out. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", name);
    map.put("kind", kind);
    map.put("state", state);
    map.put("reached", reached);
    put(map, "parameter_norm", parameterNorm);
    put(map, "gradient_norm", gradientNorm);
    put(map, "activation_rms", activation);
    put(map, "flow_norm", flowNorm);
    put(map, "log10_update_ratio", update);
    put(map, "distance_from_start", distance);
    put(map, "saturated", saturated);
    put(map, "dead", dead);
    if (features != null) {
      map.put("features", features.toMap());
    }
    return map;
  }

  static void put(Map<String, Object> map, String key, double value) {
    if (Double.isFinite(value)) {
      map.put(key, value);
    }
  }
}
