package dev.thaw.samples;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.Reduction;
import dev.thaw.memory.Check;
import dev.thaw.tensor.Tensor;

/**
 * An op whose gradient a kernel writes: the rule of b gets the memory of the gradient, a part of
 * the optimizer's arena say, and sums straight into it.
 */
final class AddBias {
  private AddBias() {}

  /**
   * y = x + b; dx = dy, db = Σ dy over rows.
   *
   * @param x [rows, columns]
   * @param b [columns]
   */
  static Tensor of(Tensor x, Tensor b) {
    Check.that(
        x.rank() == 2 && b.rank() == 1 && x.dim(1) == b.dim(0),
        "addBias: %s and %s do not fit",
        x.shape(),
        b.shape());
    int rows = x.dim(0);
    int columns = x.dim(1);
    return x.detach()
        .add(b.detach())
        .madeBy(
            "addBias",
            wrt(x, reads(), dy -> dy),
            wrt(
                b,
                reads(),
                (dy, db) -> {
                  Backend home = Devices.get(dy.device());
                  home.reduce()
                      .reduce(Reduction.SUM, db.buffer(), dy.buffer(), 1, rows, columns, 1);
                }));
  }
}
