package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Matrix products. */
public interface GemmKernels {
  /**
   * C = op(A) op(B) + bias, then max(0, ·) if {@code relu}; k = 0 gives the bias alone. All buffers
   * share one dtype, but for C without bias and ReLU, which may be FLOAT32 of A and B in BFLOAT16:
   * the gradient of a weight, not rounded to BFLOAT16 on the way.
   *
   * @param bias n numbers added to every row, or null
   */
  void gemm(
      @Writes Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape shape);

  /**
   * Of a dense layer y = x wᵀ + b: dw = dyᵀ x, and db = Σ dy over the rows unless null; zeros where
   * there is no row. Both are of x's dtype, or FLOAT32 of dy and x in BFLOAT16: the sums as they
   * are.
   *
   * @param dw {@code [out, in]}
   * @param db {@code [out]}, or null
   * @param dy {@code [rows, out]}
   * @param x {@code [rows, in]}
   */
  void backwardWeights(
      @Writes Buffer dw,
      @Writes @Nullable Buffer db,
      Buffer dy,
      Buffer x,
      int rows,
      int out,
      int in);

  /**
   * Copies a B that will not change for {@link #gemmConstant} with the same epilogue and sizes;
   * null where it serves best as it lies, which is what a backend answers that copies none.
   */
  default @Nullable ConstantWeights constant(
      Buffer b, boolean bias, boolean relu, GemmShape shape) {
    return null;
  }

  /** {@link #gemm} with a B of {@link #constant}. */
  default void gemmConstant(
      @Writes Buffer c,
      Buffer a,
      ConstantWeights b,
      @Nullable Buffer bias,
      boolean relu,
      GemmShape shape) {
    throw new IllegalArgumentException("gemm: these weights are of another backend");
  }
}
