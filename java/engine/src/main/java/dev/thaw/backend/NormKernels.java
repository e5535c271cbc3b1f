package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Batch normalisation over the rows of x [rows, channels] and layer normalisation over its columns;
 * σ² is the biased variance, x̂ = (x − μ) / √(σ² + ε). And what makes the bytes of pictures
 * numbers.
 *
 * <p>x, y and their gradients share one dtype. All else - gamma, beta, their gradients, means,
 * variances, rstd, running statistics - is FLOAT32 where that is BFLOAT16, and of the same dtype
 * where it is not.
 */
public interface NormKernels {
  /** Mean and biased variance of each channel. */
  void statistics(@Writes Buffer mean, @Writes Buffer variance, Buffer x, int rows, int channels);

  /**
   * running = (1 − momentum) · running + momentum · batch, the variance unbiased: σ² · rows / (rows
   * − 1) (one row counts as biased). Reads and writes the running statistics.
   */
  void track(
      @Writes Buffer runningMean,
      @Writes Buffer runningVariance,
      Buffer mean,
      Buffer variance,
      int rows,
      int channels,
      double momentum);

  /**
   * y = x̂ · gamma + beta with the statistics given, plus {@code residual} where there is one, then
   * max(0, ·) if {@code relu}.
   *
   * @param residual of y's shape, or null
   */
  void batchForward(
      @Writes Buffer y,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer residual,
      boolean relu,
      int rows,
      int channels,
      double eps);

  /**
   * Gradients through the statistics of this batch: dbeta = Σ dy, dgamma = Σ dy · x̂, dx = gamma /
   * √(σ² + ε) · (dy − dbeta / rows − x̂ · dgamma / rows).
   *
   * @param dresidual the residual's gradient: what counts of dy, which is what the sums are of;
   *     given with y, else null
   * @param beta forward's if it had the relu and no residual: dy counts where x̂ · gamma + beta is
   *     above 0, which is worked out again from x rather than read; else null
   * @param y forward's if it had the relu and a residual: dy counts where y is above 0; else null
   */
  void batchBackward(
      @Writes @Nullable Buffer dx,
      @Writes @Nullable Buffer dgamma,
      @Writes @Nullable Buffer dbeta,
      @Writes @Nullable Buffer dresidual,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      @Nullable Buffer beta,
      Buffer mean,
      Buffer variance,
      @Nullable Buffer y,
      int rows,
      int channels,
      double eps);

  /** dx = dy · gamma / √(σ² + ε): the statistics are constants. */
  void constantBackward(
      @Writes Buffer dx,
      Buffer dy,
      Buffer gamma,
      Buffer variance,
      int rows,
      int channels,
      double eps);

  /** y = x̂ · gamma + beta by row; saves the row's mean and 1 / √(σ² + ε). */
  void layerForward(
      @Writes Buffer y,
      @Writes Buffer mean,
      @Writes Buffer rstd,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      int rows,
      int columns,
      double eps);

  /** Gradients of {@link #layerForward}; an output that is null is left out. */
  void layerBackward(
      @Writes @Nullable Buffer dx,
      @Writes @Nullable Buffer dgamma,
      @Writes @Nullable Buffer dbeta,
      Buffer dy,
      Buffer x,
      Buffer gamma,
      Buffer mean,
      Buffer rstd,
      int rows,
      int columns);

  /**
   * y = (x / 255 − mean) / std for the bytes of pictures, x UINT8 [rows, channels]: two divisions
   * and a subtraction in this order, each rounded, in y's dtype or in float32 for BFLOAT16. So
   * every device gives a host's bits. Bytes have no derivative.
   */
  void pixels(@Writes Buffer y, Buffer x, Buffer mean, Buffer std, int rows, int channels);
}
