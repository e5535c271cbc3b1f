package dev.thaw.tensor;

import dev.thaw.memory.Check;
import java.util.Arrays;

/** Sizes of a tensor, outermost first: {@code [n, h, w, c]} for pictures. Empty for a scalar. */
public final class Shape {
  private static final Shape SCALAR = new Shape(new int[0]);

  private final int[] dims;

  private Shape(int[] dims) {
    this.dims = dims;
  }

  /**
   * The shape of these sizes.
   *
   * @throws IllegalArgumentException when a size is negative
   */
  public static Shape of(int... dims) {
    for (int d : dims) {
      Check.that(d >= 0, "shape: a size is negative in %s", Arrays.toString(dims));
    }
    return dims.length == 0 ? SCALAR : new Shape(dims.clone());
  }

  /** Number of dimensions. */
  public int rank() {
    return dims.length;
  }

  /**
   * Size of dimension {@code i}; negative counts from the end, -1 is the innermost.
   *
   * @throws IllegalArgumentException when there is no such dimension
   */
  public int dim(int i) {
    return dims[axis(i)];
  }

  /**
   * The index 0..rank-1 of dimension {@code i}, which may count from the end.
   *
   * @throws IllegalArgumentException when there is no such dimension
   */
  public int axis(int i) {
    int axis = i < 0 ? i + dims.length : i;
    Check.that(axis >= 0 && axis < dims.length, "shape: %s has no dimension %d", this, i);
    return axis;
  }

  /** A copy of the sizes. */
  public int[] dims() {
    return dims.clone();
  }

  /** Product of the sizes; 1 for a scalar. */
  public long elements() {
    long n = 1;
    for (int d : dims) {
      n = Math.multiplyExact(n, (long) d);
    }
    return n;
  }

  /** Product of the sizes of dimensions {@code from} (included) to {@code to} (excluded). */
  public int elements(int from, int to) {
    int n = 1;
    for (int i = from; i < to; i++) {
      n = Math.multiplyExact(n, dims[i]);
    }
    return n;
  }

  /** This shape with dimension {@code i} of size {@code size}. */
  public Shape with(int i, int size) {
    int[] changed = dims.clone();
    changed[axis(i)] = size;
    return of(changed);
  }

  /** Distance, in elements, between neighbours in each dimension of a dense row-major tensor. */
  public int[] strides() {
    int[] strides = new int[dims.length];
    int step = 1;
    for (int i = dims.length - 1; i >= 0; i--) {
      strides[i] = step;
      step *= dims[i];
    }
    return strides;
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Shape s && Arrays.equals(dims, s.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** {@code [64, 28, 28, 1]}. */
  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
