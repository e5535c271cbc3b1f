package dev.thaw.app;

import dev.thaw.backend.Backend;
import dev.thaw.diagnose.Verdict;
import dev.thaw.io.AtomicFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** The page about one training, or about several beside each other: sections in their order. */
final class Report {
  private static final int COLOURS = 5;

  private final Html page;

  /** A page with nothing but its title. */
  Report(String title) {
    page = new Html(title);
  }

  /** Engine, device and machine, in a line. */
  static String machine(Backend backend) {
    return String.format(
        Locale.ROOT,
        "thaw %s on %s (%s), Java %s, %s %s, %d processors",
        Main.Version.engine(),
        backend.device(),
        backend.describe(),
        Runtime.version(),
        System.getProperty("os.name"),
        System.getProperty("os.arch"),
        Runtime.getRuntime().availableProcessors());
  }

  /** Class of the colour of the run at that place of a list. */
  static String colour(int place) {
    return "c" + place % COLOURS;
  }

  /** Writes the page; it appears whole under its name or not at all. */
  void write(Path file) throws IOException {
    AtomicFile.write(file, page.toString().getBytes(StandardCharsets.UTF_8));
  }

  /** The story in a few sentences. */
  Report story(List<String> paragraphs) {
    paragraphs.forEach(text -> page.paragraph("lead", text));
    return this;
  }

  /** How it was made: a list of facts. */
  Report facts(List<String> facts) {
    page.heading("How it was made").list(facts);
    return this;
  }

  /**
   * A table of runs.
   *
   * @param best the run to point out, or null
   */
  Report table(String heading, List<Run> runs, @Nullable Run best) {
    page.heading(heading);
    StringBuilder table = new StringBuilder("<div class=\"table\"><table>\n<thead><tr>");
    for (String text : List.of("run", "trained layers")) {
      table.append("<th class=\"text\">").append(text).append("</th>");
    }
    for (String number :
        List.of(
            "accuracy",
            "seconds of steps",
            "peak memory",
            "trained parameters",
            "body moved by",
            "head moved by")) {
      table.append("<th>").append(number).append("</th>");
    }
    table.append("<th class=\"text\">verdict</th></tr></thead>\n<tbody>\n");
    for (int i = 0; i < runs.size(); i++) {
      row(table, runs.get(i), i, runs.get(i).equals(best));
    }
    page.raw(table.append("</tbody></table></div>\n").toString());
    page.paragraph(
        "small",
        String.format(
            Locale.ROOT,
            "Accuracy is on %,d examples that no run learned from. Seconds and memory are those of"
                + " the training's own steps, without the looks at its layers. Moved: distance of"
                + " the weights from the start, relative to their size; the body is all but the"
                + " last layer, the head.",
            runs.get(0).examples()));
    return this;
  }

  private static void row(StringBuilder table, Run run, int place, boolean best) {
    var result = run.outcome().result();
    table.append(best ? "<tr class=\"best\">" : "<tr>");
    table.append("<td class=\"text\">").append(named(run, place)).append("</td>");
    boolean all = run.trained().size() == run.layers();
    String layers = all ? "all " + run.layers() : some(run.trained());
    table.append("<td class=\"text\">").append(Html.escape(layers)).append("</td>");
    for (String number :
        List.of(
            Double.isNaN(run.accuracy()) ? "-" : percent(run.accuracy()),
            String.format(Locale.ROOT, "%.2f", result.stepSeconds()),
            Conclusion.mebibytes(result.peakBytes()),
            String.format(Locale.ROOT, "%,d", run.trainable()),
            percent(run.findings().body()),
            percent(run.findings().head()))) {
      table.append("<td>").append(number).append("</td>");
    }
    table.append("<td class=\"text\">").append(badge(run.verdictWord())).append("</td></tr>\n");
  }

