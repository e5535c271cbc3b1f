package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Strided;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Where elements lie: shapes, orders, pieces. Each is one walk of the copy kernel, or none. */
final class Layout {
  private Layout() {}

  /** The same elements under other sizes; dx = dy reshaped. */
  static Tensor reshape(Tensor x, int[] dims) {
    int[] sizes = dims.clone();
    long known = 1;
    int open = -1;
    for (int i = 0; i < sizes.length; i++) {
      if (sizes[i] == -1) {
        Check.that(open < 0, "reshape: two sizes are -1 in %s", Arrays.toString(dims));
        open = i;
      } else {
        known *= sizes[i];
      }
    }
    if (open >= 0) {
      Check.that(
          known > 0 && x.shape().elements() % known == 0,
          "reshape: %s does not fill %s",
          x.shape(),
          Arrays.toString(dims));
      sizes[open] = (int) (x.shape().elements() / known);
    }
    Shape shape = Shape.of(sizes);
    Check.that(
        shape.elements() == x.shape().elements(),
        "reshape: %s has %d elements, %s has %d",
        x.shape(),
        x.shape().elements(),
        shape,
        shape.elements());
    return x.alias(shape).madeBy("reshape", wrt(x, reads(), dy -> dy.alias(x.shape())));
  }

  /** Dimension i of y is dimension order[i] of x; dx = dy in the inverse order. */
  static Tensor permute(Tensor x, int[] order) {
    int rank = x.rank();
    Check.that(
        order.length == rank, "permute: %s does not order %s", Arrays.toString(order), x.shape());
    int[] dims = new int[rank];
    int[] steps = new int[rank];
    int[] inverse = new int[rank];
    Arrays.fill(inverse, -1);
    int[] strides = x.shape().strides();
    for (int i = 0; i < rank; i++) {
      int from = x.shape().axis(order[i]);
      Check.that(inverse[from] < 0, "permute: %s repeats %d", Arrays.toString(order), order[i]);
      inverse[from] = i;
      dims[i] = x.dim(from);
      steps[i] = strides[from];
    }
    Tensor y = Tensor.empty(Shape.of(dims), x.dtype(), x.home());
    copy(y, dense(y.shape()), x, new Strided(0, steps), dims);
    return y.madeBy("permute", wrt(x, reads(), dy -> permute(dy, inverse)));
  }

  static Tensor transpose(Tensor x, int first, int second) {
    int[] order = new int[x.rank()];
    Arrays.setAll(order, i -> i);
    int a = x.shape().axis(first);
    int b = x.shape().axis(second);
    order[a] = b;
    order[b] = a;
    return permute(x, order);
  }

  /** y = x[.., from:to, ..]; dx = 0 with dy in its place. */
  static Tensor slice(Tensor x, int axis, int from, int to) {
    int a = x.shape().axis(axis);
    Check.that(
        0 <= from && from <= to && to <= x.dim(a),
        "slice: %d to %d do not lie in dimension %d of %s",
        from,
        to,
        a,
        x.shape());
    Tensor y = Tensor.empty(x.shape().with(a, to - from), x.dtype(), x.home());
    copy(y, dense(y.shape()), x, at(x.shape(), a, from), y.shape().dims());
    return y.madeBy(
        "slice",
        wrt(
            x,
            reads(),
            dy -> {
              int[] before = new int[x.rank()];
              int[] after = new int[x.rank()];
              before[a] = from;
              after[a] = x.dim(a) - to;
              return pad(dy, before, after, 0);
            }));
  }

  static List<Tensor> split(Tensor x, int axis, int[] sizes) {
    Check.that(
        Arrays.stream(sizes).sum() == x.dim(axis),
        "split: %s do not add up to dimension %d of %s",
        Arrays.toString(sizes),
        axis,
        x.shape());
    List<Tensor> pieces = new ArrayList<>();
    int from = 0;
    for (int size : sizes) {
      pieces.add(slice(x, axis, from, from + size));
      from += size;
    }
    return pieces;
  }

  /** Tensors side by side along an axis; each gets its piece of dy. */
  static Tensor concat(List<Tensor> parts, int axis) {
    Check.that(!parts.isEmpty(), "concat: no tensors");
    Tensor first = parts.get(0);
    int a = first.shape().axis(axis);
    int size = 0;
    for (Tensor part : parts) {
      Arithmetic.checkAlike("concat", first, part);
      Check.that(
          part.rank() == first.rank() && part.shape().with(a, 0).equals(first.shape().with(a, 0)),
          "concat: %s and %s differ beside dimension %d",
          first.shape(),
          part.shape(),
          a);
      size += part.dim(a);
    }
    Tensor y = Tensor.empty(first.shape().with(a, size), first.dtype(), first.home());
    Op.Rule[] rules = new Op.Rule[parts.size()];
    int from = 0;
    for (int i = 0; i < rules.length; i++) {
      Tensor part = parts.get(i);
      copy(y, at(y.shape(), a, from), part, dense(part.shape()), part.shape().dims());
      int begin = from;
      int end = from + part.dim(a);
      rules[i] = wrt(part, reads(), dy -> slice(dy, a, begin, end));
      from = end;
    }
    return y.madeBy("concat", rules);
  }

