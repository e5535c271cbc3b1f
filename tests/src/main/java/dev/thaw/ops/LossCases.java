package dev.thaw.ops;

import static dev.thaw.ops.Domain.away;
import static dev.thaw.ops.Domain.between;
import static dev.thaw.ops.Domain.wide;

import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.tensor.Functional;
import java.util.ArrayList;
import java.util.List;

/** Softmax, and what a net is told about its answers. */
final class LossCases {
  private static final CrossEntropyOptions PLAIN = CrossEntropyOptions.DEFAULT;

  private final List<OpCase> cases = new ArrayList<>();

  private LossCases() {}

  static List<OpCase> all() {
    LossCases table = new LossCases();
    table.softmax();
    table.crossEntropy();
    table.pairs();
    return table.cases;
  }

  private void softmax() {
    for (int[] dims :
        new int[][] {
          {1}, {5}, {0, 3}, {3, 1}, {2, 10}, {3, 4, 5}, {31, 33}, {4, 257}, {3, 1025}, {256, 1000}
        }) {
      for (int axis = 0; axis < dims.length; axis++) {
        if (dims[axis] > 0) {
          softmax("along " + axis, Operand.of(dims), axis, 1);
        }
      }
    }
    softmax("large numbers", Operand.of(5, 33).in(wide(1e4)), 1, 1);
    softmax("equal numbers", Operand.of(5, 33).in(Domain.each((random, i) -> 7)), 1, 1);
    softmax("around 1000", Operand.of(5, 33).in(Domain.around(1000)), 1, 1);
  }

  private void softmax(String detail, Operand x, int axis, double slack) {
    int terms = x.shape().dim(axis);
    cases.add(
        OpCase.of("softmax", t -> Functional.softmax(t[0], axis), x)
            .with(detail)
            .terms(terms)
            .flops(12.0 / terms)
            .slack(4 * slack));
    cases.add(
        OpCase.of("logSoftmax", t -> Functional.logSoftmax(t[0], axis), x)
            .with(detail)
            .terms(terms)
            .flops(12.0 / terms)
            .slack(4 * slack));
  }

  private void crossEntropy() {
    for (int[] dims : new int[][] {{1, 1}, {1, 2}, {5, 10}, {33, 31}, {7, 257}, {64, 1000}}) {
      Operand logits = Operand.of(dims);
      Operand targets = Operand.index(dims[1], dims[0]);
      entropy("", PLAIN, logits, targets);
      entropy("int32", PLAIN, logits, targets.int32());
      entropy("smoothing 0.1", new CrossEntropyOptions(0.1, -100), logits, targets);
      weighted("weights", PLAIN, logits, targets);
      weighted("smoothing and weights", new CrossEntropyOptions(0.2, -100), logits, targets);
    }
    Operand logits = Operand.of(9, 4);
    Domain some = Domain.each((random, i) -> i % 3 == 1 ? -100 : random.below(i, 4));
    Operand targets = Operand.index(4, 9).in(some);
    entropy("some ignored", PLAIN, logits, targets);
    weighted(
        "smoothing, weights, some ignored", new CrossEntropyOptions(0.3, -100), logits, targets);
    entropy("class 2 ignored", new CrossEntropyOptions(0, 2), logits, Operand.index(4, 9));
    // 0 / 0, as PyTorch: not a number, and nobody may take it for a small loss.
    entropy("all ignored", PLAIN, logits, Operand.index(4, 9).in(Domain.each((r, i) -> -100)));
    entropy("large numbers", PLAIN, Operand.of(5, 33).in(wide(1e4)), Operand.index(33, 5));
  }

  private void entropy(
      String detail, CrossEntropyOptions options, Operand logits, Operand targets) {
    OpCase.Call call = t -> Functional.crossEntropy(t[0], t[1], null, options);
    OpCase line =
        OpCase.of("crossEntropy", call, logits, targets)
            .with(detail)
            .terms(logits.shape().elements())
            .flops(12)
            .slack(4);
    cases.add(detail.startsWith("all") ? line.onKinks() : line);
  }

  private void weighted(
      String detail, CrossEntropyOptions options, Operand logits, Operand targets) {
    Operand weights = Operand.of(logits.shape().dim(1)).in(between(0.2, 2)).constant();
    OpCase.Call call = t -> Functional.crossEntropy(t[0], t[1], t[2], options);
    cases.add(
        OpCase.of("crossEntropy", call, logits, targets, weights)
            .with(detail)
            .terms(logits.shape().elements())
            .flops(12)
            .slack(4));
  }

  private void pairs() {
    for (int[] dims : new int[][] {{}, {1}, {5}, {3, 4}, {33, 31}, {1 << 16 | 1}}) {
      Operand x = Operand.of(dims);
      long n = x.shape().elements();
      Operand share = x.in(between(0, 1));
      OpCase.Call bce = t -> Functional.bceWithLogits(t[0], t[1]);
      OpCase.Call mse = t -> Functional.mseLoss(t[0], t[1]);
      OpCase.Call huber = t -> Functional.huberLoss(t[0], t[1], 0.52);
      cases.add(OpCase.of("bceWithLogits", bce, x.in(away(0)), share).terms(n).flops(30).slack(2));
      cases.add(OpCase.of("mseLoss", mse, x, x).terms(n).flops(3).slack(2));
      // The difference is a multiple of 0.1 and so never at ±0.52.
      Operand steps = x.in(Domain.grid(0));
      cases.add(OpCase.of("huberLoss", huber, steps, steps).terms(n).flops(6).slack(2));
    }
    Operand x = Operand.of(1037).in(wide(1e4));
    Operand share = Operand.of(1037).in(between(0, 1));
    OpCase.Call bce = t -> Functional.bceWithLogits(t[0], t[1]);
    cases.add(OpCase.of("bceWithLogits", bce, x, share).with("far out").terms(1037).slack(2));
  }
}
