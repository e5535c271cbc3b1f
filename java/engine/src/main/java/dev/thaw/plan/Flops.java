package dev.thaw.plan;

import static java.util.Map.entry;

import dev.thaw.backend.ConvShape;
import dev.thaw.backend.GemmShape;
import dev.thaw.backend.PoolShape;
import dev.thaw.backend.ResizeShape;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.UpdateRule;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * Floating-point operations of a call, by the definition in the seam: a multiplication and an
 * addition are two; a comparison, a root, an exponential, any function of one argument is one; a
 * padded zero counts as any number does. A kernel may need fewer: Winograd's convolution multiplies
 * less than half as often.
 */
final class Flops {
  /** By family and method; each kernel of the seam has its line. */
  static final Map<String, ToLongFunction<Call>> BY_KERNEL =
      Map.ofEntries(
          entry("UnaryKernels.forward", call -> elements(call, 1)),
          // The slope and a product.
          entry("UnaryKernels.backward", call -> 2 * elements(call, 1)),
          entry("BinaryKernels.forward", call -> elements(call, 1)),
          entry("ReduceKernels.reduce", call -> elements(call, 2)),
          entry("ReduceKernels.argmax", call -> elements(call, 1)),
          entry("GemmKernels.gemm", Flops::gemm),
          entry("GemmKernels.gemmConstant", Flops::gemm),
          entry(
              "GemmKernels.backwardWeights",
              call ->
                  2 * elements(call, 2) * call.value(6, Integer.class)
                      + (call.buffer(1) == null ? 0 : elements(call, 2))),
          entry("ConvKernels.forward", Flops::conv),
          entry("ConvKernels.forwardConstant", Flops::conv),
          entry(
              "ConvKernels.forwardWithStatistics",
              call -> products(call.value(5, ConvShape.class)) + statistics(call, 0)),
          entry(
              "ConvKernels.backwardData",
              call ->
                  products(call.value(4, ConvShape.class))
                      + (call.buffer(3) == null ? 0 : elements(call, 0))),
          entry(
              "ConvKernels.backwardWeights",
              call ->
                  products(call.value(4, ConvShape.class))
                      + (call.buffer(1) == null ? 0 : elements(call, 2))),
          entry("PoolKernels.maxForward", call -> taps(call.value(3, PoolShape.class))),
          entry("PoolKernels.maxBackward", call -> elements(call, 1)),
          // Additions, and a division for each element of y.
          entry(
              "PoolKernels.averageForward",
              call -> taps(call.value(2, PoolShape.class)) + elements(call, 0)),
          entry(
              "PoolKernels.averageBackward",
              call -> taps(call.value(2, PoolShape.class)) + elements(call, 1)),
          entry("NormKernels.statistics", call -> statistics(call, 2)),
          entry("NormKernels.track", call -> 6 * elements(call, 0)),
          entry("NormKernels.batchForward", Flops::batchForward),
          entry("NormKernels.pixels", call -> 3 * elements(call, 0)),
          entry("NormKernels.batchBackward", Flops::batchBackward),
          entry("NormKernels.constantBackward", call -> elements(call, 0)),
          entry("NormKernels.layerForward", call -> 8 * elements(call, 0)),
          // The row's two sums, dx, and the columns' two sums.
          entry(
              "NormKernels.layerBackward",
              call -> (call.buffer(0) == null ? 5 : 14) * elements(call, 3)),
          // The largest, differences, exponentials, their sum, and the quotient or its logarithm.
          entry("SoftmaxKernels.forward", call -> 5 * elements(call, 0)),
          entry("SoftmaxKernels.backward", call -> 4 * elements(call, 0)),
          entry("SoftmaxKernels.crossEntropy", call -> 5 * elements(call, 3)),
          entry("SoftmaxKernels.crossEntropyBackward", call -> 3 * elements(call, 0)),
          entry("IndexKernels.copy", call -> 0),
          entry("IndexKernels.fill", call -> 0),
          entry("IndexKernels.cast", call -> 0),
          entry("IndexKernels.castAll", call -> 0),
          entry("IndexKernels.take", call -> 0),
          entry("IndexKernels.gather", call -> 0),
          entry("IndexKernels.takeBackward", call -> elements(call, 1)),
          entry("IndexKernels.gatherBackward", call -> elements(call, 1)),
          entry(
              "IndexKernels.resize",
              call -> call.value(2, ResizeShape.class).bilinear() ? 7 * elements(call, 0) : 0),
          entry(
              "IndexKernels.resizeBackward",
              call -> (call.value(2, ResizeShape.class).bilinear() ? 8 : 1) * elements(call, 1)),
          // Integers, but for the factor.
          entry("RandomKernels.uniform", call -> elements(call, 0)),
          entry("RandomKernels.dropout", call -> 2 * elements(call, 0)),
          entry(
              "UpdateKernels.norm", call -> 2 * call.value(2, SegmentTable.class).activeElements()),
          entry(
              "UpdateKernels.step",
              call ->
                  ofRule(call.value(0, UpdateRule.class))
                      * call.value(1, SegmentTable.class).activeElements()),
          entry("UpdateKernels.maxNorm", call -> 2 * elements(call, 0)),
          entry("StatsKernels.measure", call -> 4 * elements(call, 1)),
          entry("StatsKernels.hash", call -> 0));

