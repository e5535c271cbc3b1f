package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Unary;
import dev.thaw.memory.Check;

/** Functions of one argument, element by element. */
final class Elementwise {
  private Elementwise() {}

  static Tensor apply(Unary f, Tensor x) {
    return apply(f, x, 0, 0);
  }

  /** y = f(x); dx = dy · f'. */
  static Tensor apply(Unary f, Tensor x, double a, double b) {
    checkFloating(f.id(), x);
    Tensor y = Tensor.empty(x.shape(), x.dtype(), x.home());
    x.backend().unary().forward(f, y.buffer(), x.buffer(), a, b);
    return switch (f.reads()) {
      case NOTHING -> y.madeBy(f.id(), wrt(x, reads(), dy -> slope(f, dy, dy, a, b)));
      case X -> y.madeBy(f.id(), wrt(x, reads(x), dy -> slope(f, dy, x, a, b)));
      case Y -> y.madeBy(f.id(), wrt(x, reads(y), dy -> slope(f, dy, y, a, b)));
    };
  }

  /** dx = dy · f'(saved). */
  private static Tensor slope(Unary f, Tensor dy, Tensor saved, double a, double b) {
    Tensor dx = Tensor.empty(dy.shape(), dy.dtype(), dy.home());
    dy.backend().unary().backward(f, dx.buffer(), dy.buffer(), saved.buffer(), a, b);
    return dx;
  }

  static void checkFloating(String op, Tensor x) {
    Check.that(
        x.backend().computes(x.dtype()),
        "%s: %s does not compute in %s",
        op,
        x.device(),
        x.dtype());
  }
}
