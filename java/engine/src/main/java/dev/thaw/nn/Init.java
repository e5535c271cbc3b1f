package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.util.Arrays;

/**
 * How weights start. A weight is seen as a matrix [out, fanIn]: rows for outputs, columns for
 * everything an output reads. Values are drawn on the host: a seed gives the same weights
 * everywhere.
 */
@FunctionalInterface
public interface Init {
  /** Start values of a weight of {@code shape} [out, ..], row by row. */
  float[] values(Shape shape, Generator generator);

  /** Elements of one row: what an output reads. */
  static int fanIn(Shape shape) {
    return shape.elements(1, shape.rank());
  }

  /** What an input feeds: outputs times the kernel's positions. */
  static int fanOut(Shape shape) {
    return shape.dim(0) * shape.elements(1, Math.max(1, shape.rank() - 1));
  }

  /** All the same. */
  static Init constant(double value) {
    return (shape, generator) -> {
      float[] values = new float[(int) shape.elements()];
      Arrays.fill(values, (float) value);
      return values;
    };
  }

  /** Uniform within ±1 / √fanIn: PyTorch's default for linear and convolution. */
  static Init fanInUniform() {
    return (shape, generator) -> {
      double bound = 1 / Math.sqrt(Math.max(1, fanIn(shape)));
      return generator.uniforms(-bound, bound, (int) shape.elements());
    };
  }

  /** Normal numbers. */
  static Init normal(double mean, double deviation) {
    return (shape, generator) -> generator.normals(mean, deviation, (int) shape.elements());
  }

  /** Normal with variance 2 / fanIn, for ReLU (He et al., arXiv 1502.01852). */
  static Init kaiming() {
    return (shape, generator) ->
        generator.normals(0, Math.sqrt(2.0 / Math.max(1, fanIn(shape))), (int) shape.elements());
  }

  /** Normal with variance 2 / fanOut, for ReLU: what ResNets start from. */
  static Init kaimingFanOut() {
    return (shape, generator) ->
        generator.normals(0, Math.sqrt(2.0 / Math.max(1, fanOut(shape))), (int) shape.elements());
  }

  /** Uniform within ±√(6 / (fanIn + fanOut)) (Glorot and Bengio, AISTATS 2010). */
  static Init xavier() {
    return (shape, generator) -> {
      double bound = Math.sqrt(6.0 / Math.max(1, fanIn(shape) + fanOut(shape)));
      return generator.uniforms(-bound, bound, (int) shape.elements());
    };
  }

  /** Orthonormal rows, or columns where there are more rows (Saxe et al., arXiv 1312.6120). */
  static Init orthogonal(double gain) {
    return (shape, generator) -> {
      int rows = shape.dim(0);
      int columns = fanIn(shape);
      float[] normal = generator.normals(0, 1, rows * columns);
      boolean wide = columns >= rows;
      double[][] vectors = new double[Math.min(rows, columns)][Math.max(rows, columns)];
      for (int i = 0; i < vectors.length; i++) {
        for (int j = 0; j < vectors[i].length; j++) {
          vectors[i][j] = normal[wide ? i * columns + j : j * columns + i];
        }
      }
      orthonormalise(vectors);
      float[] values = new float[rows * columns];
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          values[i * columns + j] = (float) (gain * (wide ? vectors[i][j] : vectors[j][i]));
        }
      }
      return values;
    };
  }

  /** Gram and Schmidt, each vector twice against the ones before it: enough in double. */
  private static void orthonormalise(double[][] vectors) {
    for (int i = 0; i < vectors.length; i++) {
      for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < i; j++) {
          double dot = 0;
          for (int k = 0; k < vectors[i].length; k++) {
            dot += vectors[i][k] * vectors[j][k];
          }
          for (int k = 0; k < vectors[i].length; k++) {
            vectors[i][k] -= dot * vectors[j][k];
          }
        }
      }
      double norm = 0;
      for (double v : vectors[i]) {
        norm += v * v;
      }
      for (int k = 0; k < vectors[i].length; k++) {
        vectors[i][k] /= Math.sqrt(norm);
      }
    }
  }

  /**
   * The initialiser of that name: kaiming, xavier, orthogonal, normal or default.
   *
   * @throws IllegalArgumentException for another name
   */
  static Init named(String name) {
    return switch (name) {
      case "default" -> fanInUniform();
      case "kaiming", "he" -> kaiming();
      case "xavier", "glorot" -> xavier();
      case "orthogonal" -> orthogonal(1);
      case "normal" -> normal(0, 0.01);
      default -> {
        Check.that(
            false,
            "init: '%s' is unknown, say default, kaiming, xavier, orthogonal or normal",
            name);
        yield fanInUniform();
      }
    };
  }
}
