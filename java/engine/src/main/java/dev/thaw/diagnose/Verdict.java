package dev.thaw.diagnose;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What is wrong with a net or a training, or that nothing is; how one knows, and what to do.
 *
 * @param kind the finding
 * @param evidence lines with numbers, the strongest first
 * @param layers the layers it is about; empty where it is about all of them
 * @param remedy one sentence
 */
public record Verdict(Kind kind, List<String> evidence, List<String> layers, String remedy) {
  /** The findings, the most pressing first. */
  public enum Kind {
    /** Gradients or activations grow with depth or in training, up to values not finite. */
    EXPLODING,
    /** Gradients fade on their way to the input. */
    VANISHING,
    /** Few directions of the input, or of the features, are left. */
    RANK_COLLAPSED,
    /** Validation loss rises while training loss falls. */
    OVERFITTING,
    /** Layers stand still because they were told to: no illness. */
    FROZEN,
    /** None of the above. */
    HEALTHY;

    /** {@code rank-collapsed}. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Copies the lists. */
  public Verdict {
    evidence = List.copyOf(evidence);
    layers = List.copyOf(layers);
  }

  /** For JSON: verdict, evidence, layers, remedy. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("verdict", kind.toString());
    map.put("evidence", evidence);
    map.put("layers", layers);
    map.put("remedy", remedy);
    return map;
  }

  /** The finding, a line of evidence each, and the remedy. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(kind.toString());
    evidence.forEach(line -> text.append("\n  - ").append(line));
    return text.append("\n  remedy: ").append(remedy).toString();
  }
}
