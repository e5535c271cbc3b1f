package dev.thaw.app;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Curves over steps or epochs as inline SVG: axes with round numbers, a light grid, a legend.
 *
 * @param title above the chart
 * @param x what the horizontal axis counts
 * @param y what the vertical axis measures
 * @param logarithmic whether equal ratios of y are equally far apart
 * @param series the curves
 */
record LineChart(String title, String x, String y, boolean logarithmic, List<Series> series) {
  private static final int WIDTH = 520;
  private static final int HEIGHT = 300;
  private static final int LEFT = 58;
  private static final int RIGHT = 12;
  private static final int TOP = 30;
  private static final int BOTTOM = 44;
  private static final int MOST_POINTS = 240;

  /**
   * One curve; what is not finite interrupts nothing and is left out.
   *
   * @param name in the legend
   * @param colour as in CSS
   * @param x ascending
   * @param y as long
   */
  record Series(String name, String colour, double[] x, double[] y) {
    /** The same with neighbours averaged, so that a long noisy curve can be read. */
    Series smoothed() {
      int width = Math.max(1, (y.length + MOST_POINTS - 1) / MOST_POINTS);
      List<Double> xs = new ArrayList<>();
      List<Double> ys = new ArrayList<>();
      double smooth = Double.NaN;
      double keep = Math.min(0.9, 1 - 8.0 / Math.max(9, y.length));
      for (int i = 0; i < y.length; i++) {
        if (Double.isFinite(y[i])) {
          smooth = Double.isNaN(smooth) ? y[i] : keep * smooth + (1 - keep) * y[i];
        }
        if (i % width == width - 1 || i == y.length - 1) {
          xs.add(x[i]);
          ys.add(smooth);
        }
      }
      return new Series(
          name,
          colour,
          xs.stream().mapToDouble(Double::doubleValue).toArray(),
          ys.stream().mapToDouble(Double::doubleValue).toArray());
    }
  }

  /** The SVG element. */
  String svg() {
    Axis across = axis(false);
    Axis up = axis(true);
    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">%n",
            WIDTH,
            HEIGHT,
            Html.escape(title)));
    text(svg, LEFT, 16, "start", "title", title);
    for (double tick : up.ticks()) {
      double at = py(up, tick);
      line(svg, LEFT, at, WIDTH - RIGHT, at, "grid");
      text(svg, LEFT - 6, at + 4, "end", "tick", up.label(tick));
    }
    for (double tick : across.ticks()) {
      double at = px(across, tick);
      line(svg, at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 4, "axis");
      text(svg, at, HEIGHT - BOTTOM + 17, "middle", "tick", across.label(tick));
    }
    line(svg, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis");
    text(svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", "tick", x);
    text(
        svg,
        0,
        0,
        "middle",
        "tick\" transform=\"translate(12 " + (HEIGHT / 2 - 8) + ") rotate(-90)",
        y);
    for (Series s : series) {
      curve(svg, across, up, s);
    }
    legend(svg);
    return svg.append("</svg>\n").toString();
  }

  private Axis axis(boolean vertical) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (Series s : series) {
      for (int i = 0; i < s.y.length; i++) {
        double v = vertical ? s.y[i] : s.x[i];
        if (Double.isFinite(s.y[i]) && (!vertical || !logarithmic || v > 0)) {
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
      }
    }
    if (low > high) {
      low = 0;
      high = 1;
    }
    return new Axis(low, high, vertical && logarithmic);
  }

  private static double px(Axis axis, double v) {
    return LEFT + axis.share(v) * (WIDTH - LEFT - RIGHT);
  }

  private static double py(Axis axis, double v) {
    return HEIGHT - BOTTOM - axis.share(v) * (HEIGHT - TOP - BOTTOM);
  }

  private static void curve(StringBuilder svg, Axis across, Axis up, Series s) {
    StringBuilder points = new StringBuilder();
    int shown = 0;
    for (int i = 0; i < s.y.length; i++) {
      if (Double.isFinite(s.y[i]) && (!up.logarithmic() || s.y[i] > 0)) {
        points.append(String.format(Locale.ROOT, "%.1f,%.1f ", px(across, s.x[i]), py(up, s.y[i])));
        shown++;
      }
    }
    svg.append(
        String.format(
            "<polyline class=\"curve\" stroke=\"%s\" points=\"%s\"/>%n",
            s.colour, points.toString().strip()));
    if (shown <= 12) { // few enough to show where they were measured
      for (String point : points.toString().strip().split(" ", -1)) {
        String[] at = point.split(",", -1);
        if (at.length == 2) {
          svg.append(
              String.format(
                  "<circle cx=\"%s\" cy=\"%s\" r=\"2.6\" fill=\"%s\"/>%n", at[0], at[1], s.colour));
        }
      }
    }
  }

  private void legend(StringBuilder svg) {
    if (series.size() < 2) {
      return;
    }
    int widest = series.stream().mapToInt(s -> s.name.length()).max().orElse(0);
    double left = WIDTH - RIGHT - 30 - 6.4 * widest;
    for (int i = 0; i < series.size(); i++) {
      double at = TOP + 8 + 16 * i;
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\""
                  + " stroke-width=\"2.5\"/>%n",
              left,
              at,
              left + 18,
              at,
              series.get(i).colour));
      text(svg, left + 24, at + 4, "start", "tick", series.get(i).name);
    }
  }

  private static void line(
      StringBuilder svg, double x1, double y1, double x2, double y2, String style) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>%n",
            style,
            x1,
            y1,
            x2,
            y2));
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
