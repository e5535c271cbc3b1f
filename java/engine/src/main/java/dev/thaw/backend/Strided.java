package dev.thaw.backend;

import java.util.Arrays;

/**
 * A walk over elements: element (i, j, ..) of {@code dims} lies at offset + i · strides[0] + j ·
 * strides[1] + ... A stride of 0 repeats, a negative one walks backwards.
 *
 * @param offset of the first element
 * @param strides one per dimension, in elements
 */
public record Strided(long offset, int[] strides) {
  @Override
  public boolean equals(Object o) {
    return o instanceof Strided s && offset == s.offset && Arrays.equals(strides, s.strides);
  }

  @Override
  public int hashCode() {
    return 31 * Long.hashCode(offset) + Arrays.hashCode(strides);
  }

  @Override
  public String toString() {
    return offset + "+" + Arrays.toString(strides);
  }
}
