package dev.thaw.tensor;

import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * Activations in bfloat16 beside weights in float32. The activation decides: an op computes in
 * bfloat16 on a rounded copy of the weight, and its rule writes the weight's gradient in float32,
 * so that nothing of an update is lost where it is added up. There is no mode to be in: a batch
 * {@linkplain Tensor#to(DType) converted} to bfloat16 makes all that follows from it.
 *
 * <p>Everything that is no activation is float32 beside one in bfloat16: scales, shifts and
 * statistics of norms, losses, and what goes into a loss. Of other mixtures no op knows what was
 * meant; they are refused.
 */
final class Mixed {
  private Mixed() {}

  /** Whether {@code w} is a float32 weight for activations in bfloat16 like {@code x}. */
  static boolean mixes(Tensor x, Tensor w) {
    return x.dtype() == DType.BFLOAT16 && w.dtype() == DType.FLOAT32;
  }

  /** Refuses another device, and a dtype that is neither x's nor float32 beside bfloat16. */
  static void checkWeight(String op, Tensor x, Tensor w) {
    if (mixes(x, w)) {
      Arithmetic.checkDevices(op, x, w);
    } else {
      Arithmetic.checkAlike(op, x, w);
    }
  }

  /** Likewise where either operand may be the activation. */
  static void checkOperands(String op, Tensor a, Tensor b) {
    checkWeight(op, mixes(b, a) ? b : a, mixes(b, a) ? a : b);
  }

  /**
   * {@code w} in the dtype that is computed in beside {@code x}: itself, or a copy. The copy has no
   * past: the op's rule for w leads to w itself. A recorded step makes it once a step, and once and
   * for all where w is constant.
   */
  static Tensor weight(Tensor x, Tensor w) {
    return mixes(x, w) ? copy(w, DType.BFLOAT16) : w;
  }

  /** {@link #weight}, or null where there is none. */
  static @Nullable Tensor weightIfPresent(Tensor x, @Nullable Tensor w) {
    return w == null ? null : weight(x, w);
  }

  /** {@code x} in another dtype, without a past; itself where it has that. */
  static Tensor copy(Tensor x, DType dtype) {
    if (x.dtype() == dtype) {
      return x;
    }
    Tensor y = Tensor.empty(x.shape(), dtype, x.home());
    x.backend().index().cast(y.buffer(), x.buffer());
    return y;
  }

  /** Lets go of a copy of {@code w} once the rules that read it hold it. */
  static void release(@Nullable Tensor copy, @Nullable Tensor w) {
    if (copy != null && copy != w) {
      copy.close();
    }
  }

  /** What is no activation beside {@code x}: float32 for bfloat16, else x's dtype. */
  static DType exact(Tensor x) {
    return x.dtype() == DType.BFLOAT16 ? DType.FLOAT32 : x.dtype();
  }

  /** x in float32 if it is bfloat16; dx = dy in bfloat16. */
  static Tensor widened(Tensor x) {
    return Layout.cast(x, exact(x));
  }
}
