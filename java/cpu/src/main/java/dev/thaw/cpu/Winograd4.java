package dev.thaw.cpu;

import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;

/**
 * 3 x 3 convolutions by Winograd's F(4 x 4, 3 x 3): of stride 1 in 2.25 multiplications a result,
 * where {@link Winograd} takes 4, and of stride 2 in 5.1 instead of 9. Where the picture's size is
 * no multiple of 4, some tiles have a row or a column less. Turned weights are 4 times the weights,
 * so these must be constant.
 *
 * <p>Measured for ResNet-50's at batch 8: without strides 0.62 to 0.76 of that one's time on two
 * AVX-512 cores (3.2 ms against 4.7 with 56 x 56 pixels and 64 channels), and 14 x 14 and 7 x 7
 * pixels a seventh faster by tiles of two sizes; with strides 0.71 of oneDNN's direct sums on one
 * core (1.43 ms a picture against 2.01 with 56 x 56 pixels and 128 channels).
 *
 * <p>Rounding errors, of inputs max(0, normal) and against double, are 2 to 2.5 times those of
 * direct float32 sums: relative L2 4e-7 with 64 channels, 1.6e-6 with 512, strided 5e-7 and 1.8e-6,
 * the largest 3e-6 of the largest |y|. The usual points 0, ±1, ±2 would make the largest four to
 * six times as large; {@code native/winograd4_loops.cpp} has better ones. Bits do not depend on the
 * number of threads.
 */
final class Winograd4 implements TurnedWeights {
  /** Below this many tiles the product waits for its weights. */
  private static final int FEWEST_TILES = 8;

  /** The same if strided, where the direct sum it competes with reads a quarter of the weights. */
  private static final int FEWEST_STRIDED_TILES = 16;

  /** With fewer channels the turning of strided inputs costs what the products save. */
  private static final int FEWEST_STRIDED_CHANNELS = 64;

  /** Beyond it a quarter less time for a strided layer is not worth four times its memory. */
  private static final long MOST_STRIDED_BYTES = 8 << 20;

  private final Buffer turned;

  private Winograd4(Buffer turned) {
    this.turned = turned;
  }

  /**
   * Whether it is the faster one with AVX-512: it multiplies no more often than {@link Winograd},
   * or if strided three quarters as often as a direct sum, tiles that reach over the edge included.
   */
  static boolean fits(ConvShape s) {
    long tiles = s.n() * tiles(s.outH(), 4) * tiles(s.outW(), 4);
    if (Winograd.is(s, 1)) {
      long others = 16 * tiles(s.outH(), 2) * tiles(s.outW(), 2);
      return tiles >= FEWEST_TILES && products(s.outH(), 6, 5) * products(s.outW(), 6, 5) <= others;
    }
    long direct = 9L * s.outH() * s.outW();
    return Winograd.is(s, 2)
        && Math.min(s.c(), s.k()) >= FEWEST_STRIDED_CHANNELS
        && tiles >= FEWEST_STRIDED_TILES
        && Float.BYTES * turned(s) <= MOST_STRIDED_BYTES
        && 4 * products(s.outH(), 9, 7) * products(s.outW(), 9, 7) <= 3 * direct;
  }

  /** Numbers of the turned weights. */
  private static long turned(ConvShape s) {
    return 36L * s.c() * s.k();
  }

  private static long tiles(long length, int size) {
    return (length + size - 1) / size;
  }

  /** Products for {@code results} in a line: so many for four of them, fewer for three. */
  private static long products(long results, int ofFour, int ofThree) {
    long tiles = tiles(results, 4);
    long fours = Math.max(0, results - 3 * tiles);
    return fours * ofFour + (tiles - fours) * ofThree;
  }

  /** {@code w}, turned. */
  static Winograd4 of(Pool pool, Buffer w, ConvShape s, int threads) {
    Buffer turned = pool.allocate(DType.FLOAT32, turned(s), Purpose.WORKSPACE);
    NativeConv.thaw_winograd4_weights(
        Address.floats(turned), Address.floats(w), s.c(), s.k(), s.strideH(), threads);
    return new Winograd4(turned);
  }

  @Override
  public void forward(
      long y, long x, long bias, long residual, boolean relu, ConvShape s, int threads) {
    NativeConv.thaw_winograd4_forward(
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
        s.strideH(),
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
