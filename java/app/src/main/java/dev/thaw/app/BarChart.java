package dev.thaw.app;

import java.util.List;
import java.util.Locale;

/**
 * A value for each layer and run as horizontal bars on a logarithmic scale, as inline SVG: layers
 * from the input at the top to the head at the bottom.
 *
 * @param title above the chart
 * @param unit what is measured
 * @param labels of the rows
 * @param series the runs
 */
record BarChart(String title, String unit, List<String> labels, List<Series> series) {
  private static final int WIDTH = 520;
  private static final int LEFT = 118;
  private static final int RIGHT = 58;
  private static final int TOP = 30;
  private static final int BAR = 9;
  private static final int GAP = 7;
  private static final int LEGEND = 18;

  /**
   * One run's values.
   *
   * @param values one a label; not above 0, or not finite, where there is none
   */
  record Series(String name, String colour, double[] values) {}

  /** The SVG element. */
  String svg() {
    Axis axis = axis();
    int row = BAR * series.size() + GAP;
    int height = TOP + row * labels.size() + LEGEND + 22;
    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">%n",
            WIDTH,
            height,
            Html.escape(title)));
    text(svg, 4, 16, "start", "title", title + ", " + unit);
    int bottom = TOP + row * labels.size();
    for (double tick : axis.ticks()) {
      double at = x(axis, tick);
      svg.append(
          String.format(
              Locale.ROOT,
              "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>%n",
              at,
              TOP - 4,
              at,
              bottom));
      text(svg, at, bottom + 12, "middle", "tick", axis.label(tick));
    }
    for (int i = 0; i < labels.size(); i++) {
      int top = TOP + row * i;
      text(svg, LEFT - 6, top + row / 2.0 + 1, "end", "tick", shortened(labels.get(i)));
      for (int k = 0; k < series.size(); k++) {
        bar(svg, axis, top + BAR * k, series.get(k), i);
      }
    }
    legend(svg, bottom + 28);
    return svg.append("</svg>\n").toString();
  }

  private Axis axis() {
    double low = Double.POSITIVE_INFINITY;
    double high = 0;
    for (Series s : series) {
      for (double v : s.values) {
        if (Double.isFinite(v) && v > 0) {
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
      }
    }
    return high == 0 ? new Axis(0.1, 1, true) : new Axis(low * 0.9, high, true);
  }

  private static double x(Axis axis, double v) {
    return LEFT + axis.share(v) * (WIDTH - LEFT - RIGHT);
  }

  private static void bar(StringBuilder svg, Axis axis, int top, Series s, int i) {
    double v = s.values[i];
    if (!Double.isFinite(v) || v <= 0) {
      text(svg, LEFT + 2, top + BAR - 1, "start", "none", "none");
      return;
    }
    double end = x(axis, v);
    svg.append(
        String.format(
            Locale.ROOT,
            "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>%n",
            LEFT,
            top,
            Math.max(1, end - LEFT),
            BAR - 1,
            s.colour));
    text(svg, end + 4, top + BAR - 1, "start", "none", String.format(Locale.ROOT, "%.2g", v));
  }

  private void legend(StringBuilder svg, int y) {
    double at = LEFT;
    for (Series s : series) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<rect x=\"%.1f\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>%n",
              at,
              y - 9,
              s.colour));
      text(svg, at + 14, y, "start", "tick", s.name);
      at += 30 + 6.6 * s.name.length();
    }
  }

  private static String shortened(String label) {
    return label.length() <= 18 ? label : "…" + label.substring(label.length() - 17);
  }

  private static void text(
      StringBuilder svg, double x, double y, String anchor, String style, String words) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>%n",
            x,
            y,
            anchor,
            style,
            Html.escape(words)));
  }
}
