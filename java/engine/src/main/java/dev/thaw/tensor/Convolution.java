package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;
import static dev.thaw.tensor.Op.wrtAll;

import dev.thaw.backend.ConvShape;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Two-dimensional convolution. */
final class Convolution {
  private Convolution() {}

  /** y = x ∗ w + b; dx = dy ∗ᵀ w, dw = dy ∗ x, db = Σ dy over pictures, rows and columns. */
  static Tensor conv2d(Tensor x, Tensor w, @Nullable Tensor b, Conv2dOptions options) {
    ConvShape s = shape(x, w, options);
    if (b != null) {
      Mixed.checkWeight("conv2d", x, b);
      Check.that(
          b.shape().equals(Shape.of(s.k())),
          "conv2d: bias %s does not fit weights %s",
          b.shape(),
          w.shape());
    }
    Tensor y = Tensor.empty(Shape.of(s.n(), s.outH(), s.outW(), s.k()), x.dtype(), x.home());
    Tensor weight = Mixed.weight(x, w);
    Tensor bias = Mixed.weightIfPresent(x, b);
    Buffer add = bias == null ? null : bias.buffer();
    x.backend().conv().forward(y.buffer(), x.buffer(), weight.buffer(), add, null, false, s);
    Mixed.release(bias, b);
    Op.Rule dx =
        wrt(
            x,
            reads(weight),
            (dy, to) ->
                dy.backend()
                    .conv()
                    .backwardData(to.buffer(), dy.buffer(), weight.buffer(), null, s));
    y.madeBy(
        "conv2d",
        dx,
        b == null
            ? wrt(w, reads(x), (dy, to) -> weights(to, null, dy, x, s))
            : weightsAndBias(x, w, b, s));
    Mixed.release(weight, w);
    return y;
  }

  /** One kernel yields dw and db; db alone is a plain sum and needs no x. */
  private static Op.Rule weightsAndBias(Tensor x, Tensor w, Tensor b, ConvShape s) {
    if (!w.requiresGrad()) {
      int rows = s.n() * s.outH() * s.outW();
      return wrt(b, reads(), (dy, to) -> Matmul.sumRows(to, dy, rows, s.k()));
    }
    return wrtAll(
        List.of(w, b),
        reads(x),
        (dy, to) -> weights(java.util.Objects.requireNonNull(to[0]), to[1], dy, x, s));
  }

  private static void weights(Tensor dw, @Nullable Tensor db, Tensor dy, Tensor x, ConvShape s) {
    Buffer bias = db == null ? null : db.buffer();
    dy.backend().conv().backwardWeights(dw.buffer(), bias, dy.buffer(), x.buffer(), s);
  }

  private static ConvShape shape(Tensor x, Tensor w, Conv2dOptions o) {
    Mixed.checkWeight("conv2d", x, w);
    Elementwise.checkFloating("conv2d", x);
    Check.that(
        x.rank() == 4 && w.rank() == 4,
        "conv2d: needs pictures [n, h, w, c] and weights [out, kh, kw, in / groups], got %s and %s",
        x.shape(),
        w.shape());
    int k = w.dim(0);
    Check.that(
        w.dim(3) * o.groups() == x.dim(3) && k % o.groups() == 0,
        "conv2d: %d groups of weights %s do not fit %d channels of %s",
        o.groups(),
        w.shape(),
        x.dim(3),
        x.shape());
    ConvShape s =
        new ConvShape(
            x.dim(0),
            x.dim(1),
            x.dim(2),
            x.dim(3),
            k,
            w.dim(1),
            w.dim(2),
            o.strideH(),
            o.strideW(),
            o.paddingH(),
            o.paddingW(),
            o.dilationH(),
            o.dilationW(),
            o.groups());
    Check.that(
        s.h() + 2 * s.padH() > s.dilationH() * (s.kh() - 1)
            && s.w() + 2 * s.padW() > s.dilationW() * (s.kw() - 1),
        "conv2d: a %d x %d kernel does not fit into %s with padding %d x %d",
        s.kh(),
        s.kw(),
        x.shape(),
        s.padH(),
        s.padW());
    return s;
  }
}
