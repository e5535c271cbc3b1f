package dev.thaw.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.thaw.backend.Backend;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.Devices;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.PoolOptions;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.tensor.TensorOn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Ops called wrongly: refused before anything is computed, with what is wrong in the message. */
final class RefusalTest {
  private static final Backend PLAIN = Devices.get("plain");
  private static final Conv2dOptions PLAIN_WALK = Conv2dOptions.DEFAULT;
  private static final CrossEntropyOptions COUNTING = CrossEntropyOptions.DEFAULT;

  private final List<DynamicTest> tests = new ArrayList<>();

  private static int[] d(int... dims) {
    return dims;
  }

  private static Tensor zeros(DType dtype, int... dims) {
    Shape shape = Shape.of(dims);
    return TensorOn.of(PLAIN, dtype, shape, new double[(int) shape.elements()]);
  }

  /** Runs {@code action} in a scope on plain, and holds that it left no memory behind. */
  private static void inside(Runnable action) {
    long live = PLAIN.pool().liveBytes();
    try (Device.Use on = PLAIN.device().use();
        Scope scope = Scope.open()) {
      action.run();
    }
    assertEquals(live, PLAIN.pool().liveBytes(), "bytes that are still held");
  }

  /** Float32 operands of these shapes are refused, and the message starts and names all shapes. */
  private void refused(String start, OpCase.Call call, int[]... shapes) {
    Tensor[] x = new Tensor[shapes.length];
    tests.add(
        dynamicTest(
            start + " " + List.of(shapes).stream().map(java.util.Arrays::toString).toList(),
            () ->
                inside(
                    () -> {
                      for (int i = 0; i < x.length; i++) {
                        x[i] = zeros(DType.FLOAT32, shapes[i]);
                      }
                      String message =
                          String.valueOf(
                              assertThrows(IllegalArgumentException.class, () -> call.of(x))
                                  .getMessage());
                      assertTrue(message.startsWith(start), message);
                      for (Tensor operand : x) {
                        assertTrue(
                            operand.rank() == 0 || message.contains(operand.shape().toString()),
                            () -> operand.shape() + " is not named: " + message);
                      }
                    })));
  }

  @TestFactory
  Stream<DynamicTest> wrongShapes() {
    Map<String, OpCase.Call> binary = new LinkedHashMap<>();
    binary.put("add", t -> t[0].add(t[1]));
    binary.put("sub", t -> t[0].sub(t[1]));
    binary.put("mul", t -> t[0].mul(t[1]));
    binary.put("div", t -> t[0].div(t[1]));
    binary.put("min", t -> t[0].min(t[1]));
    binary.put("max", t -> t[0].max(t[1]));
    binary.put("pow", t -> t[0].pow(t[1]));
    binary.forEach(
        (op, call) -> {
          refused(op + ": shapes do not broadcast", call, d(2, 3), d(2));
          refused(op + ": shapes do not broadcast", call, d(4), d(3, 5));
          refused(op + ": shapes do not broadcast", call, d(0), d(2));
        });
    OpCase.Call matmul = t -> t[0].matmul(t[1]);
    refused("matmul: inner sizes differ", matmul, d(3, 4), d(3, 4));
    refused("matmul: inner sizes differ", matmul, d(2, 3, 4), d(5, 4));
    refused("matmul: needs matrices", matmul, d(4), d(4, 5));
    refused("matmul: needs matrices", matmul, d(3, 4), d(4));
    refused("matmul: leading dimensions do not broadcast", matmul, d(2, 3, 4), d(3, 4, 5));
    OpCase.Call linear = t -> Functional.linear(t[0], t[1], t.length > 2 ? t[2] : null);
    refused("linear: weights [7, 5] expect 5 features, got 4", linear, d(3, 4), d(7, 5));
    refused("linear: needs a matrix", linear, d(3, 4), d(4));
    refused("linear: bias", t -> linear.of(zeros(DType.FLOAT32, 3, 4), t[1], t[0]), d(6), d(7, 4));
    OpCase.Call conv = t -> Functional.conv2d(t[0], t[1], t.length > 2 ? t[2] : null, PLAIN_WALK);
    refused("conv2d: 1 groups of weights", conv, d(1, 5, 5, 3), d(4, 3, 3, 2));
    refused(
        "conv2d: 2 groups of weights",
        t -> Functional.conv2d(t[0], t[1], null, PLAIN_WALK.groups(2)),
        d(1, 5, 5, 4),
        d(3, 3, 3, 2));
    refused("conv2d: needs pictures [n, h, w, c] and weights", conv, d(5, 5, 3), d(4, 3, 3, 3));
    refused(
        "conv2d: a 3 x 3 kernel does not fit",
        t -> conv.of(t[0], zeros(DType.FLOAT32, 4, 3, 3, 3)),
        d(1, 2, 2, 3));
    refused(
        "conv2d: bias",
        t -> conv.of(zeros(DType.FLOAT32, 1, 5, 5, 3), t[0], t[1]),
        d(4, 3, 3, 3),
        d(3));
    refused(
        "maxPool2d: a 3 x 3 window does not fit",
        t -> Functional.maxPool2d(t[0], PoolOptions.of(3)),
        d(1, 2, 5, 3));
    refused(
        "avgPool2d: needs pictures",
        t -> Functional.avgPool2d(t[0], PoolOptions.of(2)),
        d(5, 5, 3));
    refused("adaptiveAvgPool2d", t -> Functional.adaptiveAvgPool2d(t[0], 0, 2), d(1, 5, 5, 3));
    refused("resize", t -> Functional.resizeNearest(t[0], 3, 0), d(1, 5, 5, 3));
    refused("resize: needs pictures", t -> Functional.resizeBilinear(t[0], 3, 3, true), d(5, 5, 3));
    norms();
    losses();
    positions();
    layouts();
    return tests.stream();
  }

