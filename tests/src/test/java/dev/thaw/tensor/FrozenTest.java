package dev.thaw.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.thaw.OnPlain;
import dev.thaw.memory.Scope;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What a step of the tape keeps under each freeze: the union over the live rules of what they read,
 * and nothing else.
 */
@ExtendWith(OnPlain.class)
final class FrozenTest {
  private static final int FLOAT = 4;

  private static Tensor tensor(boolean trainable, int... dims) {
    return new Generator(1).normal(0, 1, dims).requiresGrad(trainable);
  }

  private static void assertKeeps(Tensor y, Tensor... kept) {
    long bytes = 0;
    for (Tensor tensor : kept) {
      bytes += tensor.buffer().bytes();
    }
    assertEquals(bytes, TensorOn.heldBytes(y));
  }

  private static Tensor convolution(boolean x, boolean w, boolean b) {
    return Functional.conv2d(
        tensor(x, 2, 8, 8, 3),
        tensor(w, 4, 3, 3, 3),
        tensor(b, 4),
        Conv2dOptions.DEFAULT.padding(1));
  }

  private static final int CONV_INPUT = 2 * 8 * 8 * 3 * FLOAT;
  private static final int CONV_WEIGHTS = 4 * 3 * 3 * 3 * FLOAT;

  @Test
  void aTrainableConvolutionKeepsItsInputAndItsWeights() {
    assertEquals(CONV_INPUT + CONV_WEIGHTS, TensorOn.heldBytes(convolution(true, true, true)));
  }

  @Test
  void theFirstTrainableConvolutionKeepsItsInputAlone() {
    assertEquals(CONV_INPUT, TensorOn.heldBytes(convolution(false, true, true)));
    assertEquals(CONV_INPUT, TensorOn.heldBytes(convolution(false, true, false)));
  }

  @Test
  void aFrozenConvolutionDoesNotKeepItsInput() {
    assertEquals(CONV_WEIGHTS, TensorOn.heldBytes(convolution(true, false, false)));
  }

  @Test
  void aConvolutionWhoseBiasAloneLearnsKeepsNothing() {
    assertEquals(0, TensorOn.heldBytes(convolution(false, false, true)));
    assertEquals(CONV_WEIGHTS, TensorOn.heldBytes(convolution(true, false, true)));
  }

  @Test
  void belowTheLowestTrainableParameterNothingIsKept() {
    Tensor y = convolution(false, false, false);
    assertEquals(0, TensorOn.heldBytes(y));
    assertFalse(y.requiresGrad());
  }

  @Test
  void aFrozenPrefixHoldsNoBytesAfterForward() {
    Tensor w1 = tensor(false, 16, 16);
    Tensor w2 = tensor(false, 16, 16);
    Tensor head = tensor(true, 4, 16);
    Tensor x = tensor(false, 8, 16);
    long before = OnPlain.pool().liveBytes();
    Tensor y;
    try (Scope inner = Scope.open()) {
      Tensor features =
          Functional.relu(
              Functional.linear(Functional.relu(Functional.linear(x, w1, null)), w2, null));
      y = inner.keep(Functional.linear(features, head, null));
    }
    // The head keeps its input; the prefix nothing at all.
    assertEquals(8 * 16 * FLOAT + y.buffer().bytes(), OnPlain.pool().liveBytes() - before);
  }

  @Test
  void aReluKeepsOneBuffer() {
    Tensor x = tensor(true, 5, 7);
    Tensor y = Functional.relu(x);
    assertKeeps(y, y);
  }

  @Test
  void elementwiseOpsKeepWhatTheirSlopeReads() {
    Tensor x = tensor(true, 5, 7);
    assertKeeps(Functional.gelu(x), x);
    assertKeeps(x.neg());
    assertKeeps(x.mul(3).add(1));
    Tensor y = x.exp();
    assertKeeps(y, y);
  }

  @Test
  void arithmeticKeepsTheOtherOperand() {
    Tensor w = tensor(true, 5);
    Tensor frozen = tensor(false, 5);
    assertKeeps(w.add(frozen));
    assertKeeps(w.sub(frozen));
    assertKeeps(w.mul(frozen), frozen);
    assertKeeps(frozen.mul(w), frozen);
    assertKeeps(w.div(frozen), frozen);
    Tensor quotient = frozen.div(w);
    assertKeeps(quotient, quotient, w);
    Tensor other = tensor(true, 5);
    assertKeeps(w.mul(other), w, other);
    assertKeeps(w.mul(w), w);
  }

  @Test
  void aProductKeepsWhatTheLiveRulesRead() {
    Tensor a = tensor(true, 3, 4);
    Tensor b = tensor(false, 4, 5);
    assertKeeps(a.matmul(b), b);
    b.requiresGrad(true);
    assertKeeps(a.matmul(b), a, b);
    a.requiresGrad(false);
    assertKeeps(a.matmul(b), a);
  }

