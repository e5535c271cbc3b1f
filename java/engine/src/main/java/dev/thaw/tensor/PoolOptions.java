package dev.thaw.tensor;

import dev.thaw.memory.Check;

/**
 * How a pooling walks.
 *
 * @param kernelH rows of a window; kernelW its columns
 * @param strideH rows from one window to the next; strideW likewise for columns
 * @param paddingH rows added above and below, at most half of a window; paddingW likewise
 * @param countPadding whether an average counts the padding (PyTorch's count_include_pad)
 */
public record PoolOptions(
    int kernelH,
    int kernelW,
    int strideH,
    int strideW,
    int paddingH,
    int paddingW,
    boolean countPadding) {
  /** Checks the ranges. */
  public PoolOptions {
    Check.that(kernelH > 0 && kernelW > 0, "pool: window %d x %d", kernelH, kernelW);
    Check.that(strideH > 0 && strideW > 0, "pool: stride %d x %d", strideH, strideW);
    Check.that(
        paddingH >= 0 && paddingW >= 0 && 2 * paddingH <= kernelH && 2 * paddingW <= kernelW,
        "pool: padding %d x %d is more than half of a %d x %d window",
        paddingH,
        paddingW,
        kernelH,
        kernelW);
  }

  /** Square windows side by side, no padding. */
  public static PoolOptions of(int kernel) {
    return of(kernel, kernel, 0);
  }

  /** Square windows; padding counts in averages. */
  public static PoolOptions of(int kernel, int stride, int padding) {
    return new PoolOptions(kernel, kernel, stride, stride, padding, padding, true);
  }
}
