package dev.thaw.cuda;

import dev.thaw.backend.ConvKernels;
import dev.thaw.backend.ConvShape;
import dev.thaw.backend.NormKernels;
import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** Convolution by our own {@code kernels/conv.cu}. */
final class CudaConv implements ConvKernels {
  /** Blocks that backwardWeights wants at work, and the fewest pixels that are worth one. */
  private static final int WANTED_TASKS = 1024;

  private static final int SMALLEST_PART = 128;

  /** Pixels that conv_weights adds up in one turn: DEPTH of kernels/tile.cuh. */
  private static final int DEPTH = 16;

  private final Card card;
  private final Workspace workspace;
  private final ReduceKernels reduce;
  private final NormKernels norm;
  private final Kernels.ByType forward;
  private final Kernels.ByType data;
  private final Kernels.ByType weights;
  private final Kernels.ByType addParts;

  /**
   * Convolution on {@code card}.
   *
   * @param reduce adds up the gradient of the bias
   * @param norm has the statistics
   */
  CudaConv(
      Card card, Kernels kernels, Workspace workspace, ReduceKernels reduce, NormKernels norm) {
    this.card = card;
    this.workspace = workspace;
    this.reduce = reduce;
    this.norm = norm;
    forward = kernels.byType("conv_forward");
    data = kernels.byType("conv_data");
    weights = kernels.byType("conv_weights");
    addParts = kernels.byType("conv_add_parts");
  }

  @Override
  public void forward(
      Buffer y,
      Buffer x,
      Buffer w,
      @Nullable Buffer bias,
      @Nullable Buffer residual,
      boolean relu,
      ConvShape s) {
    if (y.elements() == 0) {
      return;
    }
    Arguments arguments =
        Arguments.empty().pointer(y).pointer(x).pointer(w).pointer(bias).pointer(residual);
    card.launch(forward.of(y.dtype()), blocks(pixels(s), s.k(), s), shape(arguments, s).flag(relu));
  }

  @Override
  public void forwardWithStatistics(
      Buffer y, Buffer mean, Buffer variance, Buffer x, Buffer w, ConvShape s) {
    forward(y, x, w, null, null, false, s);
    norm.statistics(mean, variance, y, pixels(s), s.k());
  }

  @Override
  public void backwardData(Buffer dx, Buffer dy, Buffer w, @Nullable Buffer residual, ConvShape s) {
    if (dx.elements() == 0) {
      return;
    }
    Arguments arguments = Arguments.empty().pointer(dx).pointer(dy).pointer(w).pointer(residual);
    card.launch(
        data.of(dx.dtype()),
        blocks(count((long) s.n() * s.h() * s.w()), s.c(), s),
        shape(arguments, s));
  }

  @Override
  public boolean addsGradients() {
    return true;
  }

  /**
   * The number of parts follows from the sizes alone, so that every card adds in the same order.
   */
  @Override
  public void backwardWeights(Buffer dw, @Nullable Buffer db, Buffer dy, Buffer x, ConvShape s) {
    int pixels = pixels(s);
    if (db != null) {
      reduce.reduce(Reduction.SUM, db, dy, 1, pixels, s.k(), 1);
    }
    int window = s.kh() * s.kw() * (s.c() / s.groups());
    long tiles = s.groups() * CudaGemm.tiles(s.k() / s.groups()) * CudaGemm.tiles(window);
    long wanted = Math.min((WANTED_TASKS + tiles - 1) / tiles, pixels / SMALLEST_PART);
    int each = (int) (pixels / Math.max(1, wanted) / DEPTH + 1) * DEPTH;
    int parts = Math.max(1, (int) (((long) pixels + each - 1) / each));
    if (parts == 1 && dw.dtype() == DType.FLOAT32) {
      sum(dw.address(), dy, x, parts, each, tiles, s);
      return;
    }
    long sums = workspace.take(parts * dw.elements() * Float.BYTES);
    try {
      sum(sums, dy, x, parts, each, tiles, s);
      card.launch(
          addParts.of(dw.dtype()),
          card.blocksFor(dw.elements()),
          Arguments.empty().pointer(dw).address(sums).int32(parts).int64(dw.elements()));
    } finally {
      workspace.give();
    }
  }

  private void sum(long sums, Buffer dy, Buffer x, int parts, int each, long tiles, ConvShape s) {
    card.launch(
        weights.of(dy.dtype()),
        card.blocksForTasks(parts * tiles),
        shape(Arguments.empty().address(sums).pointer(dy).pointer(x), s).int32(parts).int32(each));
  }

  /** Of a product with {@code rows} rows, and {@code channels} columns over all groups. */
  private int blocks(int rows, int channels, ConvShape s) {
    return card.blocksForTasks(
        s.groups() * CudaGemm.tiles(rows) * CudaGemm.tiles(channels / s.groups()));
  }

  private static int pixels(ConvShape s) {
    return count((long) s.n() * s.outH() * s.outW());
  }

  /** The kernels number pixels by {@code int}. */
  private static int count(long pixels) {
    Check.that(
        pixels <= Integer.MAX_VALUE - CudaGemm.SIDE,
        "cuda: conv2d over %d pixels, at most 2^31; use smaller batches",
        pixels);
    return (int) pixels;
  }

  /** Conv of kernels/conv.cu. */
  private static Arguments shape(Arguments arguments, ConvShape s) {
    return arguments
        .int32(s.n())
        .int32(s.h())
        .int32(s.w())
        .int32(s.c())
        .int32(s.k())
        .int32(s.kh())
        .int32(s.kw())
        .int32(s.strideH())
        .int32(s.strideW())
        .int32(s.padH())
        .int32(s.padW())
        .int32(s.dilationH())
        .int32(s.dilationW())
        .int32(s.groups())
        .int32(s.outH())
        .int32(s.outW());
  }
}
