package dev.thaw.plan;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.IndexKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Which fills are done once, and that others stay. */
final class ConstantFillsTest {
  private final Backend plain = Devices.get("plain");

  /** What lives in the step alone. */
  private Buffer inside(long elements) {
    Buffer buffer = plain.pool().allocate(DType.FLOAT32, elements, Purpose.ACTIVATIONS);
    buffer.release();
    return buffer;
  }

  private static Call fill(Buffer y, double value) {
    return new Call(Call.method(IndexKernels.class, "fill"), new Object[] {y, value});
  }

  private static Call copy(Buffer y, Buffer x) {
    return new Call(Call.method(IndexKernels.class, "cast"), new Object[] {y, x});
  }

  @Test
  void aNumberThatNobodyChangesIsWrittenOnce() {
    Buffer one = inside(1);
    ConstantFills fills =
        new ConstantFills(plain, List.of(fill(one, 1.5), copy(inside(1), one)), List.of());
    assertEquals(1, fills.calls().size());
    Buffer filled = fills.made().get(0);
    assertSame(filled, fills.calls().get(0).required(1));
    ByteBuffer read = ByteBuffer.allocateDirect(4).order(ByteOrder.nativeOrder());
    plain.download(read, filled);
    assertArrayEquals(new float[] {1.5f}, new float[] {read.getFloat(0)});
    filled.release();
  }

  @Test
  void allElseIsWrittenInEachStep() {
    Buffer changed = inside(1);
    Buffer large = inside(65);
    Buffer result = inside(1);
    try (Scope scope = Scope.open()) {
      Buffer outside = Tensor.ones(1).buffer();
      List<Call> calls =
          List.of(
              fill(changed, 0),
              copy(changed, outside),
              fill(large, 0),
              fill(result, 1),
              fill(outside, 1));
      ConstantFills fills = new ConstantFills(plain, calls, List.of(result));
      assertEquals(calls.toString(), fills.calls().toString());
      assertEquals(List.of(), fills.made());
    }
  }

  static List<String> devices() {
    return Devices.available();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void aStepBeginsItsGradientWithoutACall(String device) {
    Backend backend = Devices.get(device);
    try (var on = backend.device().use();
        Module model = Zoo.create("mlp", Shape.of(1, 4, 4, 1), 2);
        Optimizer optimizer = new Sgd(model, 0.1, 0);
        Scope scope = Scope.open()) {
      Tensor x = Tensor.ones(2, 4, 4, 1);
      Tensor y = Tensor.of(new int[] {1, 0}, 2);
      optimizer.zeroGrad();
      TrainingPlan.Outcome outcome =
          TrainingPlan.record(
              backend,
              model,
              () -> {
                Functional.crossEntropy(model.call(x), y).backward();
                optimizer.step();
              });
      try (TrainingPlan plan = outcome.plan()) {
        assertNotNull(plan, outcome.obstacle());
        assertEquals(0, plan.kernels().getOrDefault("IndexKernels.fill", 0), "" + plan.kernels());
        optimizer.prepare();
        Tensor bias = requireNonNull(model.parameters().get("fc2.bias")).value();
        float before = bias.toFloats()[0];
        plan.run();
        // The gradient begins with that number: with 0 nothing would move.
        assertNotEquals(before, bias.toFloats()[0]);
      }
    }
  }
}
