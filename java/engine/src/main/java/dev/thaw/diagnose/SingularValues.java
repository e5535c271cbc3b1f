package dev.thaw.diagnose;

import dev.thaw.memory.Check;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Singular values by one-sided Jacobi rotations (Hestenes 1958), in double. Pairs of rows are
 * turned until all are orthogonal; their lengths are then the singular values.
 *
 * <p>Small values keep their relative accuracy where rows differ in size by many decades (Demmel
 * and Veselić 1992): what the Jacobian of a deep net needs, and what methods that first reduce to
 * two diagonals lose. Values more than 150 decades below the largest are given as 0. Cost: for k
 * the smaller and n the larger side, 2 k² n to reduce to k x k, and about 6 k³ a sweep, six to ten
 * sweeps: 20 ms for k = 64.
 */
public final class SingularValues {
  private static final int MOST_SWEEPS = 60;
  private static final double ORTHOGONAL = 1e-15;

  /** Square of the length at which a row counts as 0: its products with others would underflow. */
  private static final double NOTHING = 1e-300;

  private SingularValues() {}

  /**
   * The singular values of a matrix given by rows, the largest first; as many as its smaller side.
   *
   * @param matrix rows of equal length, at least one element; not changed
   * @throws IllegalArgumentException when it is empty or an element is not finite
   */
  public static double[] of(double[][] matrix) {
    Check.that(matrix.length > 0 && matrix[0].length > 0, "singular values: the matrix is empty");
    double largest = 0;
    for (double[] row : matrix) {
      for (double v : row) {
        Check.that(Double.isFinite(v), "singular values: an element is %s", v);
        largest = Math.max(largest, Math.abs(v));
      }
    }
    boolean wide = matrix[0].length >= matrix.length;
    double[][] rows = wide ? copy(matrix) : transposed(matrix);
    if (largest == 0) {
      return new double[rows.length];
    }
    // So that squares neither overflow nor all vanish.
    for (double[] row : rows) {
      for (int j = 0; j < row.length; j++) {
        row[j] /= largest;
      }
    }
    if (rows[0].length > rows.length) {
      rows = transposed(Householder.of(transposed(rows)).r());
    }
    orthogonal(rows);
    double[] values = new double[rows.length];
    for (int i = 0; i < values.length; i++) {
      double square = dot(rows[i], rows[i]);
      values[i] = square < NOTHING ? 0 : largest * Math.sqrt(square);
    }
    Arrays.sort(values);
    for (int i = 0, j = values.length - 1; i < j; i++, j--) {
      double small = values[i];
      values[i] = values[j];
      values[j] = small;
    }
    return values;
  }

  /**
   * Turns pairs of rows, in place, until all are orthogonal: row i is then σ_i v_i, v_i the right
   * singular vector.
   *
   * @return {@code rows}
   */
  static double[][] orthogonal(double[][] rows) {
    boolean turned = true;
    for (int sweep = 0; turned; sweep++) {
      if (sweep == MOST_SWEEPS) {
        throw new IllegalStateException(
            "singular values: no convergence in " + MOST_SWEEPS + " sweeps of " + rows.length);
      }
      turned = false;
      // Longest first: fewer sweeps (de Rijk 1989).
      Arrays.sort(rows, Comparator.comparingDouble(row -> -dot(row, row)));
      for (int p = 0; p < rows.length - 1; p++) {
        for (int q = p + 1; q < rows.length; q++) {
          turned |= turn(rows[p], rows[q]);
        }
      }
    }
    return rows;
  }

  /** Makes two rows orthogonal by a rotation; returns whether they were not. */
  private static boolean turn(double[] a, double[] b) {
    double aa = dot(a, a);
    double bb = dot(b, b);
    if (aa < NOTHING || bb < NOTHING) {
      return false;
    }
    double ab = dot(a, b);
    if (Math.abs(ab) <= ORTHOGONAL * a.length * Math.sqrt(aa) * Math.sqrt(bb)) {
      return false;
    }
    double zeta = (bb - aa) / (2 * ab);
    double tangent = Math.copySign(1, zeta) / (Math.abs(zeta) + Math.hypot(1, zeta));
    double cosine = 1 / Math.hypot(1, tangent);
    double sine = cosine * tangent;
    for (int i = 0; i < a.length; i++) {
      double x = a[i];
      a[i] = cosine * x - sine * b[i];
      b[i] = sine * x + cosine * b[i];
    }
    return true;
  }

  /** a · b, in four sums that do not wait for one another. */
  static double dot(double[] a, double[] b) {
    double s0 = 0;
    double s1 = 0;
    double s2 = 0;
    double s3 = 0;
    int i = 0;
    for (; i + 3 < a.length; i += 4) {
      s0 += a[i] * b[i];
      s1 += a[i + 1] * b[i + 1];
      s2 += a[i + 2] * b[i + 2];
      s3 += a[i + 3] * b[i + 3];
    }
    for (; i < a.length; i++) {
      s0 += a[i] * b[i];
    }
    return (s0 + s1) + (s2 + s3);
  }

  private static double[][] copy(double[][] matrix) {
    double[][] rows = new double[matrix.length][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = matrix[i].clone();
    }
    return rows;
  }

  /** The transposed matrix, a copy. */
  static double[][] transposed(double[][] matrix) {
    double[][] y = new double[matrix[0].length][matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < y.length; j++) {
        y[j][i] = matrix[i][j];
      }
    }
    return y;
  }
}
