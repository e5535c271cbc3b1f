package dev.thaw.plain;

/**
 * y += a M for a row y, a row a and a matrix M: the loop that matrix products and convolutions are
 * made of.
 *
 * <p>HotSpot turns a loop into vector instructions only where every access has the same index (it
 * cannot know that {@code y[i + j]} and {@code m[k + j]} do not overlap), so y and each row of M
 * are arrays of their own: about twice as fast as one flat array, for the price of a copy. Four
 * rows of M are taken at once, which loads and stores y a quarter as often. The order of the sums
 * depends on k alone.
 */
final class RowTimesMatrix {
  private RowTimesMatrix() {}

  /** y[j] += Σₚ a[ai + p · aStep] · m[mi + p · mStep][j], p from 0 to k − 1, over all of y. */
  static void add(
      double[] y, double[] a, int ai, int aStep, double[][] m, int mi, int mStep, int k) {
    int p = 0;
    for (; p + 4 <= k; p += 4) {
      int i = ai + p * aStep;
      int r = mi + p * mStep;
      add4(
          y,
          a[i],
          m[r],
          a[i + aStep],
          m[r + mStep],
          a[i + 2 * aStep],
          m[r + 2 * mStep],
          a[i + 3 * aStep],
          m[r + 3 * mStep]);
    }
    for (; p < k; p++) {
      add1(y, a[ai + p * aStep], m[mi + p * mStep]);
    }
  }

  private static void add4(
      double[] y,
      double a0,
      double[] m0,
      double a1,
      double[] m1,
      double a2,
      double[] m2,
      double a3,
      double[] m3) {
    for (int j = 0; j < y.length; j++) {
      y[j] += a0 * m0[j] + a1 * m1[j] + (a2 * m2[j] + a3 * m3[j]);
    }
  }

  private static void add1(double[] y, double a, double[] m) {
    for (int j = 0; j < y.length; j++) {
      y[j] += a * m[j];
    }
  }

  /** A dense matrix as an array of its rows. */
  static double[][] split(double[] x, int columns) {
    double[][] rows = new double[columns == 0 ? 0 : x.length / columns][columns];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(x, i * columns, rows[i], 0, columns);
    }
    return rows;
  }

  /** Puts {@code rows}, all equally long, one behind the other from {@code y[yi]} on. */
  static void join(double[] y, int yi, double[][] rows) {
    int at = yi;
    for (double[] row : rows) {
      System.arraycopy(row, 0, y, at, row.length);
      at += row.length;
    }
  }
}
