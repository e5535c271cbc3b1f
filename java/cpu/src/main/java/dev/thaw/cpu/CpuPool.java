package dev.thaw.cpu;

import dev.thaw.backend.PoolKernels;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import org.jspecify.annotations.Nullable;

/** Pooling, sixteen channels at a time. */
final class CpuPool implements PoolKernels {

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuPool(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void maxForward(Buffer y, @Nullable Buffer where, Buffer x, PoolShape s) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        maxForward(wide.writes(y), where, wide.reads(x), s);
      }
      return;
    }
    Native.thaw_pool_max_forward(
        Address.floats(y),
        where == null ? 0 : Address.typed(where, DType.INT32),
        Address.floats(x),
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.outH(),
        s.outW(),
        s.kh(),
        s.kw(),
        s.strideH(),
        s.strideW(),
        s.padH(),
        s.padW(),
        s.adaptive() ? 1 : 0,
        CpuThreads.forBytes(x.bytes() + y.bytes()));
  }

  @Override
  public void maxBackward(Buffer dx, Buffer dy, Buffer where, @Nullable Buffer y, PoolShape s) {
    if (Wide.isNeeded(dx)) {
      try (Wide wide = new Wide(pool)) {
        maxBackward(wide.writes(dx), wide.reads(dy), where, wide.readsIfAny(y), s);
      }
      return;
    }
    Native.thaw_pool_max_backward(
        Address.floats(dx),
        Address.floats(dy),
        Address.typed(where, DType.INT32),
        Address.floatsOrNull(y),
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.outH(),
        s.outW(),
        s.kh(),
        s.kw(),
        s.strideH(),
        s.strideW(),
        s.padH(),
        s.padW(),
        s.adaptive() ? 1 : 0,
        CpuThreads.forBytes(dx.bytes() + 2 * dy.bytes()));
  }

  @Override
  public void averageForward(Buffer y, Buffer x, PoolShape s) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        averageForward(wide.writes(y), wide.reads(x), s);
      }
      return;
    }
    int threads = CpuThreads.forBytes(x.bytes() + y.bytes());
    if (isGlobal(s)) {
      // The mean of a whole picture is a reduction, which is cut into pieces within a picture too.
      int pixels = s.h() * s.w();
      Native.thaw_reduce(
          Reduction.SUM.ordinal(),
          Address.floats(y),
          Address.floats(x),
          s.n(),
          pixels,
          s.c(),
          1.0 / pixels,
          threads);
      return;
    }
    Native.thaw_pool_average_forward(
        Address.floats(y),
        Address.floats(x),
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.outH(),
        s.outW(),
        s.kh(),
        s.kw(),
        s.strideH(),
        s.strideW(),
        s.padH(),
        s.padW(),
        s.countPadding() ? 1 : 0,
        s.adaptive() ? 1 : 0,
        threads);
  }

  private static boolean isGlobal(PoolShape s) {
    boolean whole = s.kh() == s.h() && s.kw() == s.w() && s.padH() == 0 && s.padW() == 0;
    return s.outH() == 1 && s.outW() == 1 && (s.adaptive() || whole);
  }

  @Override
  public void averageBackward(Buffer dx, Buffer dy, PoolShape s) {
    if (Wide.isNeeded(dx)) {
      try (Wide wide = new Wide(pool)) {
        averageBackward(wide.writes(dx), wide.reads(dy), s);
      }
      return;
    }
    Native.thaw_pool_average_backward(
        Address.floats(dx),
        Address.floats(dy),
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.outH(),
        s.outW(),
        s.kh(),
        s.kw(),
        s.strideH(),
        s.strideW(),
        s.padH(),
        s.padW(),
        s.countPadding() ? 1 : 0,
        s.adaptive() ? 1 : 0,
        CpuThreads.forBytes(dx.bytes() + dy.bytes()));
  }
}
