package dev.thaw.diagnose;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * Watches the norm of all gradients together, step by step, for spikes: values not finite, or more
 * than {@value #SPIKE} times the running median of the last {@value #WINDOW}.
 */
public final class GradientSpikes {
  static final int WINDOW = 101;
  static final double SPIKE = 10;

  /** Norms before which a median means little. */
  private static final int FEWEST = 10;

  private final double[] window = new double[WINDOW];
  private int seen;
  private int spikes;

  /**
   * Adds a step's norm.
   *
   * @return a line about it where it is a spike: how many times the median, and how many robust
   *     deviations (1.4826 times the median distance from the median) away from it
   */
  public Optional<String> note(long step, double norm) {
    Optional<String> line = Optional.empty();
    if (!Double.isFinite(norm)) {
      spikes++;
      return Optional.of("step " + step + ": the gradient norm is " + norm);
    }
    int n = Math.min(seen, WINDOW);
    if (n >= FEWEST) {
      double[] sorted = Arrays.copyOf(window, n);
      double median = median(sorted);
      if (norm > SPIKE * median) {
        spikes++;
        double[] distances = new double[n];
        for (int i = 0; i < n; i++) {
          distances[i] = Math.abs(sorted[i] - median);
        }
        double deviation = 1.4826 * median(distances);
        line =
            Optional.of(
                String.format(
                    Locale.ROOT,
                    "step %d: the gradient norm %.3g is %.0f times the running median %.3g (z ="
                        + " %.0f)",
                    step,
                    norm,
                    norm / median,
                    median,
                    (norm - median) / Math.max(deviation, Double.MIN_NORMAL)));
      }
    }
    window[seen++ % WINDOW] = norm;
    return line;
  }

  /** How many spikes there were. */
  public int spikes() {
    return spikes;
  }

  /** The median; sorts {@code values}. */
  private static double median(double[] values) {
    Arrays.sort(values);
    int half = values.length / 2;
    return values.length % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  }
}
