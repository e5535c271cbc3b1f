package dev.thaw.cuda;

import dev.thaw.backend.GemmShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * All that cuBLASLt chooses an algorithm by; the same product is computed by the same algorithm,
 * and so to the same bits, in every call.
 *
 * @param shape sizes and arrangement
 * @param operands type of A and B
 * @param result type of C and of the bias
 * @param bias what is done with one
 * @param relu whether max(0, ·) ends it
 * @param tf32 whether float32 operands may be cut to 10 bits of fraction
 * @param alignA of A's address, see {@link #alignment}
 * @param alignB of B's
 * @param alignC of C's
 */
record LtProduct(
    GemmShape shape,
    DType operands,
    DType result,
    Bias bias,
    boolean relu,
    boolean tf32,
    int alignA,
    int alignB,
    int alignC) {
  /** What a product has to do with a bias. */
  enum Bias {
    NONE,
    /** One number for each column of C is added to it. */
    ADDED,
    /** One number for each row of op(A), the sum of that row, is written: of dyᵀ, the gradient. */
    GRADIENT
  }

  /**
   * What kernels make use of: the widest access of a thread, and what the card copies by itself.
   */
  static final int ALIGNED = 16;

  /**
   * The product of these buffers.
   *
   * @param use what is done with {@code bias}, NONE where it is null
   */
  static LtProduct of(
      Buffer c,
      Buffer a,
      Buffer b,
      Bias use,
      @Nullable Buffer bias,
      boolean relu,
      GemmShape shape,
      boolean tf32) {
    if (a.dtype() != b.dtype() || (bias != null && bias.dtype() != c.dtype())) {
      throw new UnsupportedOperationException(
          "cuda: a product of "
              + a.dtype()
              + " and "
              + b.dtype()
              + (bias == null ? "" : ", a bias of " + bias.dtype())
              + " and a result of "
              + c.dtype()
              + "; both operands are of one type, and the bias is of the result's");
    }
    return new LtProduct(
        simplest(shape),
        a.dtype(),
        c.dtype(),
        use,
        relu,
        tf32 && a.dtype() == DType.FLOAT32,
        alignment(a.address()),
        alignment(b.address()),
        alignment(c.address()));
  }

  /** The largest power of two up to {@link #ALIGNED} that divides {@code address}. */
  static int alignment(long address) {
    return (int) Long.lowestOneBit(address | ALIGNED);
  }

  /** Where B serves all, the rows of all A are one tall matrix. */
  private static GemmShape simplest(GemmShape s) {
    long rows = (long) s.batch() * s.m();
    return s.batch() > 1 && s.sharedB() && !s.sharedA() && !s.transA() && rows <= Integer.MAX_VALUE
        ? GemmShape.of((int) rows, s.n(), s.k(), false, s.transB())
        : s;
  }
}
