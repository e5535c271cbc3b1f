package dev.thaw.cpu;

import dev.thaw.backend.StatsKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;

/** Measurements of a buffer, in one pass over it. */
final class CpuStats implements StatsKernels {

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuStats(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void measure(Buffer y, Buffer x) {
    if (Wide.isNeeded(x)) {
      try (Wide wide = new Wide(pool)) {
        measure(y, wide.reads(x));
      }
      return;
    }
    Native.thaw_stats_measure(
        Address.doubles(y), Address.floats(x), x.elements(), CpuThreads.forBytes(x.bytes()));
  }

  @Override
  public void hash(Buffer y, Buffer x) {
    long hash = Native.thaw_stats_hash(x.address(), x.bytes(), CpuThreads.forBytes(x.bytes()));
    CpuStorage.view(Address.typed(y, DType.INT64), Long.BYTES).putLong(0, hash);
  }
}
