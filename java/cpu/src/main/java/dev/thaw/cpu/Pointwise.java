package dev.thaw.cpu;

import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmShape;

/**
 * A 1 x 1 convolution of stride 1 is a matrix product: pixels [n · h · w, c] with weights [k, c] as
 * they lie, without packing.
 *
 * <p>Measured for ResNet-50's, one AVX-512 core: the weights' gradient as a product takes 0.6 to 1
 * of the convolution's time; forward and dx take 0.5 to 0.95 where the weights fill 256 KiB or more
 * (packing them is what is saved) and 1.0 to 1.05 where they are smaller.
 */
final class Pointwise {
  private static final long LARGE = 1 << 16;

  private Pointwise() {}

  /** Whether {@code s} is a matrix product. */
  static boolean is(ConvShape s) {
    return s.kh() == 1
        && s.kw() == 1
        && s.strideH() == 1
        && s.strideW() == 1
        && s.padH() == 0
        && s.padW() == 0
        && s.groups() == 1
        && (long) s.n() * s.h() * s.w() <= Integer.MAX_VALUE;
  }

  /** Whether {@code s} is a matrix product whose weights are worth not packing. */
  static boolean hasLargeWeights(ConvShape s) {
    return is(s) && (long) s.c() * s.k() >= LARGE;
  }

  /** y = x wᵀ. */
  static GemmShape forward(ConvShape s) {
    return GemmShape.of(pixels(s), s.k(), s.c(), false, true);
  }

  /** dx = dy w. */
  static GemmShape backwardData(ConvShape s) {
    return GemmShape.of(pixels(s), s.c(), s.k(), false, false);
  }

  /** dw = dyᵀ x. */
  static GemmShape backwardWeights(ConvShape s) {
    return GemmShape.of(s.k(), s.c(), pixels(s), true, false);
  }

  private static int pixels(ConvShape s) {
    return s.n() * s.h() * s.w();
  }
}
