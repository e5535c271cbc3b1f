package dev.thaw.data;

import dev.thaw.tensor.Shape;
import java.util.List;
import java.util.SplittableRandom;

/** Small sets whose pixels are known. */
final class Examples {
  private Examples() {}

  /** {@code n} pictures of noise; the first byte of each holds its number modulo 256. */
  static Dataset noise(int n, int h, int w, int c) {
    byte[] pixels = new byte[n * h * w * c];
    new SplittableRandom(1).nextBytes(pixels);
    int[] labels = new int[n];
    for (int i = 0; i < n; i++) {
      pixels[i * h * w * c] = (byte) i;
      labels[i] = i % 5;
    }
    return ArrayDataset.of(
        "noise", Shape.of(h, w, c), pixels, labels, List.of("a", "b", "c", "d", "e"));
  }
}
