package dev.thaw.bench.kernels;

/**
 * How the later versions of batch norm cut the rows of [rows, channels] into pieces, so that there
 * are blocks enough: a block has 32 lanes side by side and eight rows at a time.
 *
 * @param wide whether a lane has four channels, not one
 * @param across blocks side by side
 * @param count pieces below each other
 * @param length rows of a piece, but the last
 */
record Pieces(boolean wide, int across, int count, int length) {
  /** Blocks that are wanted: what fills the largest cards. */
  private static final int BLOCKS = 1024;

  /** The least rows of a piece: eight for each of the eight that are read at a time. */
  private static final int LEAST = 64;

  /** More of them than there can be. */
  static int most(int rows) {
    return Subject.over(rows, LEAST);
  }

  /** Of lanes that have four channels each, if these can be had. */
  static Pieces of(int rows, int channels, boolean four) {
    boolean wide = four && channels % 4 == 0;
    int across = Subject.over(channels, wide ? 128 : 32);
    int wanted = Math.max(1, BLOCKS / across);
    int length = Math.max(LEAST, Subject.over(rows, wanted));
    return new Pieces(wide, across, Subject.over(rows, length), length);
  }

  int blocks() {
    return Math.multiplyExact(across, count);
  }

  /** The name of the kernel for these lanes. */
  String named(String kernel) {
    return wide ? kernel : kernel + "_odd";
  }
}
