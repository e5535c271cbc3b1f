package dev.thaw.cuda;

import dev.thaw.backend.GemmKernels;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** C = op(A) op(B) + bias, then max(0, ·), by our own {@code kernels/gemm.cu}. */
final class CudaGemm implements GemmKernels {
  /** Rows and columns of the results that a block computes at once: SIDE of kernels/tile.cuh. */
  static final int SIDE = 64;

  private final Card card;
  private final ReduceKernels reduce;
  private final Kernels.ByType gemm;
  private final Kernel toFloat;

  /**
   * Products on {@code card}.
   *
   * @param reduce adds up the gradient of the bias
   */
  CudaGemm(Card card, Kernels kernels, ReduceKernels reduce) {
    this.card = card;
    this.reduce = reduce;
    gemm = kernels.byType("gemm");
    toFloat = kernels.get("gemm_bf16_to_f32");
  }

  @Override
  public void gemm(Buffer c, Buffer a, Buffer b, @Nullable Buffer bias, boolean relu, GemmShape s) {
    if (c.elements() == 0) {
      return;
    }
    boolean wider = c.dtype() == DType.FLOAT32 && a.dtype() == DType.BFLOAT16;
    Arguments arguments =
        Arguments.empty()
            .pointer(c)
            .pointer(a)
            .pointer(b)
            .pointer(bias)
            .int32(s.batch())
            .int32(s.m())
            .int32(s.n())
            .int32(s.k());
    layout(arguments, s.sharedA(), s.transA(), s.m(), s.k());
    layout(arguments, s.sharedB(), !s.transB(), s.n(), s.k());
    card.launch(
        wider ? toFloat : gemm.of(c.dtype()),
        card.blocksForTasks(s.batch() * tiles(s.m()) * tiles(s.n())),
        arguments.flag(relu));
  }

  @Override
  public void backwardWeights(
      Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, int rows, int out, int in) {
    gemm(dw, dy, x, null, false, GemmShape.of(out, in, rows, true, false));
    if (db != null) {
      reduce.reduce(Reduction.SUM, db, dy, 1, rows, out, 1);
    }
  }

  /** Layout of kernels/tile.cuh: an operand of {@code lines} rows, or columns, of k numbers. */
  private static void layout(
      Arguments arguments, boolean shared, boolean depthFirst, int lines, int k) {
    arguments
        .int64(shared ? 0 : (long) lines * k)
        .int64(depthFirst ? 1 : k)
        .int64(depthFirst ? lines : 1);
  }

  /** How often {@link #SIDE} goes into {@code lines}, rounded up. */
  static long tiles(int lines) {
    return ((long) lines + SIDE - 1) / SIDE;
  }
}