  private void norms() {
    OpCase.Call batch = t -> Functional.batchNorm(t[0], t[1], t[2], null, null, 0.1, 1e-5);
    refused("batchNorm", batch, d(5, 3), d(4), d(3));
    refused("batchNorm", batch, d(5, 3), d(3), d(1));
    refused(
        "batchNorm: an empty batch",
        t -> batch.of(t[0], zeros(DType.FLOAT32, 3), zeros(DType.FLOAT32, 3)),
        d(0, 3));
    refused("batchNorm: needs at least two dimensions", t -> batch.of(t[0], t[0], t[0]), d(3));
    refused(
        "batchNorm",
        t -> {
          Tensor w = zeros(DType.FLOAT32, 3);
          return Functional.batchNorm(t[0], w, w, t[1], t[2], 0.1, 1e-5);
        },
        d(5, 3),
        d(3),
        d(2));
    refused(
        "batchNorm",
        t -> {
          Tensor w = zeros(DType.FLOAT32, 3);
          return Functional.batchNorm(t[0], w, w, t[1], t[2], 1e-5);
        },
        d(5, 3),
        d(4),
        d(3));
    refused("layerNorm", t -> Functional.layerNorm(t[0], t[1], t[2], 1e-5), d(5, 3), d(5), d(3));
    OpCase.Call pixels =
        t -> Functional.normalizePixels(t[0].to(DType.UINT8), t[1], t[2], t[1].dtype());
    refused("normalizePixels: [4] and [4] do not fit", pixels, d(5, 3), d(4), d(4));
    refused("normalizePixels: [3] and [1] do not fit", pixels, d(5, 3), d(3), d(1));
  }

  private void losses() {
    refused("bceWithLogits: shapes differ", t -> Functional.bceWithLogits(t[0], t[1]), d(3), d(4));
    refused("mseLoss: shapes differ", t -> Functional.mseLoss(t[0], t[1]), d(3, 1), d(3));
    refused("huberLoss: shapes differ", t -> Functional.huberLoss(t[0], t[1], 1), d(2, 3), d(3));
    refused(
        "crossEntropy: needs logits [n, classes] and targets [n]",
        t -> Functional.crossEntropy(t[0], t[1].to(DType.INT64)),
        d(3, 4),
        d(4));
    refused(
        "crossEntropy: class weights",
        t -> Functional.crossEntropy(t[0], Tensor.of(new long[] {0, 1, 2}), t[1], COUNTING),
        d(3, 4),
        d(3));
  }

