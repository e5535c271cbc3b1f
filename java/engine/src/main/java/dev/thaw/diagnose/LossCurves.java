package dev.thaw.diagnose;

import dev.thaw.memory.Check;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Training and validation loss, evaluation by evaluation, and whether they part. */
public final class LossCurves {
  /** Evaluations without a better one after which a rise is called overfitting. */
  public static final int USUAL_PATIENCE = 3;

  /** A rise by less is noise. */
  private static final double RISE = 0.01;

  private final List<Double> training = new ArrayList<>();
  private final List<Double> validation = new ArrayList<>();

  /** Adds an evaluation: losses over the same stretch of training. */
  public void note(double trainingLoss, double validationLoss) {
    training.add(trainingLoss);
    validation.add(validationLoss);
  }

  /** Number of evaluations. */
  public int size() {
    return validation.size();
  }

  /**
   * Overfitting: the best validation loss lies at least {@code k} evaluations back, the line
   * through validation losses since then rises, by more than 1 % in all, and that through training
   * losses falls.
   *
   * @param k at least 2
   */
  public Optional<Verdict> overfitting(int k) {
    Check.that(k >= 2, "loss curves: a rise over %d evaluations is none", k);
    int best = 0;
    for (int i = 1; i < validation.size(); i++) {
      best = validation.get(i) < validation.get(best) ? i : best;
    }
    int last = validation.size() - 1;
    if (last - best < k) {
      return Optional.empty();
    }
    double rise = slope(validation.subList(best, last + 1)) * (last - best);
    double fall = slope(training.subList(best, last + 1)) * (last - best);
    if (rise <= RISE * validation.get(best) || fall >= 0) {
      return Optional.empty();
    }
    String evidence =
        String.format(
            Locale.ROOT,
            "validation loss rose from %.4f (evaluation %d, the best) to %.4f (evaluation %d) while"
                + " training loss fell from %.4f to %.4f",
            validation.get(best),
            best + 1,
            validation.get(last),
            last + 1,
            training.get(best),
            training.get(last));
    String remedy =
        "go back to evaluation "
            + (best + 1)
            + " (early stopping does), or use more examples, augmentation, weight decay or dropout,"
            + " or freeze more of the net";
    return Optional.of(new Verdict(Verdict.Kind.OVERFITTING, List.of(evidence), List.of(), remedy));
  }

  /** Slope of the straight line through {@code y} by least squares. */
  static double slope(List<Double> y) {
    int n = y.size();
    double middle = (n - 1) / 2.0;
    double mean = 0;
    for (double v : y) {
      mean += v / n;
    }
    double cross = 0;
    double square = 0;
    for (int i = 0; i < n; i++) {
      cross += (i - middle) * (y.get(i) - mean);
      square += (i - middle) * (i - middle);
    }
    return n < 2 ? 0 : cross / square;
  }
}
