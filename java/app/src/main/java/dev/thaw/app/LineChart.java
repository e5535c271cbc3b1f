package dev.thaw.app;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Curves over steps as inline SVG: axes with round numbers, a light grid. Which colour is which
 * curve, the legend above it says.
 *
 * @param title above the chart
 * @param x what the horizontal axis counts
 * @param y what the vertical axis measures
 * @param ratios whether equal ratios of y are equally far apart where it spans more than a decade
 * @param series the curves
 */
record LineChart(String title, String x, String y, boolean ratios, List<Series> series) {
  private static final int WIDTH = 520;
  private static final int HEIGHT = 300;
  private static final int LEFT = 62;
  private static final int RIGHT = 14;
  private static final int TOP = 30;
  private static final int BOTTOM = 44;
  private static final int MOST_POINTS = 240;
  private static final double DECADE = 10;

  /** Up to so many points show where they were measured. */
  private static final int FEW_POINTS = 40;

  /**
   * One curve; what is not finite interrupts nothing and is left out.
   *
   * @param style class of its colour
   * @param x ascending
   * @param y as long
   */
  record Series(String style, double[] x, double[] y) {
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
          style,
          xs.stream().mapToDouble(Double::doubleValue).toArray(),
          ys.stream().mapToDouble(Double::doubleValue).toArray());
    }
  }

  /** Whether there is anything to draw. */
  boolean isEmpty() {
    for (Series s : series) {
      for (double v : s.y) {
        if (shown(v)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean shown(double v) {
    return Double.isFinite(v) && (!ratios || v > 0);
  }

  /** The SVG element. */
  String svg() {
    Axis across = axis(false);
    Axis up = axis(true);
    Svg svg = new Svg(WIDTH, HEIGHT, title);
    svg.text(4, 16, "start", "title", title);
    for (double tick : up.ticks()) {
      double at = py(up, tick);
      svg.line(LEFT, at, WIDTH - RIGHT, at, "grid");
      svg.text(LEFT - 6, at + 4, "end", "tick", up.label(tick));
    }
    for (double tick : across.ticks()) {
      double at = px(across, tick);
      svg.line(at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 4, "axis");
      svg.text(at, HEIGHT - BOTTOM + 17, "middle", "tick", across.label(tick));
    }
    svg.line(LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "axis");
    svg.text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "middle", "tick", x);
    svg.upright(12, HEIGHT / 2.0 - 8, "tick", y);
    for (Series s : series) {
      curve(svg, across, up, s);
    }
    return svg.toString();
  }

  private Axis axis(boolean vertical) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (Series s : series) {
      for (int i = 0; i < s.y.length; i++) {
        if (shown(s.y[i])) {
          double v = vertical ? s.y[i] : s.x[i];
          low = Math.min(low, v);
          high = Math.max(high, v);
        }
      }
    }
    if (low > high) {
      low = 0;
      high = 1;
    }
    return new Axis(vertical ? low : 0, high, vertical && ratios && high > DECADE * low);
  }

  private static double px(Axis axis, double v) {
    return LEFT + axis.share(v) * (WIDTH - LEFT - RIGHT);
  }

  private static double py(Axis axis, double v) {
    return HEIGHT - BOTTOM - axis.share(v) * (HEIGHT - TOP - BOTTOM);
  }

  private void curve(Svg svg, Axis across, Axis up, Series s) {
    StringBuilder points = new StringBuilder();
    for (int i = 0; i < s.y.length; i++) {
      if (shown(s.y[i])) {
        points.append(String.format(Locale.ROOT, "%.1f,%.1f ", px(across, s.x[i]), py(up, s.y[i])));
        if (s.y.length <= FEW_POINTS) {
          svg.dot(px(across, s.x[i]), py(up, s.y[i]), "dot " + s.style);
        }
      }
    }
    svg.curve(points.toString().strip(), "curve " + s.style);
  }
}