  private void positions() {
    OpCase.Call gather = t -> Functional.gather(t[0], 1, t[1].to(DType.INT64));
    refused("gather", gather, d(3, 4), d(2, 4));
    refused("gather", gather, d(3, 4), d(3));
    refused("shape", t -> Functional.take(t[0], Tensor.of(new long[] {0, 1}), 2), d(3, 4));
  }

  private void layouts() {
    OpCase.Call concat = t -> Functional.concat(List.of(t), 0);
    refused("concat", concat, d(3, 4), d(3, 5));
    refused("concat", concat, d(3, 4), d(3));
    refused("reshape", t -> t[0].reshape(5, 2), d(3, 4));
    refused("reshape", t -> t[0].reshape(5, -1), d(3, 4));
    refused("permute", t -> t[0].permute(0), d(3, 4));
    refused("shape", t -> t[0].permute(0, 2), d(3, 4));
    refused("slice", t -> t[0].slice(1, 2, 5), d(3, 4));
    refused("slice", t -> t[0].slice(1, 3, 2), d(3, 4));
    refused("split", t -> t[0].split(1, 2, 1).get(0), d(3, 4));
    refused("expand", t -> t[0].expand(2, 4), d(3, 4));
    refused("expand", t -> t[0].expand(4), d(3, 4));
    refused("pad", t -> Functional.pad(t[0], d(1), d(1), 0), d(3, 4));
    refused("shape", t -> t[0].sum(2), d(3, 4));
    refused("mean: no elements", t -> t[0].mean(), d(0, 4));
    refused("max: no elements", t -> t[0].max(0), d(0, 4));
    refused("argmax: no elements", t -> t[0].argmax(0), d(0, 4));
    refused("item", t -> Tensor.scalar(t[0].item()), d(3, 4));
  }

  /** What is wrong with a number, an option, a dtype: the message in full. */
  @TestFactory
  Stream<DynamicTest> wrongArguments() {
    said("permute: [0, 0] repeats 0", () -> zeros(DType.FLOAT32, 3, 4).permute(0, 0));
    said("sum: dimension 1 named twice in [1, -1]", () -> zeros(DType.FLOAT32, 3, 4).sum(1, -1));
    said("reshape: two sizes are -1 in [-1, -1]", () -> zeros(DType.FLOAT32, 4).reshape(-1, -1));
    said("variance: 1 elements are too few", () -> zeros(DType.FLOAT32, 3, 1).variance(1));
    said(
        "clip: the lower limit 2.0 is above the upper 1.0",
        () -> zeros(DType.FLOAT32, 3).clip(2, 1));
    said(
        "dropout: probability 1.0 not in [0, 1)",
        () -> Functional.dropout(zeros(DType.FLOAT32, 3), 1, new Generator(1)));
    said("crossEntropy: smoothing 1.0 not in [0, 1)", () -> new CrossEntropyOptions(1, -100));
    said(
        "huberLoss: delta 0.0 is not positive",
        () -> Functional.huberLoss(zeros(DType.FLOAT32, 3), zeros(DType.FLOAT32, 3), 0));
    said("concat: no tensors", () -> Functional.concat(List.of(), 0));
    said("conv2d: stride 0 x 0", () -> PLAIN_WALK.stride(0));
    said("conv2d: padding -1 x -1", () -> PLAIN_WALK.padding(-1));
    said("conv2d: dilation 0 x 0", () -> PLAIN_WALK.dilation(0));
    said("conv2d: 0 groups", () -> PLAIN_WALK.groups(0));
    said("pool: window 0 x 0", () -> PoolOptions.of(0));
    said("pool: stride 0 x 0", () -> PoolOptions.of(2, 0, 0));
    said("pool: padding 2 x 2 is more than half of a 3 x 3 window", () -> PoolOptions.of(3, 1, 2));
    said(
        "crossEntropy: targets are float32, expected int64 class numbers",
        () -> Functional.crossEntropy(zeros(DType.FLOAT32, 3, 4), zeros(DType.FLOAT32, 3)));
    said(
        "take: the index is float32, expected int64 or int32",
        () -> Functional.embedding(zeros(DType.FLOAT32, 3, 4), zeros(DType.FLOAT32, 3)));
    said(
        "take: index 7 at 1 is not in [0, 3)",
        () -> Functional.embedding(zeros(DType.FLOAT32, 3, 4), Tensor.of(new long[] {0, 7})));
    said(
        "gather: index -1 at 0 is not in [0, 3)",
        () -> Functional.gather(zeros(DType.FLOAT32, 3), 0, Tensor.of(new int[] {-1, 1})));
    said("tensor: 3 values do not fill [2, 2]", () -> Tensor.of(new float[] {1, 2, 3}, 2, 2));
    said("shape: a size is negative in [2, -1]", () -> Tensor.zeros(2, -1));
    return tests.stream();
  }

