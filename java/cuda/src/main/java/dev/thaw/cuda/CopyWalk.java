package dev.thaw.cuda;

import dev.thaw.backend.Strided;
import java.util.Arrays;

/**
 * A strided copy in its simplest form: dimensions of one are dropped, the others ordered by their
 * step in y, neighbours that both sides walk as one are merged, and a run that lies together on
 * both sides is counted in the largest units that all addresses are multiples of.
 */
final class CopyWalk {
  /** The longest a thread reads or writes at once, in bytes. */
  private static final int LARGEST_UNIT = 16;

  private int unit;
  private int rank;
  private final long to;
  private final long from;
  private final long[] sizes;
  private final long[] toSteps;
  private final long[] fromSteps;

  private CopyWalk(int unit, int rank, long to, long from, long[][] steps) {
    this.unit = unit;
    this.rank = rank;
    this.to = to;
    this.from = from;
    sizes = steps[0];
    toSteps = steps[1];
    fromSteps = steps[2];
  }

  /**
   * A walk of {@code dims} over elements of {@code bytes} bytes.
   *
   * @param y address of y
   * @param x address of x
   */
  static CopyWalk of(int bytes, long y, Strided to, long x, Strided from, int[] dims) {
    long[][] steps = new long[3][dims.length];
    CopyWalk walk =
        new CopyWalk(bytes, 0, y + to.offset() * bytes, x + from.offset() * bytes, steps);
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] != 1) {
        walk.insert(dims[i], to.strides()[i], from.strides()[i]);
      }
    }
    walk.merge();
    walk.widen();
    return walk;
  }

  /** {@code elements} neighbours of {@code bytes} bytes. */
  static CopyWalk run(int bytes, long y, long x, long elements) {
    CopyWalk walk = new CopyWalk(bytes, 1, y, x, new long[][] {{elements}, {1}, {1}});
    walk.widen();
    return walk;
  }

  /** Keeps the dimensions ordered, the longest step in y first. */
  private void insert(long size, long toStep, long fromStep) {
    int at = rank++;
    for (; at > 0 && Math.abs(toSteps[at - 1]) < Math.abs(toStep); at--) {
      put(at, sizes[at - 1], toSteps[at - 1], fromSteps[at - 1]);
    }
    put(at, size, toStep, fromStep);
  }

  private void put(int at, long size, long toStep, long fromStep) {
    sizes[at] = size;
    toSteps[at] = toStep;
    fromSteps[at] = fromStep;
  }

  private void merge() {
    int used = 0;
    for (int i = 0; i < rank; i++) {
      boolean asOne =
          used > 0
              && toSteps[used - 1] == toSteps[i] * sizes[i]
              && fromSteps[used - 1] == fromSteps[i] * sizes[i];
      if (asOne) {
        put(used - 1, sizes[used - 1] * sizes[i], toSteps[i], fromSteps[i]);
      } else {
        put(used++, sizes[i], toSteps[i], fromSteps[i]);
      }
    }
    rank = used;
  }

  /** Elements of a run become units of as many bytes as divide every address of the walk. */
  private void widen() {
    int last = rank - 1;
    if (rank == 0 || toSteps[last] != 1 || fromSteps[last] != 1) {
      return;
    }
    long places = to | from | sizes[last] * unit;
    for (int i = 0; i < last; i++) {
      places |= toSteps[i] * unit | fromSteps[i] * unit;
    }
    int wider = widest(places) / unit;
    if (wider <= 1) {
      return;
    }
    sizes[last] /= wider;
    for (int i = 0; i < last; i++) {
      toSteps[i] /= wider;
      fromSteps[i] /= wider;
    }
    unit *= wider;
  }

  /** The largest unit that {@code bytes}, several numbers combined by or, are multiples of. */
  static int widest(long bytes) {
    return (int) Math.min(LARGEST_UNIT, bytes == 0 ? LARGEST_UNIT : Long.lowestOneBit(bytes));
  }

  /** Units to copy. */
  long count() {
    long n = 1;
    for (int i = 0; i < rank; i++) {
      n *= sizes[i];
    }
    return n;
  }

  /** Bytes of a unit. */
  int unit() {
    return unit;
  }

  /** Dimensions that are left; none where there is one element. */
  int rank() {
    return rank;
  }

  /** Address of the first unit in y. */
  long to() {
    return to;
  }

  /** Address of the first unit in x. */
  long from() {
    return from;
  }

  /** Units along a dimension. */
  long size(int dimension) {
    return sizes[dimension];
  }

  /** From one unit of y to the next along a dimension, in units. */
  long toStep(int dimension) {
    return toSteps[dimension];
  }

  /** From one unit of x to the next along a dimension, in units. */
  long fromStep(int dimension) {
    return fromSteps[dimension];
  }

  /**
   * The dimension that lies together in x where the innermost one, which lies together in y, does
   * not: with it a matrix is transposed. -1 where there is none, or too small a one.
   */
  int across(int least) {
    int last = rank - 1;
    if (rank < 2 || toSteps[last] != 1 || fromSteps[last] == 1 || sizes[last] < least) {
      return -1;
    }
    for (int i = 0; i < last; i++) {
      if (fromSteps[i] == 1 && sizes[i] >= least) {
        return i;
      }
    }
    return -1;
  }

  /**
   * Whether a matrix that {@link #across} found can be read along one side and written along the
   * other in units of 16 bytes: its sides, and the steps to others, are multiples of them.
   */
  boolean turnsInPacks(int across) {
    int last = rank - 1;
    long places = to | from | (sizes[across] | sizes[last]) * unit;
    for (int i = 0; i < rank; i++) {
      places |= (i == last ? 0 : toSteps[i] * unit) | (i == across ? 0 : fromSteps[i] * unit);
    }
    return widest(places) == LARGEST_UNIT;
  }

  /** The part of the walk whose outermost places are {@code first} and on. */
  CopyWalk part(long first, long count) {
    int skip = count == 1 && rank > 1 ? 1 : 0;
    long[][] steps = {tail(sizes, skip), tail(toSteps, skip), tail(fromSteps, skip)};
    if (skip == 0) {
      steps[0][0] = count;
    }
    return new CopyWalk(
        unit,
        rank - skip,
        to + first * toSteps[0] * unit,
        from + first * fromSteps[0] * unit,
        steps);
  }

  private long[] tail(long[] steps, int skip) {
    return Arrays.copyOfRange(steps, skip, rank);
  }
}
