package dev.thaw.io;

/** IEEE 754 binary16, met in files only: 1 sign, 5 exponent and 10 fraction bits. */
final class Half {
  private Half() {}

  /** The float32 of the same value; every half has one. */
  static float toFloat(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >>> 10) & 0x1F;
    int fraction = half & 0x3FF;
    if (exponent == 0) {
      // Zero, or fraction · 2⁻²⁴ without a leading one: the product is exact and normal in float32.
      float magnitude = fraction * 0x1p-24f;
      return sign == 0 ? magnitude : -magnitude;
    }
    int widened = exponent == 0x1F ? 0xFF : exponent - 15 + 127;
    return Float.intBitsToFloat(sign | (widened << 23) | (fraction << 13));
  }
}
