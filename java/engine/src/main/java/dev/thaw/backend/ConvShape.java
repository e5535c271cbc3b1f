package dev.thaw.backend;

/**
 * Sizes of a two-dimensional convolution: x [n, h, w, c], weights [k, kh, kw, c / groups], y [n,
 * outH, outW, k].
 */
public record ConvShape(
    int n,
    int h,
    int w,
    int c,
    int k,
    int kh,
    int kw,
    int strideH,
    int strideW,
    int padH,
    int padW,
    int dilationH,
    int dilationW,
    int groups) {
  /** Height of y. */
  public int outH() {
    return (h + 2 * padH - dilationH * (kh - 1) - 1) / strideH + 1;
  }

  /** Width of y. */
  public int outW() {
    return (w + 2 * padW - dilationW * (kw - 1) - 1) / strideW + 1;
  }

  /** The same for {@code pictures} of them. */
  public ConvShape withBatch(int pictures) {
    return new ConvShape(
        pictures, h, w, c, k, kh, kw, strideH, strideW, padH, padW, dilationH, dilationW, groups);
  }
}
