package dev.thaw.cpu;

import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;

/** Sums and extremes; sums run in double across blocks, so they do not drift with the length. */
final class CpuReduce implements ReduceKernels {

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuReduce(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void reduce(Reduction r, Buffer y, Buffer x, int outer, int n, int inner, double scale) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        reduce(r, wide.writes(y), wide.reads(x), outer, n, inner, scale);
      }
      return;
    }
    Native.thaw_reduce(
        r.ordinal(),
        Address.floats(y),
        Address.floats(x),
        outer,
        n,
        inner,
        scale,
        CpuThreads.forBytes(x.bytes()));
  }

  @Override
  public void argmax(Buffer y, Buffer x, int outer, int n, int inner) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        argmax(y, wide.reads(x), outer, n, inner);
      }
      return;
    }
    Native.thaw_argmax(
        Address.typed(y, DType.INT64),
        Address.floats(x),
        outer,
        n,
        inner,
        CpuThreads.forBytes(x.bytes()));
  }
}