  private Flops() {}

  static long of(Call call) {
    ToLongFunction<Call> count = BY_KERNEL.get(call.toString());
    if (count == null) {
      throw new IllegalStateException("plan: Flops has no line for " + call);
    }
    return count.applyAsLong(call);
  }

  /** A sum, then the squares of differences and theirs. */
  private static long statistics(Call call, int argument) {
    return 4 * elements(call, argument);
  }

  private static long elements(Call call, int argument) {
    return call.required(argument).elements();
  }

  private static long gemm(Call call) {
    GemmShape s = call.value(5, GemmShape.class);
    long c = elements(call, 0);
    return 2 * c * s.k()
        + (call.buffer(3) == null ? 0 : c)
        + (call.value(4, Boolean.class) ? c : 0);
  }

  private static long conv(Call call) {
    long y = elements(call, 0);
    return products(call.value(6, ConvShape.class))
        + (call.buffer(3) == null ? 0 : y)
        + (call.buffer(4) == null ? 0 : y)
        + (call.value(5, Boolean.class) ? y : 0);
  }

  /** The same in all three directions. */
  private static long products(ConvShape s) {
    return 2L * s.n() * s.outH() * s.outW() * weights(s);
  }

  private static long weights(ConvShape s) {
    return (long) s.k() * s.kh() * s.kw() * (s.c() / s.groups());
  }

  /** Numbers in the weights of a product or convolution. */
  static long weights(Call call) {
    Object shape = call.arguments()[call.arguments().length - 1];
    if (shape instanceof ConvShape conv) {
      return weights(conv);
    }
    GemmShape s = (GemmShape) java.util.Objects.requireNonNull(shape);
    return (s.sharedB() ? 1L : s.batch()) * s.k() * s.n();
  }

  /** Elements under all windows together. */
  private static long taps(PoolShape s) {
    long rows = 0;
    for (int i = 0; i < s.outH(); i++) {
      rows += s.rowEnd(i) - s.rowStart(i);
    }
    long columns = 0;
    for (int j = 0; j < s.outW(); j++) {
      columns += s.columnEnd(j) - s.columnStart(j);
    }
    return s.n() * rows * columns * s.c();
  }

  /** One scale and one shift a channel, the residual and the ReLU. */
  private static long batchForward(Call call) {
    int each = 2 + (call.buffer(6) == null ? 0 : 1) + (call.value(7, Boolean.class) ? 1 : 0);
    return each * elements(call, 0);
  }

  /**
   * Two sums, dx as a sum of dy, x and a number a channel with factors, and the ReLU's mask:
   * forward once more, or its slope at y and a product.
   */
  private static long batchBackward(Call call) {
    int mask = call.buffer(7) != null ? 3 : call.buffer(10) != null ? 2 : 0;
    return (5 + (call.buffer(0) == null ? 0 : 4) + mask) * elements(call, 4);
  }

  /** Of an element, as {@link UpdateRule} writes it: two for the scales of the gradient first. */
  private static int ofRule(UpdateRule rule) {
    return switch (rule) {
      case SGD -> 8;
      case ADAM, ADAMW -> 18;
      case RMSPROP -> 15;
    };
  }
}
