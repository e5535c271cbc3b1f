package dev.thaw.app;

import dev.thaw.diagnose.HealthReport;
import dev.thaw.diagnose.LayerHealth;
import dev.thaw.diagnose.Rank;
import dev.thaw.diagnose.Verdict;
import dev.thaw.nn.Module;
import dev.thaw.transfer.Layers;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An examined training, as comparisons and reports show it.
 *
 * @param strategy the word for it: pretrain, scratch, full, partial, head
 * @param title the words for it
 * @param trained names of the layers that were trained
 * @param layers number of layers in all
 * @param trainable number of parameters that could move
 * @param parameters number of parameters in all
 * @param outcome how it ended
 * @param findings about its layers
 */
record Run(
    String strategy,
    String title,
    List<String> trained,
    int layers,
    long trainable,
    long parameters,
    TrainingJob.Outcome outcome,
    Examination.Findings findings) {

  /** A training of {@code model} that was examined and has just ended. */
  static Run of(String strategy, String title, Module model, TrainingJob.Outcome outcome) {
    List<Layers.Layer> layers = Layers.of(model);
    return new Run(
        strategy,
        title,
        layers.stream().filter(l -> !l.state().equals("frozen")).map(Layers.Layer::name).toList(),
        layers.size(),
        TrainingCommand.trainable(model),
        model.parameterCount(),
        outcome,
        java.util.Objects.requireNonNull(outcome.findings(), "the training was not examined"));
  }

  /** Share of examples that it was not trained on and that it gets right; NaN without any. */
  double accuracy() {
    var tested = outcome.tested();
    return tested == null ? Double.NaN : tested.accuracy();
  }

  /** How many examples {@link #accuracy} is measured on. */
  int examples() {
    var tested = outcome.tested();
    return tested == null ? 0 : tested.examples();
  }

  /** The most pressing finding, or null where nothing was looked at. */
  @Nullable Verdict verdict() {
    return findings.verdicts().isEmpty() ? null : findings.verdicts().get(0);
  }

  /** The finding in a word. */
  String verdictWord() {
    Verdict verdict = verdict();
    return verdict == null ? "not looked at" : verdict.kind().toString();
  }

  /** What was seen at a layer, in the last look or the one halfway, or null. */
  @Nullable LayerHealth health(String layer, boolean halfway) {
    HealthReport health = halfway ? findings.halfway() : findings.health();
    return health == null
        ? null
        : health.layers().stream().filter(l -> l.name().equals(layer)).findFirst().orElse(null);
  }

  /** Whether a layer was told to stand still. */
  boolean froze(String layer) {
    return !trained.contains(layer);
  }

  /** For JSON. */
  Map<String, Object> toMap() {
    var result = outcome.result();
    Map<String, Object> map = Subcommand.fields("strategy", strategy, "title", title);
    var tested = outcome.tested();
    map.put("accuracy", tested == null ? null : tested.accuracy());
    map.put("loss", tested == null ? null : tested.loss());
    map.put("seconds", result.stepSeconds());
    map.put("peak_bytes", result.peakBytes());
    map.put("trainable", trainable);
    map.put("parameters", parameters);
    map.put("distance_from_start", findings.distance());
    map.put("distance_of_body", findings.body());
    map.put("distance_of_head", findings.head());
    map.put("steps", result.steps());
    map.put("training_loss", result.loss());
    map.put("verdict", verdictWord());
    map.put("verdicts", findings.verdicts().stream().map(Verdict::toMap).toList());
    map.put("notes", findings.notes());
    map.put("layers", layerMaps());
    return map;
  }

  private List<Map<String, Object>> layerMaps() {
    List<Map<String, Object>> maps = new ArrayList<>();
    findings
        .distances()
        .forEach(
            (name, distance) -> {
              LayerHealth health = health(name, false);
              Map<String, Object> map =
                  health == null ? Subcommand.fields("name", name) : health.toMap();
              map.put("distance_from_start", distance);
              LayerHealth halfway = health(name, true);
              map.remove("log10_update_ratio"); // of a step whose rate is all but 0
              if (halfway != null && Double.isFinite(halfway.update())) {
                map.put("log10_update_ratio_halfway", halfway.update());
              }
              Rank rank = findings.ranks().get(name + ".weight");
              if (rank != null) {
                map.put("weights", rank.toMap());
              }
              maps.add(map);
            });
    return maps;
  }
}
