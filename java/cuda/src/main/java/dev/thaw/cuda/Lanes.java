package dev.thaw.cuda;

/** How many threads share a row (kernels/rows.cuh). */
final class Lanes {
  private static final int WARP = 32;

  /**
   * A share that keeps enough of a card's memory on its way, and shares a fold among many bytes.
   */
  private static final int BYTES_EACH = 64;

  /** Lanes that read whole lines of memory between them, 16 bytes each. */
  private static final int LINE = 8;

  private Lanes() {}

  /** The power of two that a row of {@code n} gives work, no more than a warp has. */
  static int of(int n) {
    int lanes = 1;
    while (lanes < n && lanes < WARP) {
      lanes *= 2;
    }
    return lanes;
  }

  /**
   * The same for rows that are gone through in packs of 16 bytes, or else one by one: so many that
   * each has four packs, if the row is long enough.
   *
   * @param addresses of all that is read and written in packs, combined by or
   */
  static int ofRow(int columns, int elementBytes, long addresses) {
    long bytes = (long) columns * elementBytes;
    if (((bytes | addresses) & 15) != 0) {
      return of(columns);
    }
    return of((int) Math.max(Math.min(bytes / 16, LINE), bytes / BYTES_EACH));
  }
}
