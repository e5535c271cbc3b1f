package dev.thaw.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.thaw.OnPlain;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Linear;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Activations in bfloat16 beside weights in float32: what is what, and what is refused. */
@ExtendWith(OnPlain.class)
final class MixedPrecisionTest {
  /** 1 + 2⁻¹⁰ has no bfloat16; the nearest is 1. */
  private static final float FINE = 1 + 0x1p-10f;

  private static Tensor bf16(double value, int... dims) {
    return Tensor.full(value, dims).to(DType.BFLOAT16);
  }

  private static Tensor weight(double value, int... dims) {
    return Tensor.full(value, dims).requiresGrad(true);
  }

  private static Tensor gradient(Tensor leaf) {
    Tensor gradient = Objects.requireNonNull(leaf.grad());
    assertEquals(leaf.dtype(), gradient.dtype());
    return gradient;
  }

  @Test
  void theWeightIsRoundedForTheProductAndItsGradientIsNot() {
    Tensor x = bf16(1, 3, 1);
    Tensor w = weight(FINE, 1, 1);
    Tensor b = weight(0, 1);
    Tensor y = Functional.linear(x, w, b);
    assertEquals(DType.BFLOAT16, y.dtype());
    assertArrayEquals(new float[] {1, 1, 1}, y.toFloats());
    // 257 / 256 has no bfloat16 either, and is what three gradients of ones and eighths add up to.
    y.backward(Tensor.of(new float[] {1, 0x1p-8f, 0}, 3, 1).to(DType.BFLOAT16));
    assertEquals(1 + 0x1p-8, gradient(w).item());
    assertEquals(1 + 0x1p-8, gradient(b).item());
    assertEquals(FINE, (float) w.item(), "the master is left alone");
  }

  @Test
  void convolutionLikewise() {
    Tensor x = bf16(1, 3, 1, 1, 1).requiresGrad(true);
    Tensor w = weight(FINE, 1, 1, 1, 1);
    Tensor b = weight(2, 1);
    Tensor y = Functional.conv2d(x, w, b, Conv2dOptions.DEFAULT);
    assertArrayEquals(new float[] {3, 3, 3}, y.toFloats());
    y.backward(Tensor.of(new float[] {1, 0x1p-8f, 0}, 3, 1, 1, 1).to(DType.BFLOAT16));
    assertEquals(1 + 0x1p-8, gradient(w).item());
    assertEquals(1 + 0x1p-8, gradient(b).item());
    assertArrayEquals(new float[] {1, 0x1p-8f, 0}, gradient(x).toFloats());
  }

  @Test
  void aBiasOfAFrozenConvolutionLearnsInFloat32() {
    Tensor b = weight(0, 1);
    Tensor y =
        Functional.conv2d(bf16(1, 3, 1, 1, 1), Tensor.ones(1, 1, 1, 1), b, Conv2dOptions.DEFAULT);
    y.backward(Tensor.of(new float[] {1, 0x1p-8f, 0}, 3, 1, 1, 1).to(DType.BFLOAT16));
    assertEquals(1 + 0x1p-8, gradient(b).item());
  }

  @Test
  void aShiftAddedByHandLearnsInFloat32() {
    Tensor x = bf16(1, 3, 2);
    Tensor b = weight(FINE, 2);
    Tensor y = x.add(b);
    assertEquals(DType.BFLOAT16, y.dtype());
    assertEquals(2, y.toFloats()[0]);
    y.backward(Tensor.of(new float[] {1, 1, 0x1p-8f, 0, 0, 0}, 3, 2).to(DType.BFLOAT16));
    assertArrayEquals(new float[] {1 + 0x1p-8f, 1}, gradient(b).toFloats());
  }

  @Test
  void aSlopeLearnsInFloat32() {
    Tensor slope = weight(0.25, 1);
    Tensor y = Functional.prelu(bf16(-2, 4), slope);
    assertEquals(DType.BFLOAT16, y.dtype());
    assertEquals(-0.5f, y.toFloats()[0]);
    y.sum().backward();
    assertEquals(-8, gradient(slope).item());
  }

  @Test
  void rowsOfATableAreOfItsDtypeAndAddUpInFloat32() {
    Tensor table = weight(1, 2, 1);
    Tensor rows = Functional.embedding(table, Tensor.of(new long[] {1, 1}));
    assertEquals(DType.FLOAT32, rows.dtype());
    rows.to(DType.BFLOAT16).backward(Tensor.of(new float[] {1, 0x1p-8f}, 2, 1).to(DType.BFLOAT16));
    assertArrayEquals(new float[] {0, 1 + 0x1p-8f}, gradient(table).toFloats());
  }

