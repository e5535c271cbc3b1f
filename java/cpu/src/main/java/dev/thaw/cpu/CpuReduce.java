package dev.thaw.cpu;

import dev.thaw.backend.ReduceKernels;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;

/** Sums and extremes; sums run in double across blocks, so they do not drift with the length. */
final class CpuReduce implements ReduceKernels {

  CpuReduce() {}

  @Override
  public void reduce(Reduction r, Buffer y, Buffer x, int outer, int n, int inner, double scale) {
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
    Native.thaw_argmax(
        Address.typed(y, DType.INT64),
        Address.floats(x),
        outer,
        n,
        inner,
        CpuThreads.forBytes(x.bytes()));
  }
}
