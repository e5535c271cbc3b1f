package dev.thaw.diagnose;

import java.util.List;
import java.util.Locale;

/**
 * How gradient norms go with depth: the straight line through log10 of the norms, by least squares.
 *
 * @param slope decades a layer, from input to output: positive where gradients fade on their way
 *     down to the input, negative where they grow
 * @param decades log10 of the last norm over the first: what is lost on the way down, negative for
 *     what is gained
 * @param layers how many norms the line goes through
 */
public record Trend(double slope, double decades, int layers) {
  private static final double LN10 = Math.log(10);

  /**
   * The line through {@code norms}, input first. Norms of 0 are read as the smallest double; below
   * two norms the slope is 0.
   */
  public static Trend of(List<Double> norms) {
    int n = norms.size();
    if (n < 2) {
      return new Trend(0, 0, n);
    }
    List<Double> logs = norms.stream().map(Trend::log10).toList();
    return new Trend(LossCurves.slope(logs), logs.get(n - 1) - logs.get(0), n);
  }

  private static double log10(double norm) {
    return Math.log10(Math.max(norm, Double.MIN_NORMAL));
  }

  /**
   * How many standard deviations this lies from what a random ReLU net with He's start does: there
   * ln of the squared norm's ratio is normal with mean -2.5 Σ1/n and variance 5 Σ1/n, n the widths
   * passed (Hanin and Nica, arXiv 1812.05994). Negative: gradients fade more than by chance.
   *
   * <p>The norms of several examples together vary less than those of one, so |z| errs on the small
   * side.
   *
   * @param widths of the layers between the first norm and the last
   */
  public double againstHeRelu(List<Integer> widths) {
    double beta = 0;
    for (int n : widths) {
      beta += 5.0 / n;
    }
    return beta == 0 ? 0 : (-2 * LN10 * decades + 0.5 * beta) / Math.sqrt(beta);
  }

  /** {@code 0.61 decades a layer over 29 layers, 17.3 in all}. */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%.2f decades a layer over %d layers, %.1f in all", slope, layers, decades);
  }
}
