package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Binary;
import dev.thaw.backend.Broadcast;
import dev.thaw.memory.Check;
import java.util.Locale;

/** Functions of two arguments, element by element, with broadcasting. */
final class Arithmetic {
  private Arithmetic() {}

  static Tensor apply(Binary f, Tensor a, Tensor b) {
    Tensor y = compute(f, a, b);
    String op = f.name().toLowerCase(Locale.ROOT);
    return switch (f) {
      // y = a + b;  da = dy, db = dy.
      case ADD ->
          y.madeBy(
              op,
              wrt(a, reads(), dy -> sumTo(dy, a.shape())),
              wrt(b, reads(), dy -> sumTo(dy, b.shape())));
      // y = a − b;  da = dy, db = −dy.
      case SUB ->
          y.madeBy(
              op,
              wrt(a, reads(), dy -> sumTo(dy, a.shape())),
              wrt(b, reads(), dy -> sumTo(dy.neg(), b.shape())));
      // y = a · b;  da = dy · b, db = dy · a.
      case MUL ->
          y.madeBy(
              op,
              wrt(a, reads(b), dy -> sumTo(dy.mul(b), a.shape())),
              wrt(b, reads(a), dy -> sumTo(dy.mul(a), b.shape())));
      // y = a / b;  da = dy / b, db = −dy · y / b.
      case DIV ->
          y.madeBy(
              op,
              wrt(a, reads(b), dy -> sumTo(dy.div(b), a.shape())),
              wrt(b, reads(b, y), dy -> sumTo(dy.mul(y).div(b).neg(), b.shape())));
      // y = max(a, b);  da = dy where a is larger, half of it where they are equal.
      case MAX ->
          y.madeBy(
              op,
              wrt(a, reads(a, b), dy -> sumTo(dy.mul(share(a, b)), a.shape())),
              wrt(b, reads(a, b), dy -> sumTo(dy.mul(share(b, a)), b.shape())));
      case MIN ->
          y.madeBy(
              op,
              wrt(a, reads(a, b), dy -> sumTo(dy.mul(share(b, a)), a.shape())),
              wrt(b, reads(a, b), dy -> sumTo(dy.mul(share(a, b)), b.shape())));
      // y = aᵇ;  da = dy · b · aᵇ⁻¹, db = dy · y · ln a, 0 where a = 0.
      case POW ->
          y.madeBy(
              op,
              wrt(a, reads(a, b), dy -> sumTo(dy.mul(b).mul(a.pow(b.sub(1))), a.shape())),
              wrt(b, reads(a, y), dy -> sumTo(dy.mul(y).mul(logOrZero(a)), b.shape())));
      case SHARE, EQUAL -> y;
    };
  }

  private static Tensor compute(Binary f, Tensor a, Tensor b) {
    String op = f.name().toLowerCase(Locale.ROOT);
    checkAlike(op, a, b);
    Elementwise.checkFloating(op, a);
    Broadcast walk = Broadcast.of(op, a.shape().dims(), b.shape().dims());
    Tensor y = Tensor.empty(common(a.shape(), b.shape()), a.dtype(), a.home());
    a.backend().binary().forward(f, y.buffer(), a.buffer(), b.buffer(), walk);
    return y;
  }

  static Tensor share(Tensor a, Tensor b) {
    return compute(Binary.SHARE, a, b);
  }

  static Tensor equal(Tensor a, Tensor b) {
    return compute(Binary.EQUAL, a, b);
  }

  /** ln a, and 0 where a = 0: 0ᵇ does not move with b &gt; 0. */
  private static Tensor logOrZero(Tensor a) {
    Tensor zero = equal(a, Tensor.full(0, Shape.of(), a.dtype(), a.home()));
    return a.add(zero).log();
  }

  /** The sum of a broadcast gradient over what was repeated. */
  static Tensor sumTo(Tensor dy, Shape shape) {
    if (dy.shape().equals(shape)) {
      return dy;
    }
    int extra = dy.rank() - shape.rank();
    int[] axes = new int[dy.rank()];
    int n = 0;
    for (int i = 0; i < dy.rank(); i++) {
      if (i < extra || (shape.dim(i - extra) == 1 && dy.dim(i) != 1)) {
        axes[n++] = i;
      }
    }
    if (n == 0) {
      return dy.reshape(shape.dims());
    }
    return Reductions.sum(dy, java.util.Arrays.copyOf(axes, n), true, 1).reshape(shape.dims());
  }

  /** The shape that two operands broadcast to. */
  static Shape common(Shape a, Shape b) {
    Shape wide = a.rank() >= b.rank() ? a : b;
    int[] dims = wide.dims();
    for (int i = 1; i <= dims.length; i++) {
      int da = i <= a.rank() ? a.dim(-i) : 1;
      int db = i <= b.rank() ? b.dim(-i) : 1;
      dims[dims.length - i] = da == 1 ? db : da;
    }
    return Shape.of(dims);
  }

  static void checkAlike(String op, Tensor a, Tensor b) {
    Check.that(
        a.device().equals(b.device()),
        "%s: operands on %s and %s; move one with to(device)",
        op,
        a.device(),
        b.device());
    Check.that(
        a.dtype() == b.dtype(),
        "%s: operands are %s and %s; convert one with to(dtype)",
        op,
        a.dtype(),
        b.dtype());
  }
}
