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

  /**
   * y = f(a, b). Of a bfloat16 and a float32 operand the latter counts as a weight, a shift or
   * scale say: y is bfloat16, the weight's gradient float32.
   */
  static Tensor apply(Binary f, Tensor a, Tensor b) {
    String op = f.name().toLowerCase(Locale.ROOT);
    Mixed.checkOperands(op, a, b);
    Tensor u = Mixed.weight(b, a);
    Tensor v = Mixed.weight(a, b);
    Tensor y = apply(f, op, a, u, b, v);
    Mixed.release(u, a);
    Mixed.release(v, b);
    return y;
  }

  /** a and b lead on the tape, u and v are what is computed with. */
  private static Tensor apply(Binary f, String op, Tensor a, Tensor u, Tensor b, Tensor v) {
    Tensor y = compute(f, u, v);
    return switch (f) {
      // y = a + b;  da = dy, db = dy.
      case ADD ->
          y.madeBy(op, wrt(a, reads(), dy -> sumTo(dy, a)), wrt(b, reads(), dy -> sumTo(dy, b)));
      // y = a − b;  da = dy, db = −dy.
      case SUB ->
          y.madeBy(
              op, wrt(a, reads(), dy -> sumTo(dy, a)), wrt(b, reads(), dy -> sumTo(dy.neg(), b)));
      // y = a · b;  da = dy · b, db = dy · a.
      case MUL ->
          y.madeBy(
              op,
              wrt(a, reads(v), dy -> sumTo(dy.mul(v), a)),
              wrt(b, reads(u), dy -> sumTo(dy.mul(u), b)));
      // y = a / b;  da = dy / b, db = −dy · y / b.
      case DIV ->
          y.madeBy(
              op,
              wrt(a, reads(v), dy -> sumTo(dy.div(v), a)),
              wrt(b, reads(v, y), dy -> sumTo(dy.mul(y).div(v).neg(), b)));
      // y = max(a, b);  da = dy where a is larger, half of it where they are equal.
      case MAX ->
          y.madeBy(
              op,
              wrt(a, reads(u, v), dy -> sumTo(dy.mul(share(u, v)), a)),
              wrt(b, reads(u, v), dy -> sumTo(dy.mul(share(v, u)), b)));
      case MIN ->
          y.madeBy(
              op,
              wrt(a, reads(u, v), dy -> sumTo(dy.mul(share(v, u)), a)),
              wrt(b, reads(u, v), dy -> sumTo(dy.mul(share(u, v)), b)));
      // y = aᵇ;  da = dy · b · aᵇ⁻¹, db = dy · y · ln a, 0 where a = 0.
      case POW ->
          y.madeBy(
              op,
              wrt(a, reads(u, v), dy -> sumTo(dy.mul(v).mul(u.pow(v.sub(1))), a)),
              wrt(b, reads(u, y), dy -> sumTo(dy.mul(y).mul(logOrZero(u)), b)));
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

  /** The sum of a broadcast gradient over what was repeated of {@code x}, in x's dtype. */
  static Tensor sumTo(Tensor dy, Tensor x) {
    Shape shape = x.shape();
    if (dy.shape().equals(shape)) {
      return Layout.cast(dy, x.dtype());
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
      return Layout.cast(dy, x.dtype()).reshape(shape.dims());
    }
    return Reductions.sumOf(dy, java.util.Arrays.copyOf(axes, n), x.dtype()).reshape(shape.dims());
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

  static void checkDevices(String op, Tensor a, Tensor b) {
    Check.that(
        a.device().equals(b.device()),
        "%s: operands on %s and %s; move one with to(device)",
        op,
        a.device(),
        b.device());
  }

  static void checkAlike(String op, Tensor a, Tensor b) {
    checkDevices(op, a, b);
    Check.that(
        a.dtype() == b.dtype(),
        "%s: operands are %s and %s; convert one with to(dtype)",
        op,
        a.dtype(),
        b.dtype());
  }
}
