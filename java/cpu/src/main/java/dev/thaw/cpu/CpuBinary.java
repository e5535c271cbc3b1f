package dev.thaw.cpu;

import dev.thaw.backend.Binary;
import dev.thaw.backend.BinaryKernels;
import dev.thaw.backend.Broadcast;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Pool;

/** y = f(a, b): one or two dimensions, as most merged broadcasts have, or any number of them. */
final class CpuBinary implements BinaryKernels {

  private final Pool pool;

  /** Scratch comes from {@code pool}. */
  CpuBinary(Pool pool) {
    this.pool = pool;
  }

  @Override
  public void forward(Binary f, Buffer y, Buffer a, Buffer b, Broadcast shape) {
    if (Wide.isNeeded(y)) {
      try (Wide wide = new Wide(pool)) {
        forward(f, wide.writes(y), wide.reads(a), wide.reads(b), shape);
      }
      return;
    }
    int[] dims = shape.dims();
    int[] as = shape.aStrides();
    int[] bs = shape.bStrides();
    long to = Address.floats(y);
    long x = Address.floats(a);
    long z = Address.floats(b);
    int threads = CpuThreads.forBytes(y.bytes() + a.bytes() + b.bytes());
    switch (dims.length) {
      case 1 ->
          Native.thaw_binary_2d(f.ordinal(), to, x, z, 1, dims[0], 0, as[0], 0, bs[0], threads);
      case 2 ->
          Native.thaw_binary_2d(
              f.ordinal(), to, x, z, dims[0], dims[1], as[0], as[1], bs[0], bs[1], threads);
      default -> {
        int rank = dims.length;
        int[] walk = new int[3 * rank];
        System.arraycopy(dims, 0, walk, 0, rank);
        System.arraycopy(as, 0, walk, rank, rank);
        System.arraycopy(bs, 0, walk, 2 * rank, rank);
        Native.thaw_binary_nd(f.ordinal(), to, x, z, walk, rank, threads);
      }
    }
  }
}
