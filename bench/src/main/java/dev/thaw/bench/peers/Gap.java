package dev.thaw.bench.peers;

import dev.thaw.io.NdArray;
import java.util.Collection;
import java.util.Map;

/**
 * How far values are from those they should be.
 *
 * @param value of the distance
 * @param where the tensor it was found in
 */
record Gap(double value, String where) {
  /** |a − b| / |b| of two numbers. */
  static Gap relative(double a, double b) {
    return new Gap(Math.abs(a - b) / Math.abs(b), "");
  }

  /** ‖a − b‖ / ‖b‖ of two arrays of one shape. */
  static Gap relative(NdArray a, NdArray b) {
    double[] sums = new double[2];
    add(sums, a, b);
    return new Gap(ratio(sums), "");
  }

  /** The largest ‖a − b‖ / ‖b‖ among arrays of the same names. */
  static Gap worst(Map<String, NdArray> a, Map<String, NdArray> b) {
    Gap worst = new Gap(-1, "nowhere");
    for (Map.Entry<String, NdArray> e : b.entrySet()) {
      Gap gap = relative(of(a, e.getKey()), e.getValue());
      // Not "greater": a NaN must win.
      if (!(gap.value <= worst.value)) {
        worst = new Gap(gap.value, e.getKey());
      }
    }
    return worst;
  }

  /** ‖a − b‖ / ‖b‖ over some arrays as if they were one. */
  static Gap together(Map<String, NdArray> a, Map<String, NdArray> b, Collection<String> names) {
    double[] sums = new double[2];
    for (String name : names) {
      add(sums, of(a, name), of(b, name));
    }
    return new Gap(ratio(sums), "");
  }

  /** The largest |a − b| among numbers, or |a − b| / |b| where that is larger. */
  static Gap worst(double[] a, double[] b) {
    if (a.length != b.length) {
      return new Gap(Double.NaN, a.length + " of " + b.length + " steps");
    }
    Gap worst = new Gap(-1, "no step");
    for (int i = 0; i < b.length; i++) {
      double gap = Math.abs(a[i] - b[i]) / Math.min(1, Math.abs(b[i]));
      if (!(gap <= worst.value)) {
        worst = new Gap(gap, "step " + (i + 1));
      }
    }
    return worst;
  }

  private static NdArray of(Map<String, NdArray> arrays, String name) {
    return java.util.Objects.requireNonNull(arrays.get(name), () -> "no " + name);
  }

  private static void add(double[] sums, NdArray a, NdArray b) {
    float[] x = a.floats();
    float[] y = b.floats();
    if (!a.shape().equals(b.shape())) {
      sums[0] = Double.NaN;
      return;
    }
    for (int i = 0; i < y.length; i++) {
      double d = (double) x[i] - y[i];
      sums[0] += d * d;
      sums[1] += (double) y[i] * y[i];
    }
  }

  private static double ratio(double[] sums) {
    return sums[0] == 0 ? 0 : Math.sqrt(sums[0] / sums[1]);
  }
}