  @Test
  void normsKeepStatisticsInFloat32() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 6}, 4, 1).to(DType.BFLOAT16);
    Tensor mean = Tensor.zeros(1);
    Tensor variance = Tensor.ones(1);
    Tensor w = weight(1, 1);
    Tensor b = weight(0, 1);
    Tensor y = Functional.batchNorm(x, w, b, mean, variance, 0.001, 1e-5);
    assertEquals(DType.BFLOAT16, y.dtype());
    assertEquals(0.003f, (float) mean.item(), 1e-9f, "in bfloat16 it would be 0.0029907");
    y.sum().backward();
    assertEquals(4, gradient(b).item());
    gradient(w);
  }

  @Test
  void bfloat16RunningStatisticsAreRefused() {
    Tensor x = bf16(1, 4, 1);
    Tensor one = Tensor.ones(1);
    assertEquals(
        "batchNorm: running statistics are bfloat16 and bfloat16, expected float32",
        refusal(() -> Functional.batchNorm(x, one, one, bf16(0, 1), bf16(1, 1), 0.1, 1e-5)));
  }

  @Test
  void lossesAreFloat32AndTheirGradientsComeBackInBfloat16() {
    Tensor logits = bf16(1, 2, 3).requiresGrad(true);
    Tensor loss = Functional.crossEntropy(logits, Tensor.of(new long[] {0, 2}));
    assertEquals(DType.FLOAT32, loss.dtype());
    assertEquals((float) Math.log(3), (float) loss.item(), "not rounded to bfloat16");
    loss.backward();
    assertEquals(DType.BFLOAT16, gradient(logits).dtype());
    assertEquals(DType.FLOAT32, Functional.softmax(logits, 0).dtype());
    Tensor half = Tensor.full(0.5, 2, 3);
    assertEquals(DType.FLOAT32, Functional.mseLoss(logits, half).dtype());
    assertEquals(DType.FLOAT32, Functional.huberLoss(logits, half, 1).dtype());
    assertEquals(DType.FLOAT32, Functional.bceWithLogits(logits, half).dtype());
  }

  @Test
  void whatMakesNoSenseIsRefusedWithBothDtypes() {
    Tensor x = Tensor.zeros(2, 3);
    Tensor w = bf16(0, 4, 3);
    String linear = "linear: operands are float32 and bfloat16; convert one with to(dtype)";
    assertEquals(linear, refusal(() -> Functional.linear(x, w, null)));
    Tensor pictures = Tensor.zeros(1, 2, 2, 1);
    Tensor kernel = bf16(0, 1, 1, 1, 1);
    assertEquals(
        "conv2d: operands are float32 and bfloat16; convert one with to(dtype)",
        refusal(() -> Functional.conv2d(pictures, kernel, null, Conv2dOptions.DEFAULT)));
    assertEquals(
        "layerNorm: operands are float32 and bfloat16; convert one with to(dtype)",
        refusal(() -> Functional.layerNorm(x, bf16(1, 3), bf16(0, 3), 1e-5)));
    assertEquals(
        "add: operands are bfloat16 and float64; convert one with to(dtype)",
        refusal(() -> w.add(Tensor.zeros(4, 3).to(DType.FLOAT64))));
    assertEquals(
        "concat: operands are bfloat16 and float32; convert one with to(dtype)",
        refusal(() -> Functional.concat(java.util.List.of(w, Tensor.zeros(4, 3)), 0)));
  }

  @Test
  void aRuleWithAGradientOfAnotherDtypeIsNamed() {
    Tensor x = weight(1, 2);
    Tensor y = x.detach().madeBy("mine", Op.wrt(x, Op.reads(), dy -> dy.to(DType.BFLOAT16))).mul(1);
    assertEquals(
        "backward: a rule made a bfloat16 gradient for a float32 input; convert it with to(dtype)",
        refusal(() -> y.backward(Tensor.ones(2))));
  }

  @Test
  void modulesAreNotMovedToBfloat16() {
    try (Linear linear = new Linear(2, 2)) {
      assertEquals(
          "to: weights are kept in float32, not in bfloat16; convert the input instead,"
              + " x.to(BFLOAT16)",
          refusal(() -> linear.to(Device.of("plain"), DType.BFLOAT16)));
    }
  }

  /** The copy of the weight is held by the rule that reads it, and by nobody else. */
  @Test
  void theCopyLivesNoLongerThanItsRule() {
    Tensor w = weight(1, 32, 32);
    long before = OnPlain.pool().liveBytes();
    try (Scope scope = Scope.open()) {
      Tensor y = Functional.linear(bf16(1, 1, 32), w, null);
      y.sum().backward();
      w.slot().release();
      y.close();
    }
    assertEquals(before, OnPlain.pool().liveBytes());
    try (Scope scope = Scope.open()) {
      Tensor x = bf16(1, 1, 32);
      Tensor y = Functional.linear(x, w, null);
      assertNotNull(y.node);
      // No gradient flows to the pictures: their rule is not live, and the copy is gone.
      assertEquals(x.buffer().bytes(), TensorOn.heldBytes(y));
      assertEquals(before + x.buffer().bytes() + y.buffer().bytes() + 32 * 4, live());
    }
  }

  private static long live() {
    return OnPlain.pool().liveBytes();
  }

  private static String refusal(Runnable action) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, action::run).getMessage());
  }
}
