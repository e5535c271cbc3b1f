package dev.thaw.backend;

import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Random numbers on the device, {@link Philox} everywhere. */
public interface RandomKernels {
  /** y = uniforms in [0, 1) of (seed, stream, call); in bfloat16 rounded, and at most 1 − 2⁻⁸. */
  void uniform(@Writes Buffer y, long seed, int stream, int call);

  /**
   * y[i] = x[i] / (1 − p) where the uniform of element i is at least p (compared in double), else
   * 0. Forward and backward alike: dx = dropout(dy) with the same numbers, so no mask is kept.
   *
   * @param state {@link StepState}, whose CALL_BASE is added to {@code call}; null adds nothing
   */
  void dropout(
      @Writes Buffer y,
      Buffer x,
      @Nullable Buffer state,
      double p,
      long seed,
      int stream,
      int call);
}
