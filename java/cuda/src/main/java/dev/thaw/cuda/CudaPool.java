package dev.thaw.cuda;

import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.memory.Buffer;
import org.jspecify.annotations.Nullable;

/** Pooling: a thread has 16 bytes of neighbouring channels of one result. */
final class CudaPool implements PoolKernels {
  /** From this size on, warps share out a window: there are few, and one thread would be long. */
  private static final int LARGE_WINDOW = 32;

  /** Neighbours that a thread has in a backward, POOL_PIXELS of kernels/pool.cu: 2 of bfloat16. */
  private static final int PIXELS = 4;

  /** Bytes of a pack of channels. */
  private static final int PACK = 16;

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
    Walk walk = new Walk(y, address(y) | address(where) | address(x), s, s.outH(), s.outW(), 1);
    walk.launch(maxForward, Arguments.empty().pointer(y).pointer(where).pointer(x));
  }

  @Override
  public void maxBackward(Buffer dx, Buffer dy, Buffer where, @Nullable Buffer y, PoolShape s) {
    long addresses = address(dx) | address(dy) | address(where) | address(y);
    Walk walk = new Walk(dx, addresses, s, s.h(), s.w(), PIXELS);
    walk.launch(maxBackward, Arguments.empty().pointer(dx).pointer(dy).pointer(where).pointer(y));
  }

  @Override
  public void averageForward(Buffer y, Buffer x, PoolShape s) {
    Walk walk = new Walk(y, address(y) | address(x), s, s.outH(), s.outW(), 1);
    Arguments arguments = Arguments.empty().pointer(y).pointer(x);
    if (largestWindow(s) >= LARGE_WINDOW) {
      walk.launchBlocks(averageOfMany, arguments);
    } else {
      walk.launch(averageForward, arguments);
    }
  }

  private static long largestWindow(PoolShape s) {
    return s.adaptive()
        ? (long) (s.h() / s.outH() + 1) * (s.w() / s.outW() + 1)
        : (long) s.kh() * s.kw();
  }

  @Override
  public void averageBackward(Buffer dx, Buffer dy, PoolShape s) {
    Walk walk = new Walk(dx, address(dx) | address(dy), s, s.h(), s.w(), PIXELS);
    walk.launch(averageBackward, Arguments.empty().pointer(dx).pointer(dy));
  }

  private static long address(@Nullable Buffer buffer) {
    return buffer == null ? 0 : buffer.address();
  }

  /** What threads share out: units of channels in places of rows of pictures. */
  private final class Walk {
    private final Buffer to;
    private final PoolShape shape;
    private final boolean packed;
    private final int units;
    private final int across;
    private final int down;

    /**
     * @param addresses of all buffers, combined by or
     * @param pixels neighbours that a thread has, {@link #PIXELS} or 1
     */
    Walk(Buffer to, long addresses, PoolShape shape, int rows, int columns, int pixels) {
      this.to = to;
      this.shape = asWindows(shape);
      int bytes = to.dtype().bytes();
      packed = ((long) shape.c() * bytes | addresses) % PACK == 0;
      units = packed ? shape.c() * bytes / PACK : shape.c();
      int own = packed ? Math.min(pixels, bytes) : pixels;
      across = (columns + own - 1) / own;
      down = rows;
    }

    /** A thread each. */
    void launch(Kernels.ByType kernel, Arguments arguments) {
      if (to.elements() > 0) {
        long tasks = (long) shape.n() * down * across * units;
        card.launch(kernel.of(to.dtype()), card.blocksFor(tasks), with(arguments, units));
      }
    }

    /** A block for 32 units each. */
    void launchBlocks(Kernels.ByType kernel, Arguments arguments) {
      if (to.elements() > 0) {
        int parts = (units + 31) / 32;
        long tasks = (long) shape.n() * down * across * parts;
        card.launch(kernel.of(to.dtype()), card.blocksForTasks(tasks), with(arguments, parts));
      }
    }

    /** {@code PoolShape} and {@code PoolWalk} of kernels/pool.cu. */
    private Arguments with(Arguments arguments, int parts) {
      return arguments
          .int32(shape.n())
          .int32(shape.h())
          .int32(shape.w())
          .int32(shape.c())
          .int32(shape.outH())
          .int32(shape.outW())
          .int32(shape.kh())
          .int32(shape.kw())
          .divisor(Math.max(1, shape.strideH()))
          .divisor(Math.max(1, shape.strideW()))
          .int32(shape.padH())
          .int32(shape.padW())
          .flag(shape.countPadding())
          .flag(shape.adaptive())
          .divisor(parts)
          .divisor(across)
          .divisor(down)
          .flag(packed);
    }
  }

  /** Adaptive windows of one size are windows like others, and are found without dividing. */
  private static PoolShape asWindows(PoolShape s) {
    if (!s.adaptive() || s.h() % s.outH() != 0 || s.w() % s.outW() != 0) {
      return s;
    }
    int kh = s.h() / s.outH();
    int kw = s.w() / s.outW();
    return new PoolShape(
        s.n(), s.h(), s.w(), s.c(), s.outH(), s.outW(), kh, kw, kh, kw, 0, 0, false, false);
  }
}
