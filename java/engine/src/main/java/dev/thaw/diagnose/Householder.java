package dev.thaw.diagnose;

/**
 * A = Q R by Householder reflections, in double: A [m, n] by rows, Q [m, k] with orthonormal
 * columns, R [k, n] upper triangular (trapezoidal where n &gt; m), k = min(m, n). Cost 2 n² (m - n
 * / 3) for R and as much again for Q.
 *
 * <p>Works on columns, which are contiguous here because the matrix is held transposed.
 */
record Householder(double[][] columns, double[][] reflectors, int m, int n) {
  /** Factors {@code a}, which is not changed. */
  static Householder of(double[][] a) {
    int m = a.length;
    int n = a[0].length;
    double[][] columns = SingularValues.transposed(a);
    int k = Math.min(m, n);
    double[][] reflectors = new double[k][];
    for (int j = 0; j < k; j++) {
      double[] v = new double[m];
      double norm = 0;
      for (int i = j; i < m; i++) {
        v[i] = columns[j][i];
        norm = Math.hypot(norm, v[i]);
      }
      // Away from 0, so that nothing cancels.
      v[j] += Math.copySign(norm, v[j]);
      double length = Math.sqrt(SingularValues.dot(v, v));
      for (int i = j; i < m && length > 0; i++) {
        v[i] /= length;
      }
      for (int c = j; c < n; c++) {
        reflect(columns[c], v, j);
      }
      reflectors[j] = v;
    }
    return new Householder(columns, reflectors, m, n);
  }

  /** x - 2 v (v · x); v is 0 before {@code from}. */
  private static void reflect(double[] x, double[] v, int from) {
    double dot = 0;
    for (int i = from; i < x.length; i++) {
      dot += v[i] * x[i];
    }
    for (int i = from; i < x.length; i++) {
      x[i] -= 2 * dot * v[i];
    }
  }

  /** R, by rows. */
  double[][] r() {
    double[][] r = new double[reflectors.length][n];
    for (int i = 0; i < r.length; i++) {
      for (int j = i; j < n; j++) {
        r[i][j] = columns[j][i];
      }
    }
    return r;
  }

  /** Q, by rows. */
  double[][] q() {
    int k = reflectors.length;
    double[][] q = new double[k][m];
    for (int j = 0; j < k; j++) {
      q[j][j] = 1;
      for (int i = k - 1; i >= 0; i--) {
        reflect(q[j], reflectors[i], i);
      }
    }
    return SingularValues.transposed(q);
  }
}
