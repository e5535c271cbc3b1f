package dev.thaw.app;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A value for each layer and run as horizontal bars, as inline SVG: layers from the input at the
 * top to the head at the bottom.
 *
 * @param title above the chart, with the unit
 * @param logarithmic whether equal ratios are equally far apart; else bars begin at 0
 * @param usual where values are expected, or null
 * @param labels of the rows
 * @param series the runs
 */
record BarChart(
    String title,
    boolean logarithmic,
    @Nullable Band usual,
    List<String> labels,
    List<Series> series) {
  private static final int WIDTH = 520;
  private static final int LEFT = 118;
  private static final int RIGHT = 62;
  private static final int TOP = 30;
  private static final int BAR = 11;
  private static final int GAP = 9;
  private static final int LONGEST = 18;

  /** A range worth marking. */
  record Band(double low, double high) {}

  /**
   * One run's values.
   *
   * @param style class of its colour
   * @param values one a label; NaN, or on a logarithmic scale not above 0, where there is none
   * @param words what is written in place of a bar, one a label
   */
  record Series(String style, double[] values, String[] words) {}

  /** Whether there is no bar at all. */
  boolean isEmpty() {
    for (Series s : series) {
      for (double v : s.values) {
        if (shown(v)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean shown(double v) {
    return Double.isFinite(v) && (!logarithmic || v > 0);
  }

  /** The SVG element. */
  String svg() {
    Axis axis = axis();
    int row = BAR * series.size() + GAP;
    int bottom = TOP + row * labels.size();
    Svg svg = new Svg(WIDTH, bottom + 20, title);
    svg.text(4, 16, "start", "title", title);
    if (usual != null) {
      double from = x(axis, Math.max(axis.low(), usual.low));
      double to = x(axis, Math.min(axis.high(), usual.high));
      if (to > from) {
        svg.box(from, TOP - 4, to - from, bottom - TOP + 4, "band");
      }
    }
    for (double tick : axis.ticks()) {
      double at = x(axis, tick);
      svg.line(at, TOP - 4, at, bottom, "grid");
      svg.text(at, bottom + 13, "middle", "tick", axis.label(tick));
    }
    for (int i = 0; i < labels.size(); i++) {
      double top = TOP + row * i + GAP / 2.0 - 2;
      double middle = top + BAR * series.size() / 2.0;
      svg.text(LEFT - 8, middle + 4, "end", "tick", shortened(labels.get(i)));
      for (int k = 0; k < series.size(); k++) {
        bar(svg, axis, top + BAR * k, series.get(k), i);
      }
    }
    return svg.toString();
  }

  private Axis axis() {
    double low = Double.POSITIVE_INFINITY;
    double high = 0;
    for (Series s : series) {
      for (double v : s.values) {
        if (shown(v)) {
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
      }
    }
    if (!logarithmic) {
      return new Axis(0, high == 0 ? 1 : high, false);
    }
    return high == 0 ? new Axis(0.1, 1, true) : new Axis(low * 0.9, high, true);
  }

  private static double x(Axis axis, double v) {
    return LEFT + axis.share(v) * (WIDTH - LEFT - RIGHT);
  }

  private void bar(Svg svg, Axis axis, double top, Series s, int i) {
    double v = s.values[i];
    double below = top + BAR - 2.5;
    if (!shown(v)) {
      svg.box(LEFT, top, 1.5, BAR - 2, "bar " + s.style);
      svg.text(LEFT + 5, below, "start", "none", s.words[i]);
      return;
    }
    double end = x(axis, v);
    svg.box(LEFT, top, Math.max(1.5, end - LEFT), BAR - 2, "bar " + s.style);
    svg.text(end + 4, below, "start", "none", number(v));
  }

  /** Three digits, or two with a power of ten. */
  private static String number(double v) {
    double size = Math.abs(v);
    if (size == 0) {
      return "0";
    }
    if (size < 1e-4 || size >= 1e5) {
      return String.format(Locale.ROOT, "%.1e", v);
    }
    int whole = (int) Math.floor(Math.log10(size)) + 1;
    return String.format(Locale.ROOT, "%,." + Math.min(5, Math.max(0, 3 - whole)) + "f", v);
  }

  private static String shortened(String label) {
    return label.length() <= LONGEST
        ? label
        : "…" + label.substring(label.length() - (LONGEST - 1));
  }
}
