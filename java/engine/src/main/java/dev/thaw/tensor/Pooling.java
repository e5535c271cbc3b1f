package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.PoolShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;

/** Windows of a picture to one number each, channel by channel. */
final class Pooling {
  private Pooling() {}

  static Tensor max(Tensor x, PoolOptions options) {
    return max("maxPool2d", x, windows("maxPool2d", x, options));
  }

  static Tensor adaptiveMax(Tensor x, int outH, int outW) {
    return max("adaptiveMaxPool2d", x, adaptive("adaptiveMaxPool2d", x, outH, outW));
  }

  static Tensor average(Tensor x, PoolOptions options) {
    return average("avgPool2d", x, windows("avgPool2d", x, options));
  }

  static Tensor adaptiveAverage(Tensor x, int outH, int outW) {
    return average("adaptiveAvgPool2d", x, adaptive("adaptiveAvgPool2d", x, outH, outW));
  }

  /** y = the largest of each window; dx = dy at the winners. */
  private static Tensor max(String op, Tensor x, PoolShape s) {
    Tensor y = Tensor.empty(out(s), x.dtype(), x.home());
    if (!Mode.current().recording || !x.requiresGrad()) {
      x.backend().pooling().maxForward(y.buffer(), null, x.buffer(), s);
      return y;
    }
    Tensor where = Tensor.empty(out(s), DType.INT32, x.home());
    x.backend().pooling().maxForward(y.buffer(), where.buffer(), x.buffer(), s);
    return y.madeBy(
        op,
        wrt(
            x,
            reads(where),
            (dy, dx) ->
                dy.backend()
                    .pooling()
                    .maxBackward(dx.buffer(), dy.buffer(), where.buffer(), null, s)));
  }

  /** y = the mean of each window; dx = dy / count, spread over it. */
  private static Tensor average(String op, Tensor x, PoolShape s) {
    Tensor y = Tensor.empty(out(s), x.dtype(), x.home());
    x.backend().pooling().averageForward(y.buffer(), x.buffer(), s);
    return y.madeBy(
        op,
        wrt(
            x,
            reads(),
            (dy, dx) -> {
              Buffer to = dx.buffer();
              dy.backend().pooling().averageBackward(to, dy.buffer(), s);
            }));
  }

  private static Shape out(PoolShape s) {
    return Shape.of(s.n(), s.outH(), s.outW(), s.c());
  }

  private static PoolShape windows(String op, Tensor x, PoolOptions o) {
    checkPictures(op, x);
    int outH = (x.dim(1) + 2 * o.paddingH() - o.kernelH()) / o.strideH() + 1;
    int outW = (x.dim(2) + 2 * o.paddingW() - o.kernelW()) / o.strideW() + 1;
    Check.that(
        x.dim(1) + 2 * o.paddingH() >= o.kernelH() && x.dim(2) + 2 * o.paddingW() >= o.kernelW(),
        "%s: a %d x %d window does not fit into %s",
        op,
        o.kernelH(),
        o.kernelW(),
        x.shape());
    return new PoolShape(
        x.dim(0),
        x.dim(1),
        x.dim(2),
        x.dim(3),
        outH,
        outW,
        o.kernelH(),
        o.kernelW(),
        o.strideH(),
        o.strideW(),
        o.paddingH(),
        o.paddingW(),
        o.countPadding(),
        false);
  }

  private static PoolShape adaptive(String op, Tensor x, int outH, int outW) {
    checkPictures(op, x);
    Check.that(
        outH > 0 && outW > 0 && x.dim(1) > 0 && x.dim(2) > 0,
        "%s: %s to %d x %d",
        op,
        x.shape(),
        outH,
        outW);
    return new PoolShape(
        x.dim(0), x.dim(1), x.dim(2), x.dim(3), outH, outW, 0, 0, 0, 0, 0, 0, false, true);
  }

  static void checkPictures(String op, Tensor x) {
    Elementwise.checkFloating(op, x);
    Check.that(x.rank() == 4, "%s: needs pictures [n, h, w, c], got %s", op, x.shape());
  }
}
