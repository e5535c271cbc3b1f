package dev.thaw.diagnose;

import dev.thaw.memory.DType;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;

/**
 * {@link Rank} of a matrix too large for all its singular values, from a bounded number of products
 * with it, computed on the matrix's own device.
 *
 * <p>The largest {@value #LEADING} singular values come from a random subspace, improved by two
 * products with A and Aᵀ (Halko, Martinsson and Tropp, arXiv 0909.4061): a matrix of few directions
 * is measured exactly. What is left of Σσ, Σσ² and Σσ ln σ is estimated from {@value #PROBES}
 * random vectors outside that subspace, each by Gauss quadrature from {@value #STEPS} steps of
 * Golub and Kahan's bidiagonalisation (Ubaru, Chen and Saad 2017; the split is that of Hutch++,
 * Meyer et al., arXiv 2010.09649).
 *
 * <p>Cost: 5 · {@value #LEADING} + 2 · {@value #PROBES} · {@value #STEPS} multiply-adds an element
 * of A, whatever its size, and memory for A once more.
 */
final class SpectrumSketch {
  static final int LEADING = 32;
  static final int PROBES = 4;
  static final int STEPS = 16;

  private final Tensor tall;
  private final Tensor wide;
  private final Generator numbers = new Generator(0);

  /** Σσ, Σσ², Σσ ln σ. */
  private final double[] sums = new double[3];

  private SpectrumSketch(Tensor tall, Tensor wide) {
    this.tall = tall;
    this.wide = wide;
  }

  /** Measures {@code a}, [m, n] of float32 or float64, finite, with more than LEADING of each. */
  static Rank of(Tensor a) {
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad();
        var there = a.device().use()) {
      Tensor other = a.transpose(0, 1);
      // Vectors of the shorter side are kept: n of them would fill the space.
      SpectrumSketch sketch =
          a.dim(0) >= a.dim(1) ? new SpectrumSketch(a, other) : new SpectrumSketch(other, a);
      return sketch.rank();
    }
  }

  private Rank rank() {
    double[][] right = leading();
    double[][] image = times(tall, right);
    double[] top = SingularValues.of(SingularValues.transposed(image));
    for (double s : top) {
      add(s, 1);
    }
    if (top[0] > 0) {
      remainder(right, top[0]);
    }
    double sum = sums[0];
    if (sum == 0) {
      return new Rank(0, 0, 1, tall.dim(1));
    }
    // -Σ p ln p = ln Σσ - Σσ ln σ / Σσ
    double entropy = Math.log(sum) - sums[2] / sum;
    return new Rank(Math.exp(entropy), sums[1] / (top[0] * top[0]), top[0] / sum, tall.dim(1));
  }

  private void add(double s, double weight) {
    if (s > 0) {
      sums[0] += weight * s;
      sums[1] += weight * s * s;
      sums[2] += weight * s * Math.log(s);
    }
  }

  /** Orthonormal vectors that span the leading right singular vectors, by rows. */
  private double[][] leading() {
    double[][] vectors = random(LEADING);
    for (int pass = 0; pass < 2; pass++) {
      vectors = times(wide, times(tall, orthonormal(vectors)));
    }
    return orthonormal(vectors);
  }

  /**
   * Adds what lies outside the leading vectors. Each probe v = v₁ makes orthonormal u_k, v_k with A
   * v_k = β_(k-1) u_(k-1) + α_k u_k; the singular values of the bidiagonal are nodes, the squared
   * first entries of its right singular vectors their weights. New vectors are made orthogonal to
   * all before them, and to the leading ones, by hand: floats would not stay so.
   */
  private void remainder(double[][] right, double top) {
    double tiny = 1e-6 * top;
    double[][] v = random(PROBES);
    // Of unit vectors in a space of that many dimensions, each stands for its share of them.
    double share = (tall.dim(1) - right.length) / (double) PROBES;
    double[][][] vs = new double[PROBES][STEPS][];
    double[][][] us = new double[PROBES][STEPS][];
    double[][][] bidiagonal = new double[PROBES][STEPS][STEPS];
    for (int p = 0; p < PROBES; p++) {
      clean(v[p], right, right.length);
      unit(v[p], 0);
    }
    for (int k = 0; k < STEPS; k++) {
      double[][] u = times(tall, v);
      for (int p = 0; p < PROBES; p++) {
        vs[p][k] = v[p];
        clean(u[p], us[p], k);
        bidiagonal[p][k][k] = unit(u[p], tiny);
        us[p][k] = u[p];
      }
      if (k + 1 < STEPS) {
        v = times(wide, u);
        for (int p = 0; p < PROBES; p++) {
          clean(v[p], right, right.length);
          clean(v[p], vs[p], k + 1);
          bidiagonal[p][k][k + 1] = unit(v[p], tiny);
        }
      }
    }
    for (int p = 0; p < PROBES; p++) {
      for (double[] row : SingularValues.orthogonal(bidiagonal[p])) {
        double s = Math.sqrt(SingularValues.dot(row, row));
        if (s > 0) {
          add(s, share * (row[0] / s) * (row[0] / s));
        }
      }
    }
  }

  /** Makes x of length 1, or 0 where it is not longer than {@code tiny}; returns its length. */
  private static double unit(double[] x, double tiny) {
    double norm = Math.sqrt(SingularValues.dot(x, x));
    if (norm <= tiny) {
      // Nothing new: the steps that follow add weights of 0.
      Arrays.fill(x, 0);
      return 0;
    }
    for (int i = 0; i < x.length; i++) {
      x[i] /= norm;
    }
    return norm;
  }

  /** Takes the directions of the first {@code count} vectors out of x, twice. */
  private static void clean(double[] x, double[][] vectors, int count) {
    for (int pass = 0; pass < 2; pass++) {
      for (int i = 0; i < count; i++) {
        double along = SingularValues.dot(x, vectors[i]);
        for (int j = 0; j < x.length; j++) {
          x[j] -= along * vectors[i][j];
        }
      }
    }
  }

  private static double[][] orthonormal(double[][] vectors) {
    return SingularValues.transposed(Householder.of(SingularValues.transposed(vectors)).q());
  }

  private double[][] random(int count) {
    double[][] vectors = new double[count][tall.dim(1)];
    for (double[] vector : vectors) {
      float[] normals = numbers.normals(0, 1, vector.length);
      for (int i = 0; i < vector.length; i++) {
        vector[i] = normals[i];
      }
    }
    return vectors;
  }

  /** a times each vector, on the device; vectors are rows here and columns there. */
  private static double[][] times(Tensor a, double[][] vectors) {
    int n = vectors[0].length;
    int count = vectors.length;
    double[] columns = new double[n * count];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < count; j++) {
        columns[i * count + j] = vectors[j][i];
      }
    }
    try (Scope scope = Scope.open()) {
      Tensor x = Tensor.of(columns, n, count);
      double[] y = a.matmul(a.dtype() == DType.FLOAT64 ? x : x.to(DType.FLOAT32)).toDoubles();
      double[][] images = new double[count][y.length / count];
      for (int i = 0; i < y.length; i++) {
        images[i % count][i / count] = y[i];
      }
      return images;
    }
  }
}
