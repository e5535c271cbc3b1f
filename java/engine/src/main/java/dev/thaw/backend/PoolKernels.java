package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Pooling of pictures. */
public interface PoolKernels {
  /**
   * y = the largest of each window, the first in row-major order where several are; NaN if any is.
   *
   * @param where INT32, shaped like y: the winner's row · w + column in its picture; null when no
   *     backward will follow
   */
  void maxForward(@Writes Buffer y, @Writes @Nullable Buffer where, Buffer x, PoolShape shape);

  /**
   * dx = dy at the winners, 0 elsewhere; where windows overlap, gradients add up.
   *
   * @param y what forward returned, where a ReLU came before it whose backward is to be done too:
   *     only winners above 0 pass their gradient on. Else null
   */
  void maxBackward(@Writes Buffer dx, Buffer dy, Buffer where, @Nullable Buffer y, PoolShape shape);

  /** y = the mean of each window. */
  void averageForward(@Writes Buffer y, Buffer x, PoolShape shape);

  /** dx = dy / count spread over each window. */
  void averageBackward(@Writes Buffer dx, Buffer dy, PoolShape shape);
}