  @Test
  void aLinearLayerKeepsWhatTheLiveRulesRead() {
    Tensor x = tensor(false, 6, 4);
    Tensor w = tensor(true, 3, 4);
    Tensor b = tensor(true, 3);
    assertKeeps(Functional.linear(x, w, b), x);
    w.requiresGrad(false);
    assertKeeps(Functional.linear(x, w, b));
    x.requiresGrad(true);
    assertKeeps(Functional.linear(x, w, b), w);
    w.requiresGrad(true);
    b.requiresGrad(false);
    assertKeeps(Functional.linear(x, w, b), x, w);
  }

  /** One kernel yields both gradients of a layer; each of them is the same without the other. */
  @Test
  void aLinearLayerMakesTheGradientsOfWhatLearns() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2);
    Tensor dy = Tensor.of(new float[] {1, 0, 2, -1, 0, 3}, 3, 2);
    double[] dw = {7, 10, 12, 14};
    double[] db = {3, 2};
    for (int learns = 1; learns < 4; learns++) {
      Tensor w = tensor((learns & 1) != 0, 2, 2);
      Tensor b = tensor((learns & 2) != 0, 2);
      Functional.linear(x, w, b).backward(dy);
      assertGradient((learns & 1) != 0 ? dw : null, w);
      assertGradient((learns & 2) != 0 ? db : null, b);
    }
  }

  private static void assertGradient(double @Nullable [] expected, Tensor x) {
    Tensor gradient = x.grad();
    assertArrayEquals(expected, gradient == null ? null : gradient.toDoubles());
  }

  @Test
  void aNormWithConstantStatisticsKeepsItsScale() {
    Tensor x = tensor(true, 9, 4);
    Tensor w = tensor(false, 4);
    Tensor b = tensor(false, 4);
    Tensor mean = tensor(false, 4);
    Tensor variance = Tensor.full(2, 4);
    assertKeeps(Functional.batchNorm(x, w, b, mean, variance, 1e-5), w, variance);
    w.requiresGrad(true);
    assertKeeps(Functional.batchNorm(x, w, b, mean, variance, 1e-5), x, w, mean, variance);
  }

  @Test
  void aNormWhoseShiftAloneLearnsKeepsNothing() {
    Tensor x = tensor(false, 9, 4);
    Tensor w = tensor(false, 4);
    Tensor b = tensor(true, 4);
    Tensor mean = tensor(false, 4);
    Tensor variance = Tensor.full(2, 4);
    assertKeeps(Functional.batchNorm(x, w, b, mean, variance, 1e-5));
    assertKeeps(Functional.batchNorm(x, w, b, null, null, 0.1, 1e-5));
    assertKeeps(Functional.layerNorm(x, w, b, 1e-5));
  }

  @Test
  void aTrainingNormKeepsItsInputAndTheStatistics() {
    Tensor x = tensor(true, 9, 4);
    Tensor w = tensor(true, 4);
    Tensor b = tensor(true, 4);
    long statistics = 2L * 4 * FLOAT;
    long bytes = x.buffer().bytes() + w.buffer().bytes() + statistics;
    assertEquals(bytes, TensorOn.heldBytes(Functional.batchNorm(x, w, b, null, null, 0.1, 1e-5)));
  }

  @Test
  void poolingKeepsPlacesAndDropoutNothing() {
    Tensor x = tensor(true, 2, 6, 6, 3);
    assertEquals(2 * 3 * 3 * 3 * 4, TensorOn.heldBytes(Functional.maxPool2d(x, PoolOptions.of(2))));
    assertKeeps(Functional.avgPool2d(x, PoolOptions.of(2)));
    assertKeeps(Functional.dropout(x, 0.5, new Generator(1)));
    assertKeeps(Functional.resizeNearest(x, 3, 3));
  }

  @Test
  void movingValuesKeepsAtMostTheIndex() {
    Tensor x = tensor(true, 6, 4);
    Tensor index = Tensor.of(new long[] {0, 5, 5});
    assertKeeps(Functional.embedding(x, index), index);
    assertKeeps(x.reshape(4, 6));
    assertKeeps(x.transpose(0, 1));
    assertKeeps(x.slice(0, 1, 3));
    assertKeeps(Functional.concat(List.of(x, x), 0));
    assertKeeps(x.sum(0));
    assertKeeps(x.mean());
  }

  @Test
  void softmaxKeepsItsResult() {
    Tensor x = tensor(true, 6, 4);
    Tensor y = Functional.softmax(x, 1);
    assertKeeps(y, y);
    Tensor z = Functional.logSoftmax(x, 1);
    assertKeeps(z, z);
  }

  @Test
  void aFrozenLayerInTheMiddlePassesOnAndComputesNoGradientOfItsOwn() {
    Tensor x = tensor(true, 2, 3);
    Tensor w = tensor(false, 3, 3);
    Functional.linear(x, w, null).sum().backward();
    assertNull(w.grad());
    assertNull(w.slot().buffer());
    double[] columns = new double[3];
    double[] values = w.toDoubles();
    for (int i = 0; i < 9; i++) {
      columns[i % 3] += values[i];
    }
    double[] expected = new double[6];
    for (int i = 0; i < 6; i++) {
      expected[i] = columns[i % 3];
    }
    assertArrayEquals(expected, Objects.requireNonNull(x.grad()).toDoubles(), 1e-6);
  }
}
