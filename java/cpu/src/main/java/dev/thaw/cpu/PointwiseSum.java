package dev.thaw.cpu;

import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;

/**
 * 1 x 1 convolutions that add a residual, the last of each of ResNet-50's blocks: oneDNN waits for
 * what is added and for the lines it writes, ours ({@code native/pointwise_loops.cpp}) fetch both
 * ahead of their use.
 *
 * <p>Measured at batch 8 on an AVX-512 core: 7.6 ms against 8.3 with 14 x 14 pixels and 256 to 1024
 * channels, 7.4 against 8.0 with 7 x 7 and 512 to 2048; sums alone would take 7.1. Without a
 * residual oneDNN's are as fast. Bits do not depend on the number of threads.
 */
final class PointwiseSum implements TurnedWeights {
  private static final int VECTOR = 16;

  /** With fewer there is little to multiply while others are fetched. */
  private static final int FEWEST_CHANNELS = 64;

  /** Of each thread, as each reads all weights. */
  private static final int FEWEST_PIXELS = 96;

  private final Buffer packed;

  private PointwiseSum(Buffer packed) {
    this.packed = packed;
  }

  /** Whether it is the faster one with AVX-512 if a residual is added. */
  static boolean fits(ConvShape s, int threads) {
    return s.kh() == 1
        && s.kw() == 1
        && s.padH() == 0
        && s.padW() == 0
        && s.groups() == 1
        && s.k() % VECTOR == 0
        && Math.min(s.c(), s.k()) >= FEWEST_CHANNELS
        && (long) s.n() * s.outH() * s.outW() >= (long) FEWEST_PIXELS * threads;
  }

  /** {@code w}, packed. */
  static PointwiseSum of(Pool pool, Buffer w, ConvShape s, int threads) {
    Buffer packed = pool.allocate(DType.FLOAT32, (long) s.c() * s.k(), Purpose.WORKSPACE);
    NativeConv.thaw_pointwise_weights(
        Address.floats(packed), Address.floats(w), s.c(), s.k(), threads);
    return new PointwiseSum(packed);
  }

  @Override
  public void forward(
      long y, long x, long bias, long residual, boolean relu, ConvShape s, int threads) {
    NativeConv.thaw_pointwise_forward(
        y,
        x,
        Address.floats(packed),
        bias,
        residual,
        relu ? 1 : 0,
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.k(),
        s.strideH(),
        s.strideW(),
        threads);
  }

  @Override
  public long bytes() {
    return packed.bytes();
  }

  @Override
  public void close() {
    packed.release();
  }
}