  private static String some(List<String> names) {
    int shown = 3;
    return names.size() <= shown
        ? String.join(", ", names)
        : "the last " + names.size() + ", from " + names.get(0) + " on";
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private static String named(Run run, int place) {
    return chip(place) + Html.escape(run.title());
  }

  private static String chip(int place) {
    return "<span class=\"chip " + colour(place) + "\"></span>";
  }

  private static String badge(String verdict) {
    boolean plain = verdict.equals("healthy") || verdict.equals("frozen");
    String style = plain ? verdict : verdict.equals("not looked at") ? "frozen" : "ill";
    return "<span class=\"badge " + style + "\">" + verdict + "</span>";
  }

  /** What was found in each run, how one knows, what to do. */
  Report verdicts(List<Run> runs) {
    page.heading("Verdicts, evidence, remedies")
        .paragraph(
            "",
            "Overfitting: the net gets better at its examples and worse at others. Frozen: layers"
                + " stand still because they were told to, which is no illness. Others - vanishing,"
                + " exploding, rank-collapsed - say that gradients or features are in a bad way;"
                + " healthy, that nothing was found.");
    for (int i = 0; i < runs.size(); i++) {
      Run run = runs.get(i);
      page.part(named(run, i));
      for (Verdict verdict : run.findings().verdicts()) {
        page.raw("<p>" + badge(verdict.kind().toString()) + "</p>\n");
        List<String> lines = new ArrayList<>(verdict.evidence());
        lines.add("remedy: " + verdict.remedy());
        page.list(lines);
      }
      if (!run.findings().notes().isEmpty()) {
        page.paragraph("small", "Halfway: " + String.join("; ", run.findings().notes()) + ".");
      }
    }
    return this;
  }

  /** Loss and validation over steps. */
  Report curves(String heading, String words, List<Run> runs) {
    page.heading(heading);
    if (!words.isEmpty()) {
      page.paragraph("", words);
    }
    legend(runs);
    List<String> figures = new ArrayList<>();
    List<LineChart.Series> losses = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      List<Curves.Point> steps = runs.get(i).outcome().curves().steps();
      double[] x = steps.stream().mapToDouble(Curves.Point::step).toArray();
      double[] y = steps.stream().mapToDouble(Curves.Point::loss).toArray();
      losses.add(new LineChart.Series(colour(i), x, y).smoothed());
    }
    add(
        figures,
        new LineChart("Training loss", "step", "cross-entropy", true, losses),
        "On the batches it learns from, neighbouring steps averaged.");
    add(
        figures,
        marks("Validation loss", "cross-entropy", true, runs, Curves.Mark::validationLoss),
        "After each pass, on examples it does not learn from. Where this rises while the training"
            + " loss falls, a net learns its examples by heart.");
    add(
        figures,
        marks("Validation accuracy", "% right", false, runs, mark -> 100 * mark.accuracy()),
        "On the same examples.");
    page.row(figures);
    return this;
  }

  private static LineChart marks(
      String title,
      String y,
      boolean logarithmic,
      List<Run> runs,
      ToDoubleFunction<Curves.Mark> measure) {
    List<LineChart.Series> series = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      List<Curves.Mark> epochs = runs.get(i).outcome().curves().epochs();
      series.add(
          new LineChart.Series(
              colour(i),
              epochs.stream().mapToDouble(Curves.Mark::step).toArray(),
              epochs.stream().mapToDouble(measure).toArray()));
    }
    return new LineChart(title, "step", y, logarithmic, series);
  }

  private static void add(List<String> figures, LineChart chart, String caption) {
    if (!chart.isEmpty()) {
      figures.add(Html.figure(chart.svg(), caption));
    }
  }

  private void legend(List<Run> runs) {
    if (runs.size() < 2) {
      return;
    }
    StringBuilder legend = new StringBuilder("<p class=\"legend\">");
    for (int i = 0; i < runs.size(); i++) {
      legend.append("<span>").append(named(runs.get(i), i)).append("</span> ");
    }
    page.raw(legend.append("</p>\n").toString());
  }

  /** Gradients, updates, distances and ranks by layer. */
  Report layers(List<Run> runs) {
    LayerCharts charts = new LayerCharts(runs);
    page.heading("What moves in the layers")
        .paragraph(
            "",
            "Layers from the input at the top to the head at the bottom. A frozen layer has no"
                + " gradient because none is computed, which is not the same as one that vanished.");
    legend(runs);
    page.row(charts.motion());
    page.heading("How many directions the layers use")
        .paragraph(
            "",
            "A layer with 128 units may use 128 directions or, in effect, only a few. The numbers"
                + " mean little alone; what counts is how runs differ, and whether a layer falls to"
                + " next to nothing.");
    legend(runs);
    page.row(charts.ranks());
    return this;
  }

  /** The first layer's filters, before and after; nothing where they are no pictures. */
  Report filters(List<Run> runs) throws IOException {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      Filters before = runs.get(i).findings().filtersBefore();
      Filters after = runs.get(i).findings().filtersAfter();
      if (before != null && after != null) {
        rows.add("<h3>" + named(runs.get(i), i) + "</h3>\n" + filters(before, after));
      }
    }
    if (!rows.isEmpty()) {
      page.heading("What the first layer looks for")
          .paragraph(
              "",
              "Each square is one unit's weights: it answers to a picture that is bright where the"
                  + " square is light and dark where it is dark; mid-grey is a weight of 0. Before"
                  + " and after are scaled unit by unit, the change as a whole.");
      rows.forEach(page::raw);
    }
    return this;
  }

  private static String filters(Filters before, Filters after) throws IOException {
    Filters change = after.minus(before);
    double largest = change.largest();
    String figures =
        Html.figure(before.img(true), "before") + Html.figure(after.img(true), "after");
    if (largest == 0) {
      return "<div class=\"row fixed\">\n"
          + Html.figure(after.img(true), "before and after: frozen, the same to the bit")
          + "</div>\n";
    }
    String caption =
        String.format(
            Locale.ROOT,
            "change: %.2g at most, where weights were %.2g at most",
            largest,
            before.largest());
    return "<div class=\"row fixed\">\n"
        + figures
        + Html.figure(change.img(false), caption)
        + "</div>\n";
  }
}
