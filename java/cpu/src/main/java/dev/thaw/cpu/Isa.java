package dev.thaw.cpu;

import java.util.Locale;

/**
 * Instruction sets that our loops are compiled for, the lowest first; the order is that of {@code
 * native/isa.h}. All give the same bits, but for our own convolutions, which are chosen for AVX-512
 * alone and round their sums in a step of its own.
 */
enum Isa {
  /** x86-64-v2: SSE4.2. */
  GENERIC,
  /** AVX2. */
  AVX2,
  /** AVX-512 F, BW, VL, DQ. */
  AVX512;

  /** The one in use. */
  static Isa current() {
    return values()[Native.thaw_isa()];
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
