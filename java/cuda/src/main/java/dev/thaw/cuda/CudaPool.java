package dev.thaw.cuda;

import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Pooling: a thread has 16 bytes of neighbouring channels of one result. */
final class CudaPool implements PoolKernels {
  /** From this size on, warps share out a window: there are few, and one thread would be long. */
  private static final int LARGE_WINDOW = 32;

  private final Card card;
  private final Kernels.ByType maxForward;
  private final Kernels.ByType maxBackward;
  private final Kernels.ByType averageForward;
  private final Kernels.ByType averageOfMany;
  private final Kernels.ByType averageBackward;

  CudaPool(Card card, Kernels kernels) {
    this.card = card;
    maxForward = kernels.byType("pool_max_forward");
    maxBackward = kernels.byType("pool_max_backward");
    averageForward = kernels.byType("pool_average_forward");
    averageOfMany = kernels.byType("pool_average_of_many");
    averageBackward = kernels.byType("pool_average_backward");
  }

  @Override
  public void maxForward(Buffer y, @Nullable Buffer where, Buffer x, PoolShape s) {
    launch(maxForward, y, Arguments.empty().pointer(y).pointer(where).pointer(x), s);
  }

  @Override
  public void maxBackward(Buffer dx, Buffer dy, Buffer where, @Nullable Buffer y, PoolShape s) {
    launch(maxBackward, dx, Arguments.empty().pointer(dx).pointer(dy).pointer(where).pointer(y), s);
  }

  @Override
  public void averageForward(Buffer y, Buffer x, PoolShape s) {
    Arguments arguments = Arguments.empty().pointer(y).pointer(x);
    if (y.elements() > 0 && largestWindow(s) >= LARGE_WINDOW) {
      // A block has a pixel and 32 packs of its channels; where channels are no packs, it has
      // several such.
      long packs = (s.c() * (long) y.dtype().bytes() + 15) / 16;
      long tasks = (long) s.n() * s.outH() * s.outW() * ((packs + 31) / 32);
      card.launch(averageOfMany.of(y.dtype()), card.blocksForTasks(tasks), withShape(arguments, s));
    } else {
      launch(averageForward, y, arguments, s);
    }
  }

  private static long largestWindow(PoolShape s) {
    return s.adaptive()
        ? (long) (s.h() / s.outH() + 1) * (s.w() / s.outW() + 1)
        : (long) s.kh() * s.kw();
  }

  @Override
  public void averageBackward(Buffer dx, Buffer dy, PoolShape s) {
    launch(averageBackward, dx, Arguments.empty().pointer(dx).pointer(dy), s);
  }

  private void launch(Kernels.ByType kernel, Buffer y, Arguments arguments, PoolShape s) {
    if (y.elements() > 0) {
      card.launch(
          kernel.of(y.dtype()), card.blocksFor(CudaUnary.packs(y)), withShape(arguments, s));
    }
  }

  /** {@code PoolShape} of kernels/pool.cu. */
  private static Arguments withShape(Arguments arguments, PoolShape s) {
    return arguments
        .int32(s.n())
        .int32(s.h())
        .int32(s.w())
        .int32(s.c())
        .int32(s.outH())
        .int32(s.outW())
        .int32(s.kh())
        .int32(s.kw())
        .int32(s.strideH())
        .int32(s.strideW())
        .int32(s.padH())
        .int32(s.padW())
        .flag(s.countPadding())
        .flag(s.adaptive());
  }
}
