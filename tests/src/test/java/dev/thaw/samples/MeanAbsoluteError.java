package dev.thaw.samples;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Tensor;

/** A loss that Thaw does not have, composed of ops that it has: mean |x − t|. */
final class MeanAbsoluteError {
  private MeanAbsoluteError() {}

  /**
   * y = mean |x − t|; dx = dy · sign(x − t) / n.
   *
   * @param x any shape
   * @param t targets, shaped like x
   * @return a scalar
   */
  static Tensor of(Tensor x, Tensor t) {
    Check.that(
        x.shape().equals(t.shape()),
        "meanAbsoluteError: shapes differ, %s and %s",
        x.shape(),
        t.shape());
    double n = (double) x.shape().elements();
    Tensor d = x.detach().sub(t.detach());
    return d.abs()
        .mean()
        .madeBy("meanAbsoluteError", wrt(x, reads(d), dy -> sign(d).mul(dy.div(n))));
  }

  /** −1, 0 or 1. */
  private static Tensor sign(Tensor d) {
    return d.div(d.abs().clip(1e-30, Double.MAX_VALUE));
  }
}
