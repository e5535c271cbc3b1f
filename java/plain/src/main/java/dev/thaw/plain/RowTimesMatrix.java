package dev.thaw.plain;

/**
 * y += a M for a row a and a matrix M whose rows are contiguous: the loop that matrix products and
 * convolutions are made of.
 *
 * <p>The innermost loop runs over neighbours, so HotSpot turns it into vector instructions; it
 * takes four rows of M at once, which loads and stores y a quarter as often. The order of the sums
 * depends on k alone.
 */
final class RowTimesMatrix {
  private RowTimesMatrix() {}

  /**
   * y[yi + j] += Σₚ a[ai + p · aStep] · m[mi + p · mStep + j], p from 0 to k − 1, j from 0 to n −
   * 1.
   */
  static void add(
      double[] y,
      int yi,
      int n,
      double[] a,
      int ai,
      int aStep,
      double[] m,
      int mi,
      int mStep,
      int k) {
    int p = 0;
    for (; p + 4 <= k; p += 4) {
      int ap = ai + p * aStep;
      int mp = mi + p * mStep;
      add4(y, yi, n, a[ap], a[ap + aStep], a[ap + 2 * aStep], a[ap + 3 * aStep], m, mp, mStep);
    }
    for (; p < k; p++) {
      add1(y, yi, n, a[ai + p * aStep], m, mi + p * mStep);
    }
  }

  private static void add4(
      double[] y,
      int yi,
      int n,
      double a0,
      double a1,
      double a2,
      double a3,
      double[] m,
      int m0,
      int mStep) {
    int m1 = m0 + mStep;
    int m2 = m1 + mStep;
    int m3 = m2 + mStep;
    for (int j = 0; j < n; j++) {
      y[yi + j] += a0 * m[m0 + j] + a1 * m[m1 + j] + (a2 * m[m2 + j] + a3 * m[m3 + j]);
    }
  }

  private static void add1(double[] y, int yi, int n, double a, double[] m, int mi) {
    for (int j = 0; j < n; j++) {
      y[yi + j] += a * m[mi + j];
    }
  }
}
