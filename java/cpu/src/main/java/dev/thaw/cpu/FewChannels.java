package dev.thaw.cpu;

import dev.thaw.backend.ConvShape;

/**
 * The convolution of grey pictures: each sum has so few terms that oneDNN's kernels, made for many
 * channels, idle. Ours ({@code native/stem_loops.cpp}) hold several pixels' sums in registers.
 */
final class FewChannels {
  /** The most weights of a filter. */
  private static final int TAPS = 9;

  private FewChannels() {}

  /** Whether our loops are the faster ones, with AVX-512's 32 registers of 16 numbers. */
  static boolean fits(ConvShape s) {
    return s.groups() == 1 && (long) s.kh() * s.kw() * s.c() <= TAPS && s.c() < s.k();
  }

  /** y = x ∗ w + bias, then max(0, ·) if {@code relu}; {@code bias} 0 for none. */
  static void forward(long y, long x, long w, long bias, boolean relu, ConvShape s, int threads) {
    NativeConv.thaw_stem_forward(
        y,
        x,
        w,
        bias,
        relu ? 1 : 0,
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.k(),
        s.kh(),
        s.kw(),
        s.strideH(),
        s.strideW(),
        s.padH(),
        s.padW(),
        s.dilationH(),
        s.dilationW(),
        threads);
  }

  /** dw, and db unless its address is 0. */
  static void backwardWeights(long dw, long db, long dy, long x, ConvShape s, int threads) {
    NativeConv.thaw_stem_backward(
        dw,
        db,
        dy,
        x,
        s.n(),
        s.h(),
        s.w(),
        s.c(),
        s.k(),
        s.kh(),
        s.kw(),
        s.strideH(),
        s.strideW(),
        s.padH(),
        s.padW(),
        s.dilationH(),
        s.dilationW(),
        threads);
  }
}
