package dev.thaw.nn;

import dev.thaw.tensor.Functional;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Tensor;
import java.util.function.UnaryOperator;

/** Pooling of pictures [n, h, w, c] as a module. */
public final class Pool2d extends Module {
  private final UnaryOperator<Tensor> pool;

  private Pool2d(UnaryOperator<Tensor> pool) {
    this.pool = pool;
  }

  /** The largest of each window. */
  public static Pool2d max(PoolOptions options) {
    return new Pool2d(x -> Functional.maxPool2d(x, options));
  }

  /** The mean of each window. */
  public static Pool2d average(PoolOptions options) {
    return new Pool2d(x -> Functional.avgPool2d(x, options));
  }

  /** Means of outH x outW windows that divide the picture. */
  public static Pool2d adaptiveAverage(int outH, int outW) {
    return new Pool2d(x -> Functional.adaptiveAvgPool2d(x, outH, outW));
  }

  /** The mean of each picture: [n, h, w, c] → [n, c]. */
  public static Pool2d globalAverage() {
    return new Pool2d(Functional::globalAvgPool2d);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return pool.apply(x);
  }
}