  /** y = x with {@code value} around; dx = dy without the rim. */
  static Tensor pad(Tensor x, int[] before, int[] after, double value) {
    int rank = x.rank();
    Check.that(
        before.length == rank && after.length == rank,
        "pad: %s and %s do not fit %s",
        Arrays.toString(before),
        Arrays.toString(after),
        x.shape());
    int[] dims = x.shape().dims();
    for (int i = 0; i < rank; i++) {
      Check.that(before[i] >= 0 && after[i] >= 0, "pad: a width is negative at dimension %d", i);
      dims[i] += before[i] + after[i];
    }
    Tensor y = Tensor.full(value, Shape.of(dims), x.dtype(), x.home());
    int[] strides = y.shape().strides();
    long offset = 0;
    for (int i = 0; i < rank; i++) {
      offset += (long) before[i] * strides[i];
    }
    Strided inside = new Strided(offset, strides);
    copy(y, inside, x, dense(x.shape()), x.shape().dims());
    return y.madeBy(
        "pad",
        wrt(
            x,
            reads(),
            dy -> {
              Tensor dx = Tensor.empty(x.shape(), dy.dtype(), dy.home());
              copy(dx, dense(x.shape()), dy, inside, x.shape().dims());
              return dx;
            }));
  }

  /** Every step-th row and column of pictures; dx = dy where it came from, 0 elsewhere. */
  static Tensor subsample(Tensor x, int step) {
    Check.that(x.rank() == 4 && step > 0, "subsample: every %d pixels of %s", step, x.shape());
    int[] dims = {x.dim(0), (x.dim(1) + step - 1) / step, (x.dim(2) + step - 1) / step, x.dim(3)};
    int[] strides = x.shape().strides();
    Strided pixels =
        new Strided(0, new int[] {strides[0], step * strides[1], step * strides[2], 1});
    Tensor y = Tensor.empty(Shape.of(dims), x.dtype(), x.home());
    copy(y, dense(y.shape()), x, pixels, dims);
    return y.madeBy(
        "subsample",
        wrt(
            x,
            reads(),
            dy -> {
              Tensor dx = Tensor.full(0, x.shape(), dy.dtype(), dy.home());
              copy(dx, pixels, dy, dense(dy.shape()), dims);
              return dx;
            }));
  }

  /** Sizes of 1, or missing ones in front, repeated; dx = Σ dy over the repetitions. */
  static Tensor expand(Tensor x, Shape shape) {
    if (x.shape().equals(shape)) {
      return x;
    }
    int extra = shape.rank() - x.rank();
    Check.that(extra >= 0, "expand: %s does not repeat to %s", x.shape(), shape);
    int[] steps = new int[shape.rank()];
    int[] strides = x.shape().strides();
    for (int i = 0; i < shape.rank(); i++) {
      boolean there = i >= extra;
      Check.that(
          !there || x.dim(i - extra) == shape.dim(i) || x.dim(i - extra) == 1,
          "expand: %s does not repeat to %s",
          x.shape(),
          shape);
      steps[i] = !there || x.dim(i - extra) == 1 ? 0 : strides[i - extra];
    }
    Tensor y = Tensor.empty(shape, x.dtype(), x.home());
    copy(y, dense(shape), x, new Strided(0, steps), shape.dims());
    return y.madeBy("expand", wrt(x, reads(), dy -> Arithmetic.sumTo(dy, x)));
  }

  /** y = x in another dtype; dx = dy in x's. */
  static Tensor cast(Tensor x, DType dtype) {
    if (x.dtype() == dtype) {
      return x;
    }
    Tensor y = Tensor.empty(x.shape(), dtype, x.home());
    x.backend().index().cast(y.buffer(), x.buffer());
    return dtype.isFloating() && x.dtype().isFloating()
        ? y.madeBy("cast", wrt(x, reads(), dy -> cast(dy, x.dtype())))
        : y;
  }

  /** Pictures [n, h, w, c] as rows in PyTorch's order c, h, w; anything else is reshaped. */
  static Tensor flatten(Tensor x) {
    Check.that(x.rank() >= 1, "flatten: a scalar has no rows");
    Tensor y = x.rank() == 4 && x.dim(3) > 1 ? permute(x, new int[] {0, 3, 1, 2}) : x;
    Tensor rows = reshape(y, new int[] {x.dim(0), x.shape().elements(1, x.rank())});
    if (x.rank() == 4) {
      rows.pictures = x.shape();
    }
    return rows;
  }

  static void copyAll(Buffer y, Backend home, Buffer x) {
    int[] dims = {(int) x.elements()};
    Strided walk = new Strided(0, new int[] {1});
    home.index().copy(y, walk, x, walk, dims);
  }

  private static void copy(Tensor y, Strided to, Tensor x, Strided from, int[] dims) {
    x.backend().index().copy(y.buffer(), to, x.buffer(), from, dims);
  }

  private static Strided dense(Shape shape) {
    return new Strided(0, shape.strides());
  }

  private static Strided at(Shape shape, int axis, int from) {
    int[] strides = shape.strides();
    return new Strided((long) from * strides[axis], strides);
  }
}
