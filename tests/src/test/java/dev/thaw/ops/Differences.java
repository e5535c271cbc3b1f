package dev.thaw.ops;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Philox;
import dev.thaw.memory.DType;
import dev.thaw.ops.OpRun.Outcome;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Difference quotients in double, along a random direction for each operand: (L(x + h d) − L(x − h
 * d)) / 2h against Σ g d, where L = Σ dy · y. Whatever is wrong in a gradient shows along a random
 * direction, at the price of two forward calls.
 */
final class Differences {
  /** A step of each element; the quotient's own error is then near 10⁻¹⁰ of the terms. */
  private static final double H = 1e-5;

  private static final int DIRECTION_STREAM = 2000;

  private Differences() {}

  /** Says what is wrong with the gradient of {@code operand}; empty when nothing is. */
  static String of(OpRun run, Backend home, Outcome outcome, int operand, long seed) {
    double[] x = run.numbers(operand);
    double @Nullable [] gradient = outcome.gradients().get(operand);
    if (gradient == null) {
      return "operand " + operand + " got no gradient";
    }
    double[] direction =
        Domain.NORMAL.draw(x.length, new Philox(seed, DIRECTION_STREAM + operand, 0));
    double[] dy = run.seedFor(outcome.shape());
    double[] ahead = run.forward(home, DType.FLOAT64, operand, moved(x, direction, H));
    double[] behind = run.forward(home, DType.FLOAT64, operand, moved(x, direction, -H));
    double quotient = 0;
    double magnitude = 0;
    for (int i = 0; i < dy.length; i++) {
      quotient += dy[i] * (ahead[i] - behind[i]) / (2 * H);
      magnitude += Math.abs(dy[i] * outcome.y()[i]);
    }
    double slope = 0;
    double parts = 0;
    for (int i = 0; i < x.length; i++) {
      slope += gradient[i] * direction[i];
      parts += Math.abs(gradient[i] * direction[i]);
    }
    double allowed = 1e-6 * parts + 1e-9 * magnitude + 1e-12;
    return Math.abs(slope - quotient) <= allowed
        ? ""
        : String.format(
            Locale.ROOT,
            "the gradient of operand %d gives the slope %.10g, the difference quotient is %.10g"
                + " (off by %.3g, allowed %.3g)",
            operand,
            slope,
            quotient,
            Math.abs(slope - quotient),
            allowed);
  }

  private static double[] moved(double[] x, double[] direction, double h) {
    double[] y = x.clone();
    for (int i = 0; i < y.length; i++) {
      y[i] += h * direction[i];
    }
    return y;
  }
}
