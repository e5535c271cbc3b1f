package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/**
 * Softmax over the rows of x [rows, columns], and the loss on it. Never in BFLOAT16: what comes so
 * is cast to FLOAT32 before. A target that is neither a class nor ignored is refused as {@link
 * IndexKernels} refuse an index.
 */
public interface SoftmaxKernels {
  /** y = exp(x − max) / Σ, or its logarithm. */
  void forward(@Writes Buffer y, Buffer x, boolean log, int rows, int columns);

  /** dx = y · (dy − Σ dy · y), or, of the logarithm, dy − exp(y) · Σ dy. */
  void backward(@Writes Buffer dx, Buffer dy, Buffer y, boolean log, int rows, int columns);

  /**
   * loss = Σ wₜ · −[(1 − ε) · log p(t)] + ε / classes · Σ_c w_c · −log p(c), divided by total = Σ
   * wₜ, over rows whose target t is not ignored; 0 / 0 where every row is.
   *
   * @param loss one number
   * @param total one number, the divisor
   * @param logProbabilities shaped like logits, for backward
   * @param targets INT32 or INT64, one a row, each in [0, columns) or ignored
   * @param weights one per class, or null for 1
   */
  void crossEntropy(
      @Writes Buffer loss,
      @Writes Buffer total,
      @Writes Buffer logProbabilities,
      Buffer logits,
      Buffer targets,
      @Nullable Buffer weights,
      CrossEntropyOptions options,
      int rows,
      int columns);

  /** dlogits of {@link #crossEntropy}, times dloss. */
  void crossEntropyBackward(
      @Writes Buffer dlogits,
      Buffer dloss,
      Buffer total,
      Buffer logProbabilities,
      Buffer targets,
      @Nullable Buffer weights,
      CrossEntropyOptions options,
      int rows,
      int columns);
}
