package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Reduction;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import java.util.Arrays;

/** Many numbers to one, over any axes. */
final class Reductions {
  private Reductions() {}

  /** y = scale · Σ x; dx = scale · dy, repeated. */
  static Tensor sum(Tensor x, int[] axes, boolean keep, double scale) {
    boolean[] reduced = reduced("sum", x, axes);
    Tensor y = compute(Reduction.SUM, x, reduced, keep, scale);
    return y.madeBy("sum", wrt(x, reads(), dy -> repeat(dy.mul(scale), x.shape(), reduced)));
  }

  /** Σ x with the axes kept as 1, added up into {@code dtype}; for rules, it has no past. */
  static Tensor sumOf(Tensor x, int[] axes, DType dtype) {
    return compute(Reduction.SUM, x, reduced("sum", x, axes), true, 1, dtype);
  }

  static Tensor mean(Tensor x, int[] axes, boolean keep) {
    long count = count(x, reduced("mean", x, axes));
    Check.that(count > 0, "mean: no elements in %s", x.shape());
    return sum(x, axes, keep, 1.0 / count);
  }

  /** y = max x; dx = dy at the places where x = y, shared evenly. */
  static Tensor extreme(Reduction r, Tensor x, int[] axes, boolean keep) {
    String op = r == Reduction.MAX ? "max" : "min";
    boolean[] reduced = reduced(op, x, axes);
    Check.that(count(x, reduced) > 0, "%s: no elements in %s", op, x.shape());
    Tensor y = compute(r, x, reduced, keep, 1);
    return y.madeBy(
        op,
        wrt(
            x,
            reads(x, y),
            dy -> {
              Shape kept = kept(x.shape(), reduced);
              Tensor places = Arithmetic.equal(x, y.alias(kept));
              Tensor ties = compute(Reduction.SUM, places, reduced, true, 1);
              return places.mul(dy.reshape(kept.dims()).div(ties));
            }));
  }

  /** Σ (x − mean)² / (count − correction). */
  static Tensor variance(Tensor x, int[] axes, int correction) {
    long count = count(x, reduced("variance", x, axes));
    Check.that(count > correction, "variance: %d elements are too few", count);
    Tensor deviation = x.sub(mean(x, axes, true));
    return sum(deviation.square(), axes, false, 1.0 / (count - correction));
  }

  /** y = √Σx²; dx = x · dy / y, 0 where y = 0. */
  static Tensor norm(Tensor x, int[] axes, boolean keep) {
    boolean[] reduced = reduced("norm", x, axes);
    Tensor y;
    try (Tensor.Gradients none = Tensor.noGrad()) {
      y = compute(Reduction.SUM, x.square(), reduced, keep, 1).sqrt();
    }
    return y.madeBy(
        "norm",
        wrt(
            x,
            reads(x, y),
            dy -> {
              int[] kept = kept(x.shape(), reduced).dims();
              Tensor zero = Arithmetic.equal(y, Tensor.full(0, Shape.of(), y.dtype(), y.home()));
              return x.mul(dy.div(y.add(zero)).reshape(kept));
            }));
  }

  static Tensor argmax(Tensor x, int axis) {
    Elementwise.checkFloating("argmax", x);
    int a = x.shape().axis(axis);
    Check.that(x.dim(a) > 0, "argmax: no elements along dimension %d of %s", a, x.shape());
    boolean[] reduced = new boolean[x.rank()];
    reduced[a] = true;
    Tensor y = Tensor.empty(dropped(x.shape(), reduced), DType.INT64, x.home());
    int outer = x.shape().elements(0, a);
    int inner = x.shape().elements(a + 1, x.rank());
    x.backend().reduce().argmax(y.buffer(), x.buffer(), outer, x.dim(a), inner);
    return y;
  }

  private static Tensor compute(
      Reduction r, Tensor x, boolean[] reduced, boolean keep, double scale) {
    return compute(r, x, reduced, keep, scale, x.dtype());
  }

  /** One kernel call per run of neighbouring axes, the innermost run first. */
  private static Tensor compute(
      Reduction r, Tensor x, boolean[] reduced, boolean keep, double scale, DType dtype) {
    Elementwise.checkFloating("reduce", x);
    int[] dims = x.shape().dims();
    Tensor y = x;
    boolean scaled = false;
    for (int to = dims.length; to > 0; to--) {
      if (!reduced[to - 1]) {
        continue;
      }
      int from = to - 1;
      while (from > 0 && reduced[from - 1]) {
        from--;
      }
      Shape now = Shape.of(dims);
      int outer = now.elements(0, from);
      int n = now.elements(from, to);
      int inner = now.elements(to, dims.length);
      Arrays.fill(dims, from, to, 1);
      Tensor next = Tensor.empty(Shape.of(dims), dtype, x.home());
      x.backend()
          .reduce()
          .reduce(r, next.buffer(), y.buffer(), outer, n, inner, scaled ? 1 : scale);
      scaled = true;
      y = next;
      to = from + 1;
    }
    if (y == x) {
      return scale == 1 ? x.alias(x.shape()) : x.detach().mul(scale);
    }
    return keep ? y : y.alias(dropped(x.shape(), reduced));
  }

  /** A reduced gradient repeated over the shape it came from. */
  private static Tensor repeat(Tensor dy, Shape shape, boolean[] reduced) {
    return Layout.expand(dy.reshape(kept(shape, reduced).dims()), shape);
  }

  private static boolean[] reduced(String op, Tensor x, int[] axes) {
    boolean[] reduced = new boolean[x.rank()];
    Arrays.fill(reduced, axes.length == 0);
    for (int axis : axes) {
      int a = x.shape().axis(axis);
      Check.that(!reduced[a], "%s: dimension %d named twice in %s", op, a, Arrays.toString(axes));
      reduced[a] = true;
    }
    return reduced;
  }

  private static long count(Tensor x, boolean[] reduced) {
    long n = 1;
    for (int i = 0; i < reduced.length; i++) {
      n *= reduced[i] ? x.dim(i) : 1;
    }
    return n;
  }

  private static Shape kept(Shape shape, boolean[] reduced) {
    int[] dims = shape.dims();
    for (int i = 0; i < dims.length; i++) {
      dims[i] = reduced[i] ? 1 : dims[i];
    }
    return Shape.of(dims);
  }

  private static Shape dropped(Shape shape, boolean[] reduced) {
    int[] dims = new int[shape.rank()];
    int n = 0;
    for (int i = 0; i < dims.length; i++) {
      if (!reduced[i]) {
        dims[n++] = shape.dim(i);
      }
    }
    return Shape.of(Arrays.copyOf(dims, n));
  }
}
