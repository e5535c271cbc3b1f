package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * Two-dimensional convolution (cross-correlation, as everywhere in the field). All buffers share
 * one dtype, but for the gradients of weights and bias, see {@link #backwardWeights}.
 */
public interface ConvKernels {
  /**
   * y = x ∗ w + bias + residual, then max(0, ·) if {@code relu}.
   *
   * @param bias k numbers, or null
   * @param residual shaped like y, or null; may be y
   */
  void forward(
      @Writes Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape shape);

  /**
   * Copies weights that will not change for {@link #forwardConstant} with the same epilogue and
   * sizes; null where they serve best as they lie, which is what a backend answers that copies
   * none.
   */
  default @Nullable ConstantWeights constant(
      Buffer w, boolean bias, boolean residual, boolean relu, ConvShape shape) {
    return null;
  }

  /** {@link #forward} with weights of {@link #constant}. */
  default void forwardConstant(
      @Writes Buffer y,
      Buffer x,
      ConstantWeights w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape shape) {
    throw new IllegalArgumentException("conv: these weights are of another backend");
  }

  /**
   * y = x ∗ w, and of each channel of y the mean and the biased variance over pictures, rows and
   * columns, as {@link NormKernels#statistics} has them: two kernels, for a backend that joins
   * them.
   *
   * <p>Joined, they may be those of y before it is rounded to BFLOAT16, by way of Σ y and Σ y² in
   * float: a mean μ that is large beside the spread σ costs the variance digits, about 1 + μ² / σ²
   * times the relative error of the sums, of which a float keeps 10⁻⁷. Rounding y to 8 bits moves
   * the variance by some 10⁻⁶ μ² / σ² anyway.
   */
  void forwardWithStatistics(
      @Writes Buffer y,
      @Writes Buffer mean,
      @Writes Buffer variance,
      Buffer x,
      Buffer w,
      ConvShape shape);

  /** Whether {@link #forwardWithStatistics} may save the pass over y that statistics take. */
  default boolean gathersStatistics(DType dtype) {
    return false;
  }

  /**
   * dx from dy and w, plus {@code residual}: the gradient that x gets from elsewhere. BFLOAT16 may
   * be rounded before the residual is added, too, where a library does not add.
   *
   * @param residual shaped like dx, or null; may be dx
   */
  void backwardData(
      @Writes Buffer dx, Buffer dy, Buffer w, @Nullable Buffer residual, ConvShape shape);

  /**
   * Whether {@link #backwardData} adds a residual that is dx on its way to memory, so that a plan
   * saves the pass of a sum; not where it needs one itself.
   */
  default boolean addsGradients() {
    return false;
  }

  /**
   * dw, and db unless null, from dy and x. Both are of x's dtype, or FLOAT32 of dy and x in
   * BFLOAT16: db the sums as they are, dw likewise, or rounded to BFLOAT16 once at the end where a
   * library makes nothing else.
   */
  void backwardWeights(
      @Writes Buffer dw, @Writes @Nullable Buffer db, Buffer dy, Buffer x, ConvShape shape);
}
