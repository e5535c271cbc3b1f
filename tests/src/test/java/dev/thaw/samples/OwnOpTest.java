package dev.thaw.samples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnPlain;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Ops of one's own stand beside the engine's: recorded, frozen and let go in the same way. */
@ExtendWith(OnPlain.class)
final class OwnOpTest {
  private static final double[] X = {0.5, -1.25, 2, 0.75, -0.5, 3};
  private static final double[] T = {1, -1, 1.5, 1, 2, 2.5};

  private static double[] gradient(Tensor leaf) {
    return Objects.requireNonNull(leaf.grad()).toDoubles();
  }

  /** Holds the gradient of {@code loss} at {@code x} to difference quotients, one by one. */
  private static void holdToDifferences(UnaryOperator<Tensor> loss, double[] x, int... dims) {
    Tensor leaf = Tensor.of(x, dims).requiresGrad(true);
    loss.apply(leaf).backward();
    double[] gradient = gradient(leaf);
    double h = 1e-6;
    for (int i = 0; i < x.length; i++) {
      double[] ahead = x.clone();
      double[] behind = x.clone();
      ahead[i] += h;
      behind[i] -= h;
      double difference =
          loss.apply(Tensor.of(ahead, dims)).item() - loss.apply(Tensor.of(behind, dims)).item();
      assertEquals(difference / (2 * h), gradient[i], 1e-8);
    }
  }

  @Test
  void aLossOfOnesOwn() {
    Tensor t = Tensor.of(T, 2, 3);
    Tensor x = Tensor.of(X, 2, 3).requiresGrad(true);
    Tensor y = MeanAbsoluteError.of(x, t);
    assertEquals((0.5 + 0.25 + 0.5 + 0.25 + 2.5 + 0.5) / 6, y.item(), 1e-12);
    y.backward();
    double e = 1.0 / 6;
    assertArrayEquals(new double[] {-e, -e, e, -e, -e, e}, gradient(x), 1e-12);
    holdToDifferences(v -> MeanAbsoluteError.of(v, t), X, 2, 3);
  }

  @Test
  void amongTheEnginesOps() {
    Tensor w = Tensor.of(new double[] {1, -2, 3, 0.5, 1.5, -1, 2, 0, -3}, 3, 3);
    Tensor b = Tensor.of(new double[] {0.5, -0.25, 1}, 3);
    Tensor t = Tensor.of(T, 2, 3);
    holdToDifferences(
        x -> MeanAbsoluteError.of(AddBias.of(Functional.tanh(x).matmul(w), b), t), X, 2, 3);
    Tensor x = Tensor.of(X, 2, 3);
    holdToDifferences(
        v -> AddBias.of(x.matmul(w), v).square().mean(), new double[] {0.5, -0.25, 1}, 3);
  }

  @Test
  void aBiasUsedTwiceAddsUp() {
    Tensor b = Tensor.of(new double[] {1, 2, 3}, 3).requiresGrad(true);
    Tensor x = Tensor.of(X, 2, 3);
    AddBias.of(AddBias.of(x, b), b).sum().backward();
    assertArrayEquals(new double[] {4, 4, 4}, gradient(b));
  }

  @Test
  void whatIsFrozenCostsNothing() {
    Tensor b = Tensor.of(new double[] {1, 2, 3}, 3);
    Tensor x = Tensor.of(X, 2, 3);
    assertFalse(AddBias.of(x, b).requiresGrad());
    x.requiresGrad(true);
    AddBias.of(x, b).sum().backward();
    assertNull(b.grad());
    assertArrayEquals(new double[] {1, 1, 1, 1, 1, 1}, gradient(x));
  }

  @Test
  void itsReadsAreAllThatIsKept() {
    Tensor x = Tensor.of(X, 2, 3).requiresGrad(true);
    Tensor t = Tensor.of(T, 2, 3);
    long before = OnPlain.pool().liveBytes();
    Tensor y;
    try (Scope inner = Scope.open()) {
      y = inner.keep(MeanAbsoluteError.of(x, t));
    }
    assertEquals(6 * 8 + 8, OnPlain.pool().liveBytes() - before, "the difference and the loss");
    t.close();
    y.backward();
    assertEquals(1.0 / 6, Math.abs(gradient(x)[0]), 1e-12);
  }

  @Test
  void itsNameIsOnTheTape() {
    Tensor x = Tensor.of(X, 2, 3).requiresGrad(true);
    Tensor y = MeanAbsoluteError.of(x, Tensor.of(T, 2, 3));
    assertTrue(y.tapeAsDot().contains("meanAbsoluteError"));
    assertEquals(
        "meanAbsoluteError: shapes differ, [2, 3] and [6]",
        assertThrows(IllegalArgumentException.class, () -> MeanAbsoluteError.of(x, Tensor.of(T, 6)))
            .getMessage());
  }
}
