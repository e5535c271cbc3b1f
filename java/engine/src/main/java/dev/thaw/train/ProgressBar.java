package dev.thaw.train;

import java.io.PrintWriter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A line that says how far a training is: loss, rate, images a second, time left. On a terminal it
 * is overwritten ten times a second; elsewhere only epochs are printed.
 */
public final class ProgressBar implements Listener {
  private static final long INTERVAL_NANOS = 100_000_000;
  private static final int WIDTH = 24;

  private final PrintWriter out;
  private final boolean live;
  private final long start = System.nanoTime();
  private long shown;
  private long firstStep = -1;
  private long images;
  private double smooth = Double.NaN;

  /** Prints to {@code out}; {@code live} where that is a terminal. */
  public ProgressBar(PrintWriter out, boolean live) {
    this.out = out;
    this.live = live;
  }

  @Override
  public boolean looksAtTheModel() {
    return false;
  }

  @Override
  public void step(Step s) {
    firstStep = firstStep < 0 ? s.step() - 1 : firstStep;
    images += s.examples();
    smooth = Double.isNaN(smooth) ? s.loss() : 0.95 * smooth + 0.05 * s.loss();
    long now = System.nanoTime();
    if (live && (now - shown > INTERVAL_NANOS || s.step() == s.total())) {
      shown = now;
      double seconds = (now - start) * 1e-9;
      double left = seconds / (s.step() - firstStep) * (s.total() - s.step());
      int full = (int) (WIDTH * s.step() / Math.max(1, s.total()));
      out.printf(
          Locale.ROOT,
          "\r[%s%s] %d/%d  loss %.4f  rate %.2g  %.0f images/s  %s left  ",
          "=".repeat(full),
          " ".repeat(WIDTH - full),
          s.step(),
          s.total(),
          smooth,
          s.rate(),
          images / seconds,
          time(left));
      out.flush();
    }
  }

  @Override
  public void epoch(Epoch e) {
    Evaluation.@Nullable Result v = e.validation();
    out.printf(
        Locale.ROOT,
        "%sepoch %d/%d  loss %.4f%s  %.1f s%n",
        live ? "\r\033[K" : "",
        e.epoch(),
        e.epochs(),
        e.loss(),
        v == null
            ? ""
            : String.format(
                Locale.ROOT,
                "  validation loss %.4f  accuracy %.2f %%",
                v.loss(),
                100 * v.accuracy()),
        e.seconds());
  }

  @Override
  public void note(String line) {
    out.println((live ? "\r\033[K" : "") + line);
  }

  private static String time(double seconds) {
    long s = Math.round(seconds);
    return s < 60 ? s + " s" : s / 60 + " min " + s % 60 + " s";
  }
}
