package dev.thaw.ops;

import static dev.thaw.ops.Domain.around;
import static dev.thaw.ops.Domain.between;

import dev.thaw.memory.DType;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Batch, layer and L2 normalisation, and that of pictures. */
final class NormCases {
  private static final double EPS = 1e-5;

  private final List<OpCase> cases = new ArrayList<>();

  private NormCases() {}

  static List<OpCase> all() {
    NormCases table = new NormCases();
    for (int[] dims :
        new int[][] {
          {2, 1},
          {5, 3},
          {33, 4},
          {257, 31},
          {2, 3, 5},
          {2, 5, 4, 7},
          {3, 4, 4, 33},
          {16, 28, 28, 31}
        }) {
      table.batch("", Operand.of(dims), 1);
    }
    table.batch("mean 1000", Operand.of(129, 5).in(around(1000)), 1000);
    table.batch("one row", Operand.of(1, 3), 1);
    for (int[] dims :
        new int[][] {
          {1, 1}, {2, 5}, {3, 4, 33}, {7, 257}, {1, 1025}, {0, 5}, {33, 31}, {256, 768}
        }) {
      table.layer("", Operand.of(dims), 1);
    }
    table.layer("mean 1000", Operand.of(5, 129).in(around(1000)), 1000);
    table.constant();
    table.normalize();
    table.pixels();
    return table.cases;
  }

  private void batch(String detail, Operand x, double slack) {
    int c = x.shape().dim(-1);
    long rows = x.shape().elements() / c;
    // Two rows always end at ±1, whatever they are: the derivative is what cancellation leaves.
    double spread = rows <= 2 ? 1000 : 1;
    cases.add(
        OpCase.of(
                "batchNorm",
                t -> Functional.batchNorm(t[0], t[1], t[2], null, null, 0.1, EPS),
                x,
                Operand.of(c),
                Operand.of(c))
            .with(detail.isEmpty() ? "training" : "training, " + detail)
            .terms(rows)
            .flops(8.0 / rows)
            .slack(4 * slack * spread));
    Operand statistic = Operand.of(c).constant();
    cases.add(
        OpCase.of(
                "batchNorm",
                t -> running(t[0], t[1], t[2]),
                x.constant(),
                statistic,
                statistic.in(between(0.5, 2)))
            .with(detail.isEmpty() ? "running statistics" : "running statistics, " + detail)
            .terms(rows)
            .flops(4)
            .slack(slack));
  }

  /** Both running statistics after one batch, side by side. */
  private static Tensor running(Tensor x, Tensor mean, Tensor variance) {
    Tensor m = kept(mean);
    Tensor v = kept(variance);
    Functional.batchNorm(x, mean, mean, m, v, 0.1, EPS);
    return Functional.concat(List.of(m, v), 0);
  }

  /** A copy in the dtype that statistics are kept in. */
  private static Tensor kept(Tensor x) {
    return x.mul(1).to(x.dtype() == DType.BFLOAT16 ? DType.FLOAT32 : x.dtype());
  }

  private void constant() {
    for (int[] dims :
        new int[][] {{1, 1}, {0, 3}, {5, 3}, {257, 31}, {2, 5, 4, 7}, {16, 28, 28, 31}}) {
      Operand channel = Operand.of(dims[dims.length - 1]);
      cases.add(
          OpCase.of(
                  "batchNorm",
                  t -> Functional.batchNorm(t[0], t[1], t[2], t[3], t[4], EPS),
                  Operand.of(dims),
                  channel,
                  channel,
                  channel.constant(),
                  channel.in(between(0.5, 2)).constant())
              .with("constant")
              .flops(2)
              .slack(4));
    }
  }

  private void layer(String detail, Operand x, double slack) {
    int columns = x.shape().dim(-1);
    cases.add(
        OpCase.of(
                "layerNorm",
                t -> Functional.layerNorm(t[0], t[1], t[2], EPS),
                x,
                Operand.of(columns),
                Operand.of(columns))
            .with(detail)
            .terms(columns)
            .flops(8.0 / columns)
            .slack(4 * slack));
  }

  private void normalize() {
    for (int[] dims : new int[][] {{1}, {5}, {3, 4}, {3, 4, 5}, {31, 257}}) {
      for (int axis = 0; axis < dims.length; axis++) {
        int along = axis;
        cases.add(
            OpCase.of("normalize", t -> Functional.normalize(t[0], along, 1e-12), Operand.of(dims))
                .with("along " + axis)
                .terms(dims[axis])
                .flops(4.0 / dims[axis])
                .slack(4));
      }
    }
    Operand zeros = Operand.of(2, 3).in(Domain.each((random, i) -> i < 3 ? 0 : 1 + i));
    cases.add(
        OpCase.of("normalize", t -> Functional.normalize(t[0], 1, 1e-6), zeros)
            .with("a row of zeros")
            .terms(3)
            .slack(4)
            .onKinks());
  }

  /** Bytes have no derivative, and mean and std are constants: values alone. */
  private void pixels() {
    for (int[] dims :
        new int[][] {{3}, {2, 1}, {0, 3}, {5, 3}, {257, 31}, {2, 5, 4, 7}, {33, 28, 28, 3}}) {
      Operand bytes = Operand.index(256, dims);
      Operand channel = Operand.of(dims[dims.length - 1]).constant();
      cases.add(
          OpCase.of(
                  "normalizePixels",
                  t -> Functional.normalizePixels(t[0], t[1], t[2], t[1].dtype()),
                  new Operand(bytes.shape(), bytes.domain(), DType.UINT8, false),
                  channel.in(between(0.3, 0.6)),
                  channel.in(between(0.2, 0.4)))
              .flops(3)
              .slack(4));
    }
  }
}
