package dev.thaw.cpu;

import dev.thaw.backend.StatsKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;

/** Measurements of a buffer, in one pass over it. */
final class CpuStats implements StatsKernels {

  CpuStats() {}

  @Override
  public void measure(Buffer y, Buffer x) {
    Native.thaw_stats_measure(
        Address.doubles(y), Address.floats(x), x.elements(), CpuThreads.forBytes(x.bytes()));
  }

  @Override
  public void hash(Buffer y, Buffer x) {
    long hash = Native.thaw_stats_hash(x.address(), x.bytes(), CpuThreads.forBytes(x.bytes()));
    CpuStorage.view(Address.typed(y, DType.INT64), Long.BYTES).putLong(0, hash);
  }
}
