package dev.thaw.tensor;

import dev.thaw.memory.Check;

/**
 * How a convolution walks.
 *
 * @param strideH rows from one output row to the next; strideW likewise for columns
 * @param paddingH rows of zeros above and below; paddingW columns left and right
 * @param dilationH rows from one tap to the next; dilationW likewise
 * @param groups parts into which channels are divided, each with its own weights
 */
public record Conv2dOptions(
    int strideH,
    int strideW,
    int paddingH,
    int paddingW,
    int dilationH,
    int dilationW,
    int groups) {
  /** Stride 1, no padding, no dilation, one group. */
  public static final Conv2dOptions DEFAULT = new Conv2dOptions(1, 1, 0, 0, 1, 1, 1);

  /** Checks the ranges. */
  public Conv2dOptions {
    Check.that(strideH > 0 && strideW > 0, "conv2d: stride %d x %d", strideH, strideW);
    Check.that(paddingH >= 0 && paddingW >= 0, "conv2d: padding %d x %d", paddingH, paddingW);
    Check.that(dilationH > 0 && dilationW > 0, "conv2d: dilation %d x %d", dilationH, dilationW);
    Check.that(groups > 0, "conv2d: %d groups", groups);
  }

  /** The same with this stride both ways. */
  public Conv2dOptions stride(int stride) {
    return new Conv2dOptions(stride, stride, paddingH, paddingW, dilationH, dilationW, groups);
  }

  /** The same with this padding on all sides. */
  public Conv2dOptions padding(int padding) {
    return new Conv2dOptions(strideH, strideW, padding, padding, dilationH, dilationW, groups);
  }

  /** The same with this dilation both ways. */
  public Conv2dOptions dilation(int dilation) {
    return new Conv2dOptions(strideH, strideW, paddingH, paddingW, dilation, dilation, groups);
  }

  /** The same in this many groups. */
  public Conv2dOptions groups(int count) {
    return new Conv2dOptions(strideH, strideW, paddingH, paddingW, dilationH, dilationW, count);
  }
}
