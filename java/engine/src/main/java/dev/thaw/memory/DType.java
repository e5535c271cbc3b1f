package dev.thaw.memory;

import java.util.Locale;

/** The type of an element, as it lies in memory and in files (little endian). */
public enum DType {
  /** IEEE 754 binary32: what weights are kept in, and what models compute in by default. */
  FLOAT32(4, true),
  /** IEEE 754 binary64: gradient checks on the plain backend. */
  FLOAT64(8, true),
  /** The upper half of a float32: activations, and the copies of weights that meet them. */
  BFLOAT16(2, true),
  /** Indices and positions. */
  INT32(4, false),
  /** Class labels, as PyTorch stores them. */
  INT64(8, false),
  /** Pictures before normalisation; positions inside a pooling window. */
  UINT8(1, false);

  private final int bytes;
  private final boolean floating;

  DType(int bytes, boolean floating) {
    this.bytes = bytes;
    this.floating = floating;
  }

  /** Size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** Whether values of this type can carry a gradient. */
  public boolean isFloating() {
    return floating;
  }

  /** The lower-case name, {@code float32}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
