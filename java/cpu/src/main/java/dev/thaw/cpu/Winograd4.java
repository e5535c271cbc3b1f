package dev.thaw.cpu;

import dev.thaw.backend.ConstantWeights;
import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;

/**
 * 3 x 3 convolutions of stride 1 by Winograd's F(4 x 4, 3 x 3): 2.25 multiplications a result where
 * {@link Winograd} takes 4. Turned weights are 4 times the weights, so these must be constant.
 *
 * <p>Measured for ResNet-50's at batch 8, two AVX-512 cores: 0.62 to 0.76 of that one's time (3.2
 * ms against 4.7 with 56 x 56 pixels and 64 channels, 3.5 against 5.6 with 7 x 7 and 512). Rounding
 * errors, of inputs max(0, normal) and against double, are twice those of direct float32 sums:
 * relative L2 6e-7 with 64 channels, 1.7e-6 with 512, the largest 1.3e-6 and 3e-6 of the largest
 * |y|. The usual points 0, ±1, ±2 would make the largest four to six times as large; {@code
 * native/winograd4_loops.cpp} has better ones. Bits do not depend on the number of threads.
 */
final class Winograd4 implements ConstantWeights {
  /** Below this many tiles the product waits for its weights. */
  private static final int FEWEST_TILES = 8;

  private final Buffer turned;

  private Winograd4(Buffer turned) {
    this.turned = turned;
  }

  /**
   * Whether it is the faster one with AVX-512: it multiplies no more often than {@link Winograd},
   * tiles that reach over the edge included.
   */
  static boolean fits(ConvShape s) {
    long tiles = tiles(s.outH(), 4) * tiles(s.outW(), 4);
    return Winograd.is(s)
        && s.n() * tiles >= FEWEST_TILES
        && 36 * tiles <= 16 * tiles(s.outH(), 2) * tiles(s.outW(), 2);
  }

  private static long tiles(long length, int size) {
    return (length + size - 1) / size;
  }

  /** {@code w}, turned. */
  static Winograd4 of(Pool pool, Buffer w, ConvShape s, int threads) {
    Buffer turned = pool.allocate(DType.FLOAT32, 36L * s.c() * s.k(), Purpose.WORKSPACE);
    Native.thaw_winograd4_weights(Address.floats(turned), Address.floats(w), s.c(), s.k(), threads);
    return new Winograd4(turned);
  }

  /** y = x ∗ w + bias + residual, then max(0, ·) if {@code relu}; addresses 0 for none. */
  void forward(long y, long x, long bias, long residual, boolean relu, ConvShape s, int threads) {
    Native.thaw_winograd4_forward(
        y,
        x,
        Address.floats(turned),
        bias,
        residual,
        relu ? 1 : 0,
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.k(),
        s.padH(),
        s.padW(),
        threads);
  }

  @Override
  public long bytes() {
    return turned.bytes();
  }

  @Override
  public void close() {
    turned.release();
  }
}
