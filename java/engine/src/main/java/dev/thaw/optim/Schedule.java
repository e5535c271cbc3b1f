package dev.thaw.optim;

import dev.thaw.memory.Check;

/** What every base rate is multiplied by at a step; a skipped step counts too. */
@FunctionalInterface
public interface Schedule {
  /**
   * The factor of step {@code step}, counted from 0, of {@code total}.
   *
   * @return at least 0
   */
  double factor(long step, long total);

  /** Always 1. */
  static Schedule constant() {
    return (step, total) -> 1;
  }

  /** From 1 to 0 along half a cosine (Loshchilov and Hutter, arXiv 1608.03983). */
  static Schedule cosine() {
    return (step, total) -> 0.5 * (1 + Math.cos(Math.PI * step / Math.max(1, total)));
  }

  /** Times {@code gamma} after every {@code every} steps. */
  static Schedule steps(long every, double gamma) {
    Check.that(every > 0, "schedule: every %d steps", every);
    return (step, total) -> Math.pow(gamma, (double) Math.floorDiv(step, every));
  }

  /**
   * Up from 1 / 25 to 1 over the first 30 %, then down to 4e-6, both along half cosines (Smith,
   * arXiv 1708.07120).
   */
  static Schedule oneCycle() {
    return (step, total) -> {
      double at = step / (double) Math.max(1, total);
      double low = 1 / 25.0;
      double end = low * 1e-4;
      return at < 0.3
          ? low + (1 - low) * 0.5 * (1 - Math.cos(Math.PI * at / 0.3))
          : end + (1 - end) * 0.5 * (1 + Math.cos(Math.PI * (at - 0.3) / 0.7));
    };
  }

  /** This schedule after a straight rise over the first {@code steps}. */
  default Schedule warmUp(long steps) {
    Check.that(steps >= 0, "schedule: %d steps of warm-up", steps);
    return (step, total) ->
        step < steps
            ? (step + 1.0) / (steps + 1)
            : factor(step - steps, Math.max(1, total - steps));
  }

  /**
   * The schedule of that name: constant, cosine, one-cycle.
   *
   * @throws IllegalArgumentException for another name
   */
  static Schedule named(String name) {
    return switch (name) {
      case "constant" -> constant();
      case "cosine" -> cosine();
      case "one-cycle" -> oneCycle();
      default ->
          throw new IllegalArgumentException(
              "schedule: '" + name + "' is unknown, say constant, cosine or one-cycle");
    };
  }
}
