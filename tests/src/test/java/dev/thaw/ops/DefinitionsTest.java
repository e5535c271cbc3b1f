package dev.thaw.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.OnEveryDevice;
import dev.thaw.Place;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Tensor;
import java.util.Random;
import java.util.function.Function;

/**
 * Ops with kernels of their own against their definitions, written in simpler ops: values, and the
 * gradients of every operand.
 */
final class DefinitionsTest {
  /** Rows and columns of most operands. */
  private static final int ROWS = 6;

  private static final int COLUMNS = 10;

  /** An op of several operands. */
  private interface Formula extends Function<Tensor[], Tensor> {}

  /** Operands of these shapes, the first of them {@code [ROWS, COLUMNS]}. */
  private static void same(Place place, Formula op, Formula definition, int[]... more) {
    int[][] shapes = new int[more.length + 1][];
    shapes[0] = new int[] {ROWS, COLUMNS};
    System.arraycopy(more, 0, shapes, 1, more.length);
    sameOn(place, op, definition, shapes);
  }

  private static void sameOn(Place place, Formula op, Formula definition, int[]... shapes) {
    double[][] fused = run(place, op, shapes);
    double[][] composed = run(place, definition, shapes);
    double tolerance = place.isDouble() ? 1e-11 : 2e-5;
    for (int part = 0; part < fused.length; part++) {
      assertEquals(composed[part].length, fused[part].length);
      for (int i = 0; i < fused[part].length; i++) {
        assertEquals(
            composed[part][i],
            fused[part][i],
            tolerance * (1 + Math.abs(composed[part][i])),
            (part == 0 ? "value" : "gradient of operand " + part) + " at " + i);
      }
    }
  }

  /** The value, then the gradient of each operand for a random direction of the result. */
  private static double[][] run(Place place, Formula formula, int[]... shapes) {
    Tensor[] operands = new Tensor[shapes.length];
    for (int i = 0; i < shapes.length; i++) {
      operands[i] = draw(place, 10 + i, shapes[i]).requiresGrad(true);
    }
    Tensor y = formula.apply(operands);
    y.backward(draw(place, 1, y.shape().dims()));
    double[][] found = new double[shapes.length + 1][];
    found[0] = y.toDoubles();
    for (int i = 0; i < shapes.length; i++) {
      found[i + 1] = java.util.Objects.requireNonNull(operands[i].grad()).toDoubles();
    }
    return found;
  }

  private static Tensor draw(Place place, int seed, int... dims) {
    int n = 1;
    for (int d : dims) {
      n *= d;
    }
    return place.tensor(new Random(seed).doubles(n, -1.5, 1.5).toArray(), dims);
  }

  private static Tensor column(Tensor x) {
    return x.reshape(ROWS, 1);
  }

  private static Tensor exponentials(Tensor x) {
    return x.sub(column(x.max(1)).detach()).exp();
  }

  private static Tensor logSoftmax(Tensor x) {
    Tensor shifted = x.sub(column(x.max(1)).detach());
    return shifted.sub(column(shifted.exp().sum(1).log()));
  }

  /** Row i is 1 at class i + 1. */
  private static Tensor oneHot(Place place) {
    double[] ones = new double[ROWS * COLUMNS];
    for (int i = 0; i < ROWS; i++) {
      ones[i * COLUMNS + i + 1] = 1;
    }
    return place.tensor(ones, ROWS, COLUMNS);
  }

  private static Tensor targets() {
    return Tensor.of(new long[] {1, 2, 3, 4, 5, 6}, ROWS);
  }

  @OnEveryDevice
  void softmax(Place place) {
    same(
        place,
        t -> Functional.softmax(t[0], 1),
        t -> exponentials(t[0]).div(column(exponentials(t[0]).sum(1))));
  }

  @OnEveryDevice
  void logarithmOfSoftmax(Place place) {
    same(place, t -> Functional.logSoftmax(t[0], 1), t -> logSoftmax(t[0]));
  }

  @OnEveryDevice
  void crossEntropy(Place place) {
    same(
        place,
        t -> Functional.crossEntropy(t[0], targets()),
        t -> logSoftmax(t[0]).mul(oneHot(place)).sum().mul(-1.0 / ROWS));
  }

  @OnEveryDevice
  void smoothedCrossEntropy(Place place) {
    CrossEntropyOptions smooth = new CrossEntropyOptions(0.2, -100);
    same(
        place,
        t -> Functional.crossEntropy(t[0], targets(), null, smooth),
        t ->
            logSoftmax(t[0]).mul(oneHot(place).mul(0.8).add(0.2 / COLUMNS)).sum().mul(-1.0 / ROWS));
  }

