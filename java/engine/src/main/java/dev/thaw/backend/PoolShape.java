package dev.thaw.backend;

/**
 * Sizes of a pooling of x [n, h, w, c] to y [n, outH, outW, c].
 *
 * <p>Output row i sees input rows {@link #rowStart} to {@link #rowEnd}: a window of kh rows every
 * strideH, or, where {@code adaptive}, rows ⌊i·h / outH⌋ to ⌈(i + 1)·h / outH⌉. Columns likewise.
 *
 * @param countPadding whether an average divides by kh · kw also where the window leaves the
 *     picture
 */
public record PoolShape(
    int n,
    int h,
    int w,
    int c,
    int outH,
    int outW,
    int kh,
    int kw,
    int strideH,
    int strideW,
    int padH,
    int padW,
    boolean countPadding,
    boolean adaptive) {
  /** First input row of output row i, inside the picture. */
  public int rowStart(int i) {
    return adaptive ? (int) ((long) i * h / outH) : Math.max(0, i * strideH - padH);
  }

  /** One past the last input row of output row i. */
  public int rowEnd(int i) {
    return adaptive
        ? (int) (((long) (i + 1) * h + outH - 1) / outH)
        : Math.min(h, i * strideH - padH + kh);
  }

  /** First input column of output column j, inside the picture. */
  public int columnStart(int j) {
    return adaptive ? (int) ((long) j * w / outW) : Math.max(0, j * strideW - padW);
  }

  /** One past the last input column of output column j. */
  public int columnEnd(int j) {
    return adaptive
        ? (int) (((long) (j + 1) * w + outW - 1) / outW)
        : Math.min(w, j * strideW - padW + kw);
  }

  /** What the average at (i, j) divides by. */
  public int count(int i, int j) {
    return countPadding && !adaptive
        ? (Math.min(h + padH, i * strideH - padH + kh) - (i * strideH - padH))
            * (Math.min(w + padW, j * strideW - padW + kw) - (j * strideW - padW))
        : (rowEnd(i) - rowStart(i)) * (columnEnd(j) - columnStart(j));
  }

  /** The same for {@code pictures} of them. */
  public PoolShape withBatch(int pictures) {
    return new PoolShape(
        pictures,
        h,
        w,
        c,
        outH,
        outW,
        kh,
        kw,
        strideH,
        strideW,
        padH,
        padW,
        countPadding,
        adaptive);
  }
}
