package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import org.jspecify.annotations.Nullable;

/** Softmax, and what a net is told about its answers. */
final class Losses {
  private Losses() {}

  /**
   * y = eˣ / Σ eˣ along an axis, or its logarithm; dx = y · (dy − Σ dy · y). In float32 at least.
   */
  static Tensor softmax(Tensor x, int axis, boolean log) {
    String op = log ? "logSoftmax" : "softmax";
    Elementwise.checkFloating(op, x);
    if (Mixed.exact(x) != x.dtype()) {
      try (Tensor exact = Mixed.widened(x)) {
        return softmax(exact, axis, log);
      }
    }
    int a = x.shape().axis(axis);
    if (a != x.rank() - 1) {
      return Layout.transpose(softmax(Layout.transpose(x, a, -1), -1, log), a, -1);
    }
    int columns = x.dim(-1);
    int rows = x.shape().elements(0, x.rank() - 1);
    Tensor y = Tensor.empty(x.shape(), x.dtype(), x.home());
    x.backend().softmax().forward(y.buffer(), x.buffer(), log, rows, columns);
    return y.madeBy(
        op,
        wrt(
            x,
            reads(y),
            (dy, dx) ->
                dy.backend()
                    .softmax()
                    .backward(dx.buffer(), dy.buffer(), y.buffer(), log, rows, columns)));
  }

  /** −log softmax at the target, averaged; fused, see {@link Functional#crossEntropy}. */
  static Tensor crossEntropy(
      Tensor logits, Tensor targets, @Nullable Tensor weights, CrossEntropyOptions options) {
    Elementwise.checkFloating("crossEntropy", logits);
    Check.that(
        logits.rank() == 2 && targets.rank() == 1 && targets.dim(0) == logits.dim(0),
        "crossEntropy: needs logits [n, classes] and targets [n], got %s and %s",
        logits.shape(),
        targets.shape());
    Check.that(
        targets.dtype() == DType.INT64 || targets.dtype() == DType.INT32,
        "crossEntropy: targets are %s, expected int64 class numbers",
        targets.dtype());
    Check.that(
        targets.device().equals(logits.device()),
        "crossEntropy: logits on %s, targets on %s",
        logits.device(),
        targets.device());
    int rows = logits.dim(0);
    int classes = logits.dim(1);
    if (Mixed.exact(logits) != logits.dtype()) {
      try (Tensor exact = Mixed.widened(logits)) {
        Tensor w = weights == null ? null : Mixed.widened(weights);
        return crossEntropy(exact, targets, w, options);
      }
    }
    if (weights != null) {
      Arithmetic.checkAlike("crossEntropy", logits, weights);
      Check.that(
          weights.shape().equals(Shape.of(classes)),
          "crossEntropy: class weights %s do not fit logits %s",
          weights.shape(),
          logits.shape());
    }
    Buffer w = weights == null ? null : weights.buffer();
    Tensor loss = Tensor.empty(Shape.of(), logits.dtype(), logits.home());
    Tensor total = Tensor.empty(Shape.of(), logits.dtype(), logits.home());
    Tensor log = Tensor.empty(logits.shape(), logits.dtype(), logits.home());
    logits
        .backend()
        .softmax()
        .crossEntropy(
            loss.buffer(),
            total.buffer(),
            log.buffer(),
            logits.buffer(),
            targets.buffer(),
            w,
            options,
            rows,
            classes);
    return loss.madeBy(
        "crossEntropy",
        wrt(
            logits,
            weights == null ? reads(total, log, targets) : reads(total, log, targets, weights),
            (dloss, dx) ->
                dloss
                    .backend()
                    .softmax()
                    .crossEntropyBackward(
                        dx.buffer(),
                        dloss.buffer(),
                        total.buffer(),
                        log.buffer(),
                        targets.buffer(),
                        w,
                        options,
                        rows,
                        classes)));
  }

  /** mean(max(x, 0) − x · t + ln(1 + e^−|x|)): never overflows. */
  static Tensor binaryCrossEntropy(Tensor answers, Tensor wanted) {
    checkPair("bceWithLogits", answers, wanted);
    Tensor logits = Mixed.widened(answers);
    Tensor targets = Mixed.widened(wanted);
    Tensor positive = Elementwise.apply(Unary.RELU, logits);
    Tensor tail = Elementwise.apply(Unary.SOFTPLUS, logits.abs().neg());
    return positive.sub(logits.mul(targets)).add(tail).mean();
  }

  /** mean((x − t)²). */
  static Tensor meanSquaredError(Tensor x, Tensor targets) {
    checkPair("mseLoss", x, targets);
    return Mixed.widened(x).sub(Mixed.widened(targets)).square().mean();
  }

  /** mean of ½ d² for |d| ≤ delta, else delta · (|d| − delta / 2), d = x − t. */
  static Tensor huber(Tensor x, Tensor targets, double delta) {
    checkPair("huberLoss", x, targets);
    Check.that(delta > 0, "huberLoss: delta %s is not positive", delta);
    Tensor error = Mixed.widened(x).sub(Mixed.widened(targets));
    return Elementwise.apply(Unary.HUBER, error, delta, 0).mean();
  }

  private static void checkPair(String op, Tensor x, Tensor targets) {
    Check.that(
        x.shape().equals(targets.shape()),
        "%s: shapes differ, %s and %s",
        op,
        x.shape(),
        targets.shape());
  }
}
