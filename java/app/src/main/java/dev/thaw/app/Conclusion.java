package dev.thaw.app;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * What a comparison of fine-tuned runs with one from scratch shows, in sentences, and no more than
 * the number of test examples allows to say.
 *
 * @param scratch from random weights
 * @param tuned from pre-trained ones
 */
record Conclusion(Run scratch, List<Run> tuned) {
  /** Standard errors that a difference must exceed to be more than chance. */
  private static final double ERRORS = 2;

  /** The fine-tuned run that is right most often; the one that trains least where equal. */
  Run best() {
    return tuned.stream()
        .max(
            Comparator.comparingDouble(Run::accuracy)
                .thenComparing(Comparator.comparingLong(Run::trainable).reversed()))
        .orElseThrow();
  }

  /** Accuracy gained over {@code other}, in standard errors of the difference. */
  private static double errors(Run run, Run other) {
    double p = run.accuracy();
    double q = other.accuracy();
    double variance =
        p * (1 - p) / Math.max(1, run.examples()) + q * (1 - q) / Math.max(1, other.examples());
    return (p - q) / Math.sqrt(Math.max(variance, 1e-9));
  }

  /** What starting from pre-trained weights does. */
  String transfer() {
    Run best = best();
    double errors = errors(best, scratch);
    String what =
        errors > ERRORS
            ? "What the net had learned before helps"
            : errors < -ERRORS
                ? "What the net had learned before hinders"
                : "What the net had learned before makes no difference that so few test examples"
                    + " could show";
    return String.format(
        Locale.ROOT,
        "%s: after the same %,d steps %s gets %.1f %% of %,d unseen examples right, training from"
            + " scratch %.1f %%.",
        what,
        best.outcome().result().steps(),
        best.strategy().equals("full") ? "the whole net" : best.title(),
        100 * best.accuracy(),
        best.examples(),
        100 * scratch.accuracy());
  }

  /** What freezing costs and saves, the least trained run against the one that trains all. */
  String freezing() {
    Run least = tuned.get(tuned.size() - 1);
    Run most = tuned.get(0);
    double errors = errors(least, most);
    double points = 100 * (least.accuracy() - most.accuracy());
    String quality =
        Math.abs(errors) <= ERRORS
            ? String.format(
                Locale.ROOT,
                "is as good as training all of them, as far as %,d examples tell (%+.1f points)",
                least.examples(),
                points)
            : String.format(
                Locale.ROOT,
                "gets %.1f points %s than training all of them",
                Math.abs(points),
                points < 0 ? "less" : "more");
    return String.format(
        Locale.ROOT,
        "Training the head alone, %,d of %,d parameters, %s. Its steps took %.1f s and %s of"
            + " memory, those of the whole net %.1f s and %s.",
        least.trainable(),
        least.parameters(),
        quality,
        least.outcome().result().stepSeconds(),
        mebibytes(least.outcome().result().peakBytes()),
        most.outcome().result().stepSeconds(),
        mebibytes(most.outcome().result().peakBytes()));
  }

  /** Both. */
  @Override
  public String toString() {
    return transfer() + " " + freezing();
  }

  static String mebibytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0);
  }
}