  @OnEveryDevice
  void binaryCrossEntropy(Place place) {
    Tensor y = oneHot(place);
    same(
        place,
        t -> Functional.bceWithLogits(t[0], y),
        t -> Functional.softplus(t[0]).sub(t[0].mul(y)).mean());
  }

  @OnEveryDevice
  void squaredError(Place place) {
    Tensor y = oneHot(place);
    same(place, t -> Functional.mseLoss(t[0], y), t -> t[0].sub(y).square().mean());
  }

  @OnEveryDevice
  void huber(Place place) {
    Tensor y = oneHot(place);
    same(
        place,
        t -> Functional.huberLoss(t[0], y, 0.7),
        t -> {
          // Both branches at once: m (|e| − m / 2), m = min(|e|, δ).
          Tensor e = t[0].sub(y).abs();
          Tensor low = e.min(place.tensor(new double[] {0.7}, 1));
          return low.mul(e.sub(low.mul(0.5))).mean();
        });
  }

  @OnEveryDevice
  void layerNorm(Place place) {
    same(
        place,
        t -> Functional.layerNorm(t[0], t[1], t[2], 1e-5),
        t -> {
          Tensor centred = t[0].sub(column(t[0].mean(1)));
          Tensor rstd = column(centred.square().mean(1)).add(1e-5).rsqrt();
          return centred.mul(rstd).mul(t[1]).add(t[2]);
        },
        new int[] {COLUMNS},
        new int[] {COLUMNS});
  }

  @OnEveryDevice
  void batchNorm(Place place) {
    same(
        place,
        t -> Functional.batchNorm(t[0], t[1], t[2], null, null, 0.1, 1e-5),
        t -> {
          Tensor centred = t[0].sub(t[0].mean(0));
          Tensor rstd = centred.square().mean(0).add(1e-5).rsqrt();
          return centred.mul(rstd).mul(t[1]).add(t[2]);
        },
        new int[] {COLUMNS},
        new int[] {COLUMNS});
  }

  @OnEveryDevice
  void batchNormWithConstantStatistics(Place place) {
    Tensor mean = draw(place, 5, COLUMNS);
    Tensor variance = draw(place, 6, COLUMNS).square().add(0.1);
    same(
        place,
        t -> Functional.batchNorm(t[0], t[1], t[2], mean, variance, 1e-5),
        t -> t[0].sub(mean).mul(variance.add(1e-5).rsqrt()).mul(t[1]).add(t[2]),
        new int[] {COLUMNS},
        new int[] {COLUMNS});
  }

  @OnEveryDevice
  void linear(Place place) {
    same(
        place,
        t -> Functional.linear(t[0], t[1], t[2]),
        t -> t[0].matmul(t[1].transpose(0, 1)).add(t[2]),
        new int[] {4, COLUMNS},
        new int[] {4});
  }

  @OnEveryDevice
  void siluAndSoftplus(Place place) {
    same(place, t -> Functional.silu(t[0]), t -> t[0].mul(Functional.sigmoid(t[0])));
    same(place, t -> Functional.softplus(t[0]), t -> t[0].exp().add(1).log());
  }

  @OnEveryDevice
  void pointwiseConvolutionIsAProduct(Place place) {
    sameOn(
        place,
        t -> Functional.conv2d(t[0], t[1], t[2], Conv2dOptions.DEFAULT),
        t ->
            t[0].reshape(2 * 3 * 4, 5)
                .matmul(t[1].reshape(7, 5).transpose(0, 1))
                .add(t[2])
                .reshape(2, 3, 4, 7),
        new int[] {2, 3, 4, 5},
        new int[] {7, 1, 1, 5},
        new int[] {7});
  }

  @OnEveryDevice
  void averagePoolingIsAMean(Place place) {
    sameOn(
        place,
        t -> Functional.avgPool2d(t[0], PoolOptions.of(2)),
        t -> t[0].reshape(2, 2, 2, 3, 2, 5).mean(2, 4),
        new int[] {2, 4, 6, 5});
    sameOn(
        place,
        t -> Functional.maxPool2d(t[0], PoolOptions.of(2)),
        t -> t[0].reshape(2, 2, 2, 3, 2, 5).max(2, 4),
        new int[] {2, 4, 6, 5});
  }

  @OnEveryDevice
  void variance(Place place) {
    same(
        place,
        t -> t[0].variance(1),
        t -> t[0].sub(column(t[0].mean(1))).square().sum(1).div(COLUMNS - 1));
  }
}
