package dev.thaw.cuda;

/** How many threads share a row (kernels/rows.cuh). */
final class Lanes {
  private static final int WARP = 32;

  private Lanes() {}

  /** The power of two that a row of {@code n} gives work, no more than a warp has. */
  static int of(int n) {
    int lanes = 1;
    while (lanes < n && lanes < WARP) {
      lanes *= 2;
    }
    return lanes;
  }
}
