package dev.thaw.ops;

import dev.thaw.backend.Philox;

/** Where the numbers of an operand are drawn from. */
@FunctionalInterface
public interface Domain {
  /** Numbers around 0, the usual case. */
  Domain NORMAL = each((random, i) -> random.normal(i));

  /** Different numbers, 0.01 apart, in random order: which is the largest is beyond doubt. */
  Domain DISTINCT = Domain::distinct;

  /** What arithmetic treats apart: NaN, infinities, both zeros, and numbers beside them. */
  Domain SPECIAL = each((random, i) -> special((int) (i % 11)));

  /** {@code n} numbers; the same for the same generator. */
  double[] draw(int n, Philox random);

  /** One number for element {@code i}. */
  @FunctionalInterface
  interface Element {
    double at(Philox random, long i);
  }

  /** Each element by itself. */
  static Domain each(Element element) {
    return (n, random) -> {
      double[] x = new double[n];
      for (int i = 0; i < n; i++) {
        x[i] = element.at(random, i);
      }
      return x;
    };
  }

  /** Uniform numbers from {@code low} to {@code high}. */
  static Domain between(double low, double high) {
    return each((random, i) -> low + (high - low) * random.uniform(i));
  }

  /** Normal numbers, none nearer than 0.05 to where the function has a kink. */
  static Domain away(double... kinks) {
    return each(
        (random, i) -> {
          double x = 2 * random.normal(i);
          for (double kink : kinks) {
            if (Math.abs(x - kink) < 0.05) {
              x = kink + (x < kink ? -0.05 : 0.05);
            }
          }
          return x;
        });
  }

  /** Multiples of 0.1, plus {@code offset}: two operands with other offsets are never equal. */
  static Domain grid(double offset) {
    return each((random, i) -> Math.rint(10 * random.normal(i)) / 10 + offset);
  }

  /** From 10⁻³ to {@code largest}, as many of each magnitude, both signs. */
  static Domain wide(double largest) {
    return each(
        (random, i) -> {
          double u = 2 * random.uniform(i) - 1;
          double magnitude = 1e-3 * Math.pow(largest / 1e-3, Math.abs(u));
          return u < 0 ? -magnitude : magnitude;
        });
  }

  /** Normal numbers around {@code mean}: what is subtracted is much larger than what remains. */
  static Domain around(double mean) {
    return each((random, i) -> mean + random.normal(i));
  }

  private static double[] distinct(int n, Philox random) {
    double[] x = new double[n];
    for (int i = 0; i < n; i++) {
      // Fisher and Yates, from the inside out.
      int j = random.below(i, i + 1);
      x[i] = x[j];
      x[j] = 0.01 * (i - n / 2);
    }
    return x;
  }

  private static double special(int i) {
    return switch (i) {
      case 0 -> Double.NaN;
      case 1 -> Double.POSITIVE_INFINITY;
      case 2 -> Double.NEGATIVE_INFINITY;
      case 3 -> 0;
      case 4 -> -0.0;
      case 5 -> 1;
      case 6 -> -1;
      case 7 -> 0.5;
      case 8 -> -0.5;
      case 9 -> 1e10;
      default -> -1e10;
    };
  }
}
