package dev.thaw.app;

import java.util.Locale;

/** A drawing to stand in a page; colours and fonts come from the page's style, by class. */
final class Svg {
  private final StringBuilder text = new StringBuilder();

  /**
   * An empty drawing.
   *
   * @param label what it shows, for those who do not see it
   */
  Svg(int width, int height, String label) {
    add("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", width, height, esc(label));
  }

  private static String esc(String words) {
    return Html.escape(words);
  }

  private void add(String format, Object... values) {
    text.append(String.format(Locale.ROOT, format, values)).append('\n');
  }

  /**
   * Words.
   *
   * @param anchor start, middle or end: which point of them is at x
   */
  Svg text(double x, double y, String anchor, String style, String words) {
    add(
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>",
        x, y, anchor, style, esc(words));
    return this;
  }

  /** Words that are read from below, about their middle. */
  Svg upright(double x, double y, String style, String words) {
    add(
        "<text text-anchor=\"middle\" class=\"%s\" transform=\"translate(%.1f %.1f) rotate(-90)\">"
            + "%s</text>",
        style, x, y, esc(words));
    return this;
  }

  Svg line(double x1, double y1, double x2, double y2, String style) {
    add(
        "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
        style, x1, y1, x2, y2);
    return this;
  }

  Svg box(double x, double y, double width, double height, String style) {
    add(
        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
        style, x, y, width, height);
    return this;
  }

  Svg dot(double x, double y, String style) {
    add("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>", style, x, y);
    return this;
  }

  /** A line through points, {@code x,y x,y ..}. */
  Svg curve(String points, String style) {
    add("<polyline class=\"%s\" points=\"%s\"/>", style, points);
    return this;
  }

  /** The element. */
  @Override
  public String toString() {
    return text + "</svg>\n";
  }
}
