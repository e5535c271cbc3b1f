package dev.thaw.backend;

/**
 * The error function in double: the Maclaurin series near 0, a continued fraction in the tails;
 * both run until a term no longer counts, so the error stays near 1e-15.
 *
 * <p>Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 and 7.1.14.
 */
final class Erf {
  private Erf() {}

  /** 2 / √π · ∫₀ˣ e^(−t²) dt. */
  static double erf(double x) {
    double a = Math.abs(x);
    if (Double.isNaN(x)) {
      return x;
    }
    double value = a < 2.5 ? series(a) : a > 6 ? 1 : 1 - tail(a);
    return x < 0 ? -value : value;
  }

  /**
   * erf x = 2 / √π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1 · 3 · ... · (2n + 1)): every term is positive.
   */
  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; term > 1e-18 * sum; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }

  /** erfc x = e^(−x²) / √π · 1 / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))). */
  private static double tail(double x) {
    double fraction = x;
    for (int n = 60; n >= 1; n--) {
      fraction = x + n / 2.0 / fraction;
    }
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  }
}
