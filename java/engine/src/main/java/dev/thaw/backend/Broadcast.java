package dev.thaw.backend;

import dev.thaw.memory.Check;
import java.util.Arrays;

/**
 * How two dense operands are read to fill a dense result: sizes of the result, outermost first, and
 * each operand's step per dimension, 0 where it is repeated. Neighbouring dimensions that both
 * operands walk alike are merged, so most calls have one or two.
 *
 * @param dims sizes of the result
 * @param aStrides steps of a in elements
 * @param bStrides steps of b in elements
 */
public record Broadcast(int[] dims, int[] aStrides, int[] bStrides) {

  /**
   * The broadcast of two shapes, aligned at the innermost dimension; a size of 1 is repeated.
   *
   * @throws IllegalArgumentException when two sizes differ and neither is 1
   */
  public static Broadcast of(String op, int[] a, int[] b) {
    int rank = Math.max(a.length, b.length);
    int[] dims = new int[rank];
    int[] as = new int[rank];
    int[] bs = new int[rank];
    int aStep = 1;
    int bStep = 1;
    for (int i = 1; i <= rank; i++) {
      int da = i <= a.length ? a[a.length - i] : 1;
      int db = i <= b.length ? b[b.length - i] : 1;
      Check.that(
          da == db || da == 1 || db == 1,
          "%s: shapes do not broadcast, %s and %s",
          op,
          Arrays.toString(a),
          Arrays.toString(b));
      dims[rank - i] = da == 1 ? db : da;
      as[rank - i] = da == 1 ? 0 : aStep;
      bs[rank - i] = db == 1 ? 0 : bStep;
      aStep *= da;
      bStep *= db;
    }
    return merged(dims, as, bs);
  }

  private static Broadcast merged(int[] dims, int[] as, int[] bs) {
    int rank = dims.length;
    int[] d = new int[rank];
    int[] sa = new int[rank];
    int[] sb = new int[rank];
    int used = 0;
    for (int i = 0; i < rank; i++) {
      if (dims[i] == 1) {
        continue;
      }
      if (used > 0 && sa[used - 1] == as[i] * dims[i] && sb[used - 1] == bs[i] * dims[i]) {
        d[used - 1] *= dims[i];
        sa[used - 1] = as[i];
        sb[used - 1] = bs[i];
      } else {
        d[used] = dims[i];
        sa[used] = as[i];
        sb[used] = bs[i];
        used++;
      }
    }
    if (used == 0) {
      return new Broadcast(new int[] {1}, new int[] {0}, new int[] {0});
    }
    return new Broadcast(Arrays.copyOf(d, used), Arrays.copyOf(sa, used), Arrays.copyOf(sb, used));
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Broadcast s
        && Arrays.equals(dims, s.dims)
        && Arrays.equals(aStrides, s.aStrides)
        && Arrays.equals(bStrides, s.bStrides);
  }

  @Override
  public int hashCode() {
    return 31 * (31 * Arrays.hashCode(dims) + Arrays.hashCode(aStrides))
        + Arrays.hashCode(bStrides);
  }
}
