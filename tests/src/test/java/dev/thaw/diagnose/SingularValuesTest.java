package dev.thaw.diagnose;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Philox;
import org.junit.jupiter.api.Test;

final class SingularValuesTest {
  private static double[][] normal(int rows, int columns, int seed) {
    Philox numbers = new Philox(seed, 0, 0);
    double[][] a = new double[rows][columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        a[i][j] = numbers.normal((long) i * columns + j);
      }
    }
    return a;
  }

  private static double[][] product(double[][] a, double[][] b) {
    double[][] y = new double[a.length][b[0].length];
    for (int i = 0; i < a.length; i++) {
      for (int j = 0; j < b[0].length; j++) {
        for (int k = 0; k < b.length; k++) {
          y[i][j] += a[i][k] * b[k][j];
        }
      }
    }
    return y;
  }

  /** U diag(values) V with random orthogonal U [m, k], V [k, n]. */
  private static double[][] withValues(int m, int n, double... values) {
    double[][] u = Householder.of(normal(m, values.length, 1)).q();
    double[][] v = SingularValues.transposed(Householder.of(normal(n, values.length, 2)).q());
    for (int i = 0; i < values.length; i++) {
      for (int j = 0; j < n; j++) {
        v[i][j] *= values[i];
      }
    }
    return product(u, v);
  }

  @Test
  void twoByTwoByHand() {
    // AᵀA = [[25, 20], [20, 25]] has the eigenvalues 45 and 5.
    double[] values = SingularValues.of(new double[][] {{3, 0}, {4, 5}});
    assertArrayEquals(new double[] {Math.sqrt(45), Math.sqrt(5)}, values, 1e-14);
  }

  @Test
  void hilbertsMatrix() {
    double[][] h = new double[6][6];
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 6; j++) {
        h[i][j] = 1.0 / (i + j + 1);
      }
    }
    double[] values = SingularValues.of(h);
    assertEquals(1.618899858924339, values[0], 1e-14);
    assertEquals(0.2423608705752096, values[1], 1e-14);
    assertEquals(1.08279948456555e-7, values[5], 1e-15);
  }

  @Test
  void knownValuesWhateverTheShape() {
    double[] values = {7, 7, 3, 1, 0.25, 1e-6};
    for (int[] shape : new int[][] {{6, 6}, {6, 20}, {31, 6}}) {
      assertArrayEquals(values, SingularValues.of(withValues(shape[0], shape[1], values)), 1e-13);
    }
  }

  @Test
  void missingDirectionsAreZero() {
    double[] values = SingularValues.of(withValues(12, 9, 5, 2, 1));
    assertEquals(9, values.length);
    assertArrayEquals(new double[] {5, 2, 1}, java.util.Arrays.copyOf(values, 3), 1e-13);
    assertTrue(values[3] < 1e-14, () -> "" + values[3]);
    assertArrayEquals(new double[2], SingularValues.of(new double[2][5]));
  }

  /** What a sum of squares in one go would lose: rows of 1, 1e-20, 1e-40 and so on. */
  @Test
  void smallValuesKeepTheirDigits() {
    double[][] a = Householder.of(normal(7, 7, 3)).q();
    for (int i = 0; i < 7; i++) {
      for (int j = 0; j < 7; j++) {
        a[i][j] *= Math.pow(10, -20 * i);
      }
    }
    double[] values = SingularValues.of(a);
    for (int i = 0; i < 7; i++) {
      assertEquals(1, values[i] * Math.pow(10, 20 * i), 1e-12);
    }
  }

  @Test
  void theMatrixStaysAsItWas() {
    double[][] a = normal(4, 6, 5);
    double[] before = a[2].clone();
    SingularValues.of(a);
    assertArrayEquals(before, a[2]);
  }

  @Test
  void qTimesRIsTheMatrix() {
    for (int[] shape : new int[][] {{5, 5}, {9, 4}, {4, 9}}) {
      double[][] a = normal(shape[0], shape[1], 6);
      Householder f = Householder.of(a);
      double[][] back = product(f.q(), f.r());
      double[][] identity = product(SingularValues.transposed(f.q()), f.q());
      for (int i = 0; i < a.length; i++) {
        assertArrayEquals(a[i], back[i], 1e-13);
      }
      for (int i = 0; i < identity.length; i++) {
        for (int j = 0; j < identity.length; j++) {
          assertEquals(i == j ? 1 : 0, identity[i][j], 1e-13);
          assertTrue(i <= j || f.r()[i][j] == 0);
        }
      }
    }
  }

  @Test
  void whatIsNoMatrixIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> SingularValues.of(new double[0][0]));
    assertThrows(IllegalArgumentException.class, () -> SingularValues.of(new double[3][0]));
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> SingularValues.of(new double[][] {{1, Double.NaN}}));
    assertEquals("singular values: an element is NaN", e.getMessage());
  }
}
