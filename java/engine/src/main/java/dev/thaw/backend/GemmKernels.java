package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Matrix products. */
public interface GemmKernels {
  /**
   * C = op(A) op(B) + bias, then max(0, ·) if {@code relu}; k = 0 gives the bias alone.
   *
   * @param bias n numbers added to every row, or null
   */
  void gemm(
      @Writes Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape shape);
}
