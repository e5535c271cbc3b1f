package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.ResizeShape;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;

/** Values picked by index or position. */
final class Sampling {
  private Sampling() {}

  /**
   * y = x at positions {@code index} of an axis, whole slices; dx = dy added where it came from.
   */
  static Tensor take(Tensor x, Tensor index, int axis) {
    checkIndex("take", x, index);
    int a = x.shape().axis(axis);
    int outer = x.shape().elements(0, a);
    int n = x.dim(a);
    int inner = x.shape().elements(a + 1, x.rank());
    int count = (int) index.shape().elements();
    int[] dims = new int[x.rank() - 1 + index.rank()];
    System.arraycopy(x.shape().dims(), 0, dims, 0, a);
    System.arraycopy(index.shape().dims(), 0, dims, a, index.rank());
    System.arraycopy(x.shape().dims(), a + 1, dims, a + index.rank(), x.rank() - a - 1);
    Tensor y = Tensor.empty(Shape.of(dims), x.dtype(), x.home());
    x.backend().index().take(y.buffer(), x.buffer(), index.buffer(), outer, n, count, inner);
    return y.madeBy(
        "take",
        wrt(
            x,
            reads(index),
            (dy, dx) ->
                dy.backend()
                    .index()
                    .takeBackward(
                        dx.buffer(), dy.buffer(), index.buffer(), outer, n, count, inner)));
  }

  /** y[.., i, ..] = x[.., index[.., i, ..], ..] element by element. */
  static Tensor gather(Tensor x, int axis, Tensor index) {
    checkIndex("gather", x, index);
    int a = x.shape().axis(axis);
    Check.that(
        index.rank() == x.rank() && index.shape().with(a, 0).equals(x.shape().with(a, 0)),
        "gather: index %s differs from %s beside dimension %d",
        index.shape(),
        x.shape(),
        a);
    int outer = x.shape().elements(0, a);
    int n = x.dim(a);
    int count = index.dim(a);
    int inner = x.shape().elements(a + 1, x.rank());
    Tensor y = Tensor.empty(index.shape(), x.dtype(), x.home());
    x.backend().index().gather(y.buffer(), x.buffer(), index.buffer(), outer, n, count, inner);
    return y.madeBy(
        "gather",
        wrt(
            x,
            reads(index),
            (dy, dx) ->
                dy.backend()
                    .index()
                    .gatherBackward(
                        dx.buffer(), dy.buffer(), index.buffer(), outer, n, count, inner)));
  }

  /** Pictures at another size, nearest or bilinear. */
  static Tensor resize(Tensor x, int outH, int outW, boolean bilinear, boolean alignCorners) {
    Pooling.checkPictures("resize", x);
    Check.that(
        outH > 0 && outW > 0 && x.dim(1) > 0 && x.dim(2) > 0,
        "resize: %s to %d x %d",
        x.shape(),
        outH,
        outW);
    ResizeShape s =
        new ResizeShape(x.dim(0), x.dim(1), x.dim(2), x.dim(3), outH, outW, bilinear, alignCorners);
    Tensor y = Tensor.empty(Shape.of(s.n(), outH, outW, s.c()), x.dtype(), x.home());
    x.backend().index().resize(y.buffer(), x.buffer(), s);
    return y.madeBy(
        "resize",
        wrt(
            x,
            reads(),
            (dy, dx) -> dy.backend().index().resizeBackward(dx.buffer(), dy.buffer(), s)));
  }

  private static void checkIndex(String op, Tensor x, Tensor index) {
    Check.that(
        index.dtype() == DType.INT32 || index.dtype() == DType.INT64,
        "%s: the index is %s, expected int64 or int32",
        op,
        index.dtype());
    Check.that(
        index.device().equals(x.device()),
        "%s: values on %s, index on %s",
        op,
        x.device(),
        index.device());
    Check.that(x.rank() > 0, "%s: a scalar has no positions", op);
  }
}
