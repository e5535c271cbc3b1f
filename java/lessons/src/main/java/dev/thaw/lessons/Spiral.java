package dev.thaw.lessons;

import dev.thaw.backend.Philox;

/** Points on three arms of a spiral: a task no straight line can solve. */
final class Spiral {
  static final int CLASSES = 3;

  private Spiral() {}

  /** Coordinates of {@code n} points, two numbers each, and their classes. */
  record Points(float[] xy, long[] label) {}

  static Points points(int n, long seed) {
    Philox noise = new Philox(seed, 0, 0);
    float[] xy = new float[2 * n];
    long[] label = new long[n];
    for (int i = 0; i < n; i++) {
      label[i] = i % CLASSES;
      double t = noise.uniform(2L * i);
      double angle = 4.2 * t + 2 * Math.PI / CLASSES * label[i] + 0.2 * noise.normal(2L * i + 1);
      xy[2 * i] = (float) (t * Math.cos(angle));
      xy[2 * i + 1] = (float) (t * Math.sin(angle));
    }
    return new Points(xy, label);
  }
}
