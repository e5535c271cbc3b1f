package dev.thaw.app;

import dev.thaw.diagnose.LayerHealth;
import dev.thaw.diagnose.Rank;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** What happened in each layer, runs beside each other. */
record LayerCharts(List<Run> runs) {
  /** A step of a thousandth of a weight's size is usual; ten times more or less is still well. */
  private static final BarChart.Band USUAL_UPDATE = new BarChart.Band(1e-4, 1e-2);

  /** Gradients, updates and distances. */
  List<String> motion() {
    List<String> figures = new ArrayList<>();
    add(
        figures,
        chart("Gradient norm of the weights", true, null, LayerHealth::gradientNorm, false),
        "After the last step, on one batch. Bars of much the same length mean that the loss"
            + " reaches every layer.");
    add(
        figures,
        chart(
            "Update : weight ratio, halfway",
            true,
            USUAL_UPDATE,
            layer -> Math.pow(10, layer.update()),
            true),
        "How far one step moves a layer, relative to its weights. About 0.001 is usual, and anything"
            + " in the shaded range is fine.");
    add(
        figures,
        series(
            "Distance from the start",
            false,
            (run, layer) ->
                run.froze(layer)
                    ? Double.NaN
                    : run.findings().distances().getOrDefault(layer, Double.NaN)),
        "‖θ - θ₀‖ / ‖θ₀‖: how far the whole training moved a layer, relative to its weights. In a"
            + " frozen one not a bit differs.");
    return figures;
  }

  /** Ranks of weights and of features. */
  List<String> ranks() {
    List<String> figures = new ArrayList<>();
    add(
        figures,
        series("Effective rank of the weights", false, (r, l) -> weight(r, l, Rank::effective)),
        "How many directions the weights use, as the entropy of their singular values counts.");
    add(
        figures,
        series("Stable rank of the weights", false, (r, l) -> weight(r, l, Rank::stable)),
        "The same, counted against the strongest direction: 1 means that one direction rules.");
    add(
        figures,
        chart("Effective rank of the features", false, null, l -> of(l, Rank::effective), false),
        "How many directions of a layer's output tell examples apart; measured on up to 64 rows.");
    add(
        figures,
        chart("Stable rank of the features", false, null, l -> of(l, Rank::stable), false),
        "Falls where a few directions carry nearly all differences.");
    return figures;
  }

  private static void add(List<String> figures, BarChart chart, String caption) {
    if (!chart.isEmpty()) {
      figures.add(Html.figure(chart.svg(), caption));
    }
  }

  private static double of(LayerHealth layer, ToDoubleFunction<Rank> measure) {
    Rank rank = layer.features();
    return rank == null ? Double.NaN : measure.applyAsDouble(rank);
  }

  private static double weight(Run run, String layer, ToDoubleFunction<Rank> measure) {
    @Nullable Rank rank = run.findings().ranks().get(layer + ".weight");
    return rank == null ? Double.NaN : measure.applyAsDouble(rank);
  }

  /** A run's value at a layer. */
  private interface Value {
    double of(Run run, String layer);
  }

  /** A chart of what a look saw, the last one or the one halfway. */
  private BarChart chart(
      String title,
      boolean logarithmic,
      BarChart.@Nullable Band usual,
      ToDoubleFunction<LayerHealth> measure,
      boolean halfway) {
    BarChart chart =
        series(
            title,
            logarithmic,
            (run, layer) -> {
              LayerHealth health = run.health(layer, halfway);
              return health == null ? Double.NaN : measure.applyAsDouble(health);
            });
    return new BarChart(title, logarithmic, usual, chart.labels(), chart.series());
  }

  private BarChart series(String title, boolean logarithmic, Value value) {
    List<String> layers = layers();
    List<BarChart.Series> all = new ArrayList<>();
    for (int k = 0; k < runs.size(); k++) {
      Run run = runs.get(k);
      double[] values = new double[layers.size()];
      String[] words = new String[values.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = value.of(run, layers.get(i));
        words[i] = run.froze(layers.get(i)) ? "frozen" : "none";
      }
      all.add(new BarChart.Series(Report.colour(k), values, words));
    }
    return new BarChart(title, logarithmic, null, layers, all);
  }

  private List<String> layers() {
    Set<String> names = new LinkedHashSet<>();
    for (Run run : runs) {
      for (Map.Entry<String, Double> layer : run.findings().distances().entrySet()) {
        names.add(layer.getKey());
      }
    }
    return List.copyOf(names);
  }
}