  private void said(String message, Runnable action) {
    tests.add(
        dynamicTest(
            message,
            () ->
                inside(
                    () ->
                        assertEquals(
                            message,
                            assertThrows(IllegalArgumentException.class, action::run)
                                .getMessage()))));
  }

  /**
   * Each case of the table again with one operand of another dtype: refused, whatever the op,
   * unless it only moves values and has one operand.
   */
  @TestFactory
  Stream<DynamicTest> mixedDtypes() {
    for (OpCase line : smallestOfEachOp()) {
      for (int i = 0; i < line.operands().size(); i++) {
        if (line.operands().get(i).integer() == null) {
          for (DType other : List.of(DType.INT32, DType.INT64, DType.UINT8, DType.FLOAT64)) {
            boolean alone = line.operands().stream().filter(o -> o.integer() == null).count() == 1;
            if (!(alone && (line.anyDtype() || other.isFloating() || line.op().equals("to")))) {
              mixed(line, i, other);
            }
          }
        }
      }
    }
    return tests.stream();
  }

  /** For each op and number of operands the case with the fewest elements, but with some. */
  private static List<OpCase> smallestOfEachOp() {
    Map<String, OpCase> smallest = new LinkedHashMap<>();
    for (OpCase line : OpCases.all()) {
      boolean some = line.operands().stream().allMatch(o -> o.shape().elements() > 0);
      boolean moves = List.of("take", "gather", "embedding").contains(line.op());
      if (some && !moves && !line.kinked()) {
        smallest.merge(
            line.op() + line.operands().size(),
            line,
            (a, b) -> a.elements() <= b.elements() ? a : b);
      }
    }
    return List.copyOf(smallest.values());
  }

  private void mixed(OpCase line, int changed, DType other) {
    tests.add(
        dynamicTest(
            line.name() + ", operand " + changed + " " + other,
            () ->
                inside(
                    () -> {
                      Tensor[] x = new Tensor[line.operands().size()];
                      for (int i = 0; i < x.length; i++) {
                        Operand operand = line.operands().get(i);
                        DType dtype = i == changed ? other : operand.dtype(DType.FLOAT32);
                        x[i] = zeros(dtype, operand.shape().dims());
                      }
                      String message =
                          String.valueOf(
                              assertThrows(IllegalArgumentException.class, () -> line.call().of(x))
                                  .getMessage());
                      assertTrue(message.contains(other.toString()), message);
                    })));
  }

  @TestFactory
  Stream<DynamicTest> mixedDevices() {
    Backend elsewhere = Devices.get("plain:1");
    for (OpCase line : smallestOfEachOp()) {
      if (line.operands().size() > 1) {
        tests.add(
            dynamicTest(
                line.name(),
                () ->
                    inside(
                        () -> {
                          Tensor[] x = new Tensor[line.operands().size()];
                          for (int i = 0; i < x.length; i++) {
                            Operand operand = line.operands().get(i);
                            x[i] =
                                TensorOn.of(
                                    i == x.length - 1 ? elsewhere : PLAIN,
                                    operand.dtype(DType.FLOAT32),
                                    operand.shape(),
                                    new double[(int) operand.shape().elements()]);
                          }
                          String message =
                              String.valueOf(
                                  assertThrows(
                                          IllegalArgumentException.class, () -> line.call().of(x))
                                      .getMessage());
                          assertTrue(
                              message.matches(".* on plain( and|, .* on) plain:1.*"), message);
                        })));
      }
    }
    return tests.stream();
  }
}
