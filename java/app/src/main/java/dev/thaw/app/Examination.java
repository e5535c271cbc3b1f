package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.Normalisation;
import dev.thaw.diagnose.Evidence;
import dev.thaw.diagnose.HealthReport;
import dev.thaw.diagnose.Rank;
import dev.thaw.diagnose.RankMeter;
import dev.thaw.diagnose.Verdict;
import dev.thaw.memory.Device;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.train.Checkup;
import dev.thaw.transfer.Layers;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a report says of a training beside its curves: a checkup on the way, and the weights before
 * and after. Made before the first step; what it takes is not counted as the training's.
 */
final class Examination implements AutoCloseable {
  private static final int LOOKS = 4;
  private static final int EXAMPLES_A_LOOK = 64;

  private final Module model;
  private final DataLoader examples;
  private final Checkup checkup;
  private final Map<String, float[]> start = new LinkedHashMap<>();
  private final @Nullable Filters startFilters;

  /**
   * What was found.
   *
   * @param health of the layers at the last look, or null before the first
   * @param halfway the same in the middle, when rates are not yet near 0, or null
   * @param verdicts the most pressing first; empty before the first look
   * @param notes what was not ill halfway but worth a look
   * @param distance ‖θ - θ₀‖ / ‖θ₀‖ over all parameters, θ₀ being those before the first step
   * @param body the same over all layers but the last
   * @param head the same over the last layer
   * @param distances the same by layer
   * @param ranks of the weights at the end, by name
   * @param filtersBefore of the first layer, or null where they are no pictures
   * @param filtersAfter of the first layer, or null where they are no pictures
   * @param cost what the looks took, a line
   */
  record Findings(
      @Nullable HealthReport health,
      @Nullable HealthReport halfway,
      List<Verdict> verdicts,
      List<String> notes,
      double distance,
      double body,
      double head,
      Map<String, Double> distances,
      Map<String, Rank> ranks,
      @Nullable Filters filtersBefore,
      @Nullable Filters filtersAfter,
      String cost) {}

  /**
   * Notes how {@code model} starts.
   *
   * @param data to look at, prepared by {@code normalisation}
   * @param steps of the whole training
   * @param say hears a line when a verdict changes or a gradient is far larger than usual
   */
  Examination(
      Module model, Dataset data, Normalisation normalisation, long steps, Consumer<String> say) {
    this.model = model;
    model.parameters().forEach((name, p) -> start.put(name, p.values()));
    startFilters = Filters.of(model);
    int batch = Math.min(EXAMPLES_A_LOOK, data.size());
    DataLoader.Options loading = DataLoader.Options.training(batch, 0);
    examples = new DataLoader(data, normalisation, loading.withThreads(1).withPrefetch(1));
    checkup = new Checkup(model, examples, Math.max(2, (steps + LOOKS - 1) / LOOKS), say);
  }

  /** To be told of every step and epoch. */
  Checkup checkup() {
    return checkup;
  }

  /** What there is to say when the training has ended. */
  Findings findings() {
    List<Checkup.Look> looks = checkup.looks();
    @Nullable HealthReport last = looks.isEmpty() ? null : looks.get(looks.size() - 1).health();
    @Nullable HealthReport halfway =
        looks.isEmpty() ? null : looks.get((looks.size() - 1) / 2).health();
    List<String> names = Layers.of(model).stream().map(Layers.Layer::name).toList();
    Map<String, Double> distances = new LinkedHashMap<>();
    names.forEach(name -> distances.put(name, distance(List.of(name))));
    int head = names.size() - 1;
    return new Findings(
        last,
        halfway,
        checkup.verdicts(),
        halfway == null ? List.of() : Evidence.of(halfway).warnings(),
        distance(names),
        distance(names.subList(0, head)),
        distance(names.subList(head, names.size())),
        distances,
        ranks(),
        startFilters,
        Filters.of(model),
        checkup.cost());
  }

  private Map<String, Rank> ranks() {
    try (Device.Use on = model.parameters().values().iterator().next().value().device().use()) {
      return RankMeter.weights(model);
    }
  }

  /** How far the parameters of these layers are from the start; 0 where there are none. */
  private double distance(List<String> layers) {
    double away = 0;
    double origin = 0;
    for (Map.Entry<String, Parameter> e : model.parameters().entrySet()) {
      int dot = Math.max(0, e.getKey().lastIndexOf('.'));
      if (!layers.contains(e.getKey().substring(0, dot))) {
        continue;
      }
      float[] was = java.util.Objects.requireNonNull(start.get(e.getKey()));
      float[] is = e.getValue().values();
      for (int i = 0; i < is.length; i++) {
        away += ((double) is[i] - was[i]) * ((double) is[i] - was[i]);
        origin += (double) was[i] * was[i];
      }
    }
    return origin == 0 ? 0 : Math.sqrt(away / origin);
  }

  @Override
  public void close() throws IOException {
    examples.close();
  }
}
