package dev.thaw.cpu;

import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;

/**
 * 3 x 3 convolutions of stride 1 by Winograd's F(2 x 2, 3 x 3) (Lavin and Gray, arXiv 1509.09308):
 * 4 multiplications a result instead of 9, which oneDNN does not offer on these processors. Weights
 * are turned first: in a plan that knows them constant once, else in every call.
 *
 * <p>Measured on normally distributed inputs, rounding errors are 0.4 to 0.7 of oneDNN's direct
 * sums (relative L2 2e-7 with 32 channels, 7e-7 with 512): the sums are shorter. Inputs of very
 * different size in one tile lose more, and an infinity becomes NaN in the results of its tile.
 * Bits do not depend on the number of threads.
 */
final class Winograd implements TurnedWeights {
  /** Channels in a vector. */
  private static final int VECTOR = 16;

  /** With fewer channels the turning of inputs costs what the products save. */
  private static final int FEWEST_CHANNELS = 32;

  /** Below this many tiles a product waits for its weights, which have grown by 16 / 9. */
  private static final int FEWEST_TILES = 24;

  /** Weights that change are turned anew for each call: worth it from this many pixels on. */
  private static final int FEWEST_PIXELS = 512;

  private final Buffer turned;

  private Winograd(Buffer turned) {
    this.turned = turned;
  }

  /** Whether it is a 3 x 3 convolution of this stride with channels enough. */
  static boolean is(ConvShape s, int stride) {
    return s.kh() == 3
        && s.kw() == 3
        && s.strideH() == stride
        && s.strideW() == stride
        && s.dilationH() == 1
        && s.dilationW() == 1
        && s.padH() <= 2
        && s.padW() <= 2
        && s.groups() == 1
        && s.c() % VECTOR == 0
        && s.k() % VECTOR == 0
        && Math.min(s.c(), s.k()) >= FEWEST_CHANNELS;
  }

  /** Whether our loops are the faster ones, with AVX-512's 32 registers of 16 numbers. */
  static boolean fits(ConvShape s) {
    return is(s, 1) && (long) s.n() * ((s.outH() + 1) / 2) * ((s.outW() + 1) / 2) >= FEWEST_TILES;
  }

  /** Whether they are also when the weights must be turned in each call. */
  static boolean fitsChanging(ConvShape s) {
    return fits(s) && (long) s.n() * s.outH() * s.outW() >= FEWEST_PIXELS;
  }

  private static long turnedBytes(ConvShape s) {
    return 16L * s.c() * s.k() * Float.BYTES;
  }

  /** {@code w}, turned. */
  static Winograd of(Pool pool, Buffer w, ConvShape s, int threads) {
    Buffer turned = pool.allocate(DType.FLOAT32, turnedBytes(s) / Float.BYTES, Purpose.WORKSPACE);
    NativeConv.thaw_winograd_weights(
        Address.floats(turned), Address.floats(w), s.c(), s.k(), threads);
    return new Winograd(turned);
  }

  @Override
  public void forward(
      long y, long x, long bias, long residual, boolean relu, ConvShape s, int threads) {
    convolve(y, x, Address.floats(turned), bias, residual, relu, s, threads);
  }

  /**
   * y = x ∗ w + bias + residual, then max(0, ·) if {@code relu}, with weights as they lie;
   * addresses 0 for none.
   */
  static void forward(
      Lane lane,
      long y,
      long x,
      long w,
      long bias,
      long residual,
      boolean relu,
      ConvShape s,
      int threads) {
    long turned = lane.workspace(turnedBytes(s));
    NativeConv.thaw_winograd_weights(turned, w, s.c(), s.k(), threads);
    convolve(y, x, turned, bias, residual, relu, s, threads);
  }

  /** dx: dy convolved with the filters turned by half a circle, inputs and filters exchanged. */
  static void backwardData(Lane lane, long dx, long dy, long w, ConvShape s, int threads) {
    long turned = lane.workspace(turnedBytes(s));
    NativeConv.thaw_winograd_weights_back(turned, w, s.c(), s.k(), threads);
    NativeConv.thaw_winograd_forward(
        dx,
        dy,
        turned,
        0,
        0,
        0,
        s.n(),
        s.outH(),
        s.outW(),
        s.k(),
        s.c(),
        2 - s.padH(),
        2 - s.padW(),
        threads);
  }

  /** dw = Gᵀ (Σ over tiles of (Bᵀ d B) (A dy Aᵀ)) G. */
  static void backwardWeights(Lane lane, long dw, long dy, long x, ConvShape s, int threads) {
    NativeConv.thaw_winograd_gradient(
        dw,
        lane.workspace(turnedBytes(s)),
        dy,
        x,
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.k(),
        s.padH(),
        s.padW(),
        threads);
  }

  private static void convolve(
      long y,
      long x,
      long turned,
      long bias,
      long residual,
      boolean relu,
      ConvShape s,
      int threads) {
    NativeConv.thaw_winograd_forward(
        y,
        x,
        turned,
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
