package dev.thaw.cpu;

import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.ResizeShape;
import dev.thaw.backend.Strided;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.Pool;

/** Copies, casts, gathers and resizing. */
final class CpuIndex implements IndexKernels {
  /** {@code THAW_MAX_RANK} of the native header. */
  private static final int MAX_RANK = 16;

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuIndex(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void copy(Buffer y, Strided to, Buffer x, Strided from, int[] dims) {
    int rank = dims.length;
    Check.that(rank <= MAX_RANK, "copy: %d dimensions, at most %d are served", rank, MAX_RANK);
    Check.that(y.dtype() == x.dtype(), "copy: the types differ, %s and %s", y, x);
    int[] walk = new int[3 * rank];
    System.arraycopy(dims, 0, walk, 0, rank);
    System.arraycopy(to.strides(), 0, walk, rank, rank);
    System.arraycopy(from.strides(), 0, walk, 2 * rank, rank);
    long elements = 1;
    for (int d : dims) {
      elements *= d;
    }
    int size = y.dtype().bytes();
    Native.thaw_copy_strided(
        y.address(),
        x.address(),
        size,
        to.offset(),
        from.offset(),
        walk,
        rank,
        CpuThreads.forBytes(2 * elements * size));
  }

  @Override
  public void fill(Buffer y, double value) {
    Native.thaw_fill(
        y.address(), y.dtype().ordinal(), y.elements(), value, CpuThreads.forBytes(y.bytes()));
  }

  @Override
  public void cast(Buffer y, Buffer x) {
    convert(y, x);
  }

  static void convert(Buffer y, Buffer x) {
    Native.thaw_cast(
        y.address(),
        y.dtype().ordinal(),
        x.address(),
        x.dtype().ordinal(),
        y.elements(),
        CpuThreads.forBytes(x.bytes() + y.bytes()));
  }

  @Override
  public void take(Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner) {
    Check.that(y.dtype() == x.dtype(), "take: the types differ, %s and %s", y, x);
    long bad =
        Native.thaw_take(
            y.address(),
            x.address(),
            x.dtype().bytes(),
            index.address(),
            Address.wide(index),
            outer,
            n,
            count,
            inner,
            CpuThreads.forBytes(2 * y.bytes()));
    checkIndex("take", bad, index, n);
  }

  @Override
  public void takeBackward(
      Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner) {
    if (Wide.isNeeded(dy)) {
      try (Wide wide = new Wide(pool)) {
        takeBackward(wide.writes(dx), wide.reads(dy), index, outer, n, count, inner);
      }
      return;
    }
    long bad =
        Native.thaw_take_backward(
            Address.floats(dx),
            Address.floats(dy),
            index.address(),
            Address.wide(index),
            outer,
            n,
            count,
            inner,
            CpuThreads.forBytes(dx.bytes() + 2 * dy.bytes()));
    checkIndex("take", bad, index, n);
  }

  @Override
  public void gather(Buffer y, Buffer x, Buffer index, int outer, int n, int count, int inner) {
    Check.that(y.dtype() == x.dtype(), "gather: the types differ, %s and %s", y, x);
    long bad =
        Native.thaw_gather(
            y.address(),
            x.address(),
            x.dtype().bytes(),
            index.address(),
            Address.wide(index),
            outer,
            n,
            count,
            inner,
            CpuThreads.forBytes(2 * y.bytes() + index.bytes()));
    checkIndex("gather", bad, index, n);
  }

  @Override
  public void gatherBackward(
      Buffer dx, Buffer dy, Buffer index, int outer, int n, int count, int inner) {
    if (Wide.isNeeded(dy)) {
      try (Wide wide = new Wide(pool)) {
        gatherBackward(wide.writes(dx), wide.reads(dy), index, outer, n, count, inner);
      }
      return;
    }
    long bad =
        Native.thaw_gather_backward(
            Address.floats(dx),
            Address.floats(dy),
            index.address(),
            Address.wide(index),
            outer,
            n,
            count,
            inner,
            CpuThreads.forBytes(dx.bytes() + dy.bytes() + index.bytes()));
    checkIndex("gather", bad, index, n);
  }

  private static void checkIndex(String op, long bad, Buffer index, int n) {
    Check.that(
        bad < 0,
        "%s: index %d at %d is not in [0, %d)",
        op,
        bad < 0 ? 0 : CpuStorage.integer(index, bad),
        bad,
        n);
  }

  @Override
  public void resize(Buffer y, Buffer x, ResizeShape s) {
    if (Wide.isNeeded(y)) {
      try (Wide wide = new Wide(pool)) {
        resize(wide.writes(y), wide.reads(x), s);
      }
      return;
    }
    Native.thaw_resize_forward(
        Address.floats(y),
        Address.floats(x),
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.outH(),
        s.outW(),
        s.bilinear() ? 1 : 0,
        s.alignCorners() ? 1 : 0,
        CpuThreads.forBytes(x.bytes() + y.bytes()));
  }

  @Override
  public void resizeBackward(Buffer dx, Buffer dy, ResizeShape s) {
    if (Wide.isNeeded(dx)) {
      try (Wide wide = new Wide(pool)) {
        resizeBackward(wide.writes(dx), wide.reads(dy), s);
      }
      return;
    }
    Native.thaw_resize_backward(
        Address.floats(dx),
        Address.floats(dy),
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.outH(),
        s.outW(),
        s.bilinear() ? 1 : 0,
        s.alignCorners() ? 1 : 0,
        CpuThreads.forBytes(dx.bytes() + dy.bytes()));
  }
}
