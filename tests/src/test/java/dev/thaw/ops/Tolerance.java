package dev.thaw.ops;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.util.List;
import java.util.Locale;

/**
 * How far a computed number may be from the exact one: half a unit in the last place, times a few
 * for each step, times the root of the number of terms added up, whose errors partly cancel. It is
 * relative to the number itself, or, where terms may cancel, to a typical number of the tensor.
 *
 * @param unit rounding error of one operation
 * @param smallest what may become 0
 * @param terms numbers added up
 * @param slack more room for ops that multiply errors
 */
record Tolerance(double unit, double smallest, double terms, double slack) {
  private static final double STEPS = 4;

  /** For a result of {@code terms} terms, computed and kept in {@code dtype}. */
  static Tolerance of(DType dtype, double terms, double slack) {
    return switch (dtype) {
      case FLOAT64 -> new Tolerance(0x1p-53, Double.MIN_NORMAL, terms, slack);
      case FLOAT32 -> new Tolerance(0x1p-24, Float.MIN_NORMAL, terms, slack);
      case BFLOAT16 -> new Tolerance(0x1p-8, Float.MIN_NORMAL, terms, slack);
      case INT32, INT64, UINT8 -> new Tolerance(0, 0, terms, slack);
    };
  }

  private double relative() {
    return unit * slack * (STEPS + 3 * Math.sqrt(terms));
  }

  /**
   * Says how {@code found} differs from {@code exact}; empty when it does not.
   *
   * @param typical the size of a number of this tensor, see {@link #typical}
   * @param dtype what found was rounded to
   */
  String differences(double[] exact, double[] found, double typical, Shape shape, DType dtype) {
    if (exact.length != found.length) {
      return exact.length + " elements expected, " + found.length + " found";
    }
    int off = 0;
    int worst = -1;
    double worstExcess = 0;
    for (int i = 0; i < exact.length; i++) {
      double allowed = allowed(exact[i], typical);
      double excess = excess(exact[i], found[i], allowed, dtype);
      if (excess > 1) {
        off++;
        if (worst < 0 || excess > worstExcess) {
          worst = i;
          worstExcess = excess;
        }
      }
    }
    return off == 0
        ? ""
        : String.format(
            Locale.ROOT,
            "%d of %d elements differ, most at %s: expected %s, found %s, off by %.3g, allowed"
                + " %.3g",
            off,
            exact.length,
            place(worst, shape),
            exact[worst],
            found[worst],
            Math.abs(exact[worst] - found[worst]),
            allowed(exact[worst], typical));
  }

  private double allowed(double exact, double typical) {
    double floor = terms > 1 ? typical : Math.min(1, typical);
    return relative() * Math.max(Math.abs(exact), floor) + smallest;
  }

  /** The error in units of what is allowed; infinite where one number is special and not both. */
  private static double excess(double exact, double found, double allowed, DType dtype) {
    if (Double.compare(exact, found) == 0 || exact == found) {
      return 0;
    }
    double rounded = dtype == DType.FLOAT64 ? exact : (float) exact;
    if (Double.isNaN(exact) || Double.isInfinite(rounded) || !Double.isFinite(found)) {
      return rounded == found || Double.compare(rounded, found) == 0 ? 0 : Double.POSITIVE_INFINITY;
    }
    double error = Math.abs(exact - found);
    return error / allowed;
  }

  /** The root of the mean square of all finite numbers. */
  static double typical(List<double[]> tensors) {
    double sum = 0;
    int n = 0;
    for (double[] tensor : tensors) {
      for (double v : tensor) {
        if (Double.isFinite(v) && Math.abs(v) < 1e100) {
          sum += v * v;
          n++;
        }
      }
    }
    return n == 0 ? 0 : Math.sqrt(sum / n);
  }

  private static String place(int i, Shape shape) {
    int[] strides = shape.strides();
    int[] at = new int[strides.length];
    int rest = i;
    for (int d = 0; d < at.length; d++) {
      at[d] = rest / strides[d];
      rest %= strides[d];
    }
    return java.util.Arrays.toString(at);
  }
}
