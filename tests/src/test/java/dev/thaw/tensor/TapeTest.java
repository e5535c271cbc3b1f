package dev.thaw.tensor;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;
import static dev.thaw.tensor.Op.wrtAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnPlain;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What flows back along a tape, and how often. */
@ExtendWith(OnPlain.class)
final class TapeTest {
  private static Tensor leaf(double... values) {
    return Tensor.of(values, values.length).requiresGrad(true);
  }

  private static void assertGrad(Tensor leaf, double... expected) {
    assertArrayEquals(expected, Objects.requireNonNull(leaf.grad()).toDoubles(), 1e-12);
  }

  @Test
  void aValueUsedTwiceGetsTheSum() {
    Tensor x = leaf(3, -2);
    x.mul(x).sum().backward();
    assertGrad(x, 6, -4);
  }

  @Test
  void aDiamondAddsBothArms() {
    Tensor x = leaf(0.5);
    Tensor top = x.square();
    top.mul(3).mul(top.exp()).sum().backward();
    // d/dx 3 x² e^(x²) = 6 x e^(x²) (1 + x²)
    assertGrad(x, 6 * 0.5 * Math.exp(0.25) * 1.25);
  }

  @Test
  void diamondsOnDiamondsWalkEachNodeOnce() {
    Tensor x = leaf(1);
    Tensor y = x;
    for (int i = 0; i < 40; i++) {
      y = y.add(y);
    }
    y.sum().backward();
    // 2⁴⁰ paths, 40 nodes.
    assertGrad(x, 0x1p40);
  }

  @Test
  void aLeafThatIsAddedToWhatIsMadeOfItKeepsItsValue() {
    Tensor w = leaf(1, 2, 3);
    Tensor z = w.add(w.square());
    z.backward(Tensor.of(new double[] {1, 10, 100}));
    assertGrad(w, 1 * (1 + 2), 10 * (1 + 4), 100 * (1 + 6));
    assertArrayEquals(new double[] {1, 2, 3}, w.toDoubles());
    assertArrayEquals(new double[] {2, 6, 12}, z.toDoubles());
  }

  /** add passes dy on as it is, to two leaves and a branch: nobody may write into it. */
  @Test
  void aGradientThatIsPassedOnBelongsToEachReceiver() {
    Tensor a = leaf(1, 1);
    Tensor b = leaf(2, 2);
    Tensor seed = Tensor.of(new double[] {5, 7});
    Tensor y = a.add(b).add(a);
    y.backward(seed);
    assertGrad(a, 10, 14);
    assertGrad(b, 5, 7);
    assertArrayEquals(new double[] {5, 7}, seed.toDoubles());
  }

  @Test
  void viewsOfOneGradientDoNotMix() {
    Tensor x = leaf(1, 2, 3, 4);
    Tensor row = x.reshape(2, 2);
    Tensor y = row.add(row.reshape(4).mul(2).reshape(2, 2)).add(row.transpose(0, 1));
    y.backward(Tensor.of(new double[] {1, 10, 100, 1000}, 2, 2));
    assertGrad(x, 4, 130, 310, 4000);
  }

  @Test
  void aChainOf100000IsWalkedWithoutRecursion() {
    Tensor x = leaf(2);
    Tensor y = x;
    for (int i = 0; i < 100_000; i++) {
      y = y.add(1);
    }
    y.sum().backward();
    assertGrad(x, 1);
    assertEquals(100_002, y.item());
  }

  @Test
  void aChainOf100000IsLetGoWithoutRecursion() {
    Tensor x = leaf(2);
    long before = OnPlain.pool().liveBytes();
    Tensor y;
    try (Scope inner = Scope.open()) {
      Tensor link = x;
      for (int i = 0; i < 100_000; i++) {
        link = link.exp().mul(0.1);
      }
      y = inner.keep(link);
    }
    // Each exp keeps its result for the walk.
    assertTrue(OnPlain.pool().liveBytes() - before >= 100_000 * 8, "nothing was kept");
    y.close();
    assertEquals(before, OnPlain.pool().liveBytes());
  }

  @Test
  void aTapeThatIsNeverWalkedIsFreedByItsScope() {
    Tensor x = leaf(1, 2, 3);
    long before = OnPlain.pool().liveBytes();
    try (Scope inner = Scope.open()) {
      Tensor y = x.exp().mul(x).sum();
      assertTrue(y.requiresGrad());
    }
    assertEquals(before, OnPlain.pool().liveBytes());
    assertNull(x.grad());
  }

  @Test
  void detachedValuesStopTheGradient() {
    Tensor x = leaf(3);
    Tensor y = x.mul(x.detach());
    assertFalse(x.detach().requiresGrad());
    assertSame(x.buffer(), x.detach().buffer(), "a copy was made");
    y.sum().backward();
    assertGrad(x, 3);
  }

  @Test
  void underNoGradNothingIsNotedAndItNests() {
    Tensor x = leaf(3);
    try (Tensor.Gradients outer = Tensor.noGrad()) {
      try (Tensor.Gradients inner = Tensor.noGrad()) {
        assertFalse(x.mul(x).requiresGrad());
      }
      Tensor y = x.mul(x);
      assertFalse(y.requiresGrad());
      assertEquals(0, TensorOn.heldBytes(y));
    }
    assertTrue(x.mul(x).requiresGrad());
  }

  @Test
  void onlyThisThreadStopsRecording() throws InterruptedException {
    boolean[] recorded = new boolean[1];
    try (Tensor.Gradients none = Tensor.noGrad()) {
      Thread other =
          new Thread(
              () -> {
                try (Device.Use on = Device.of("plain").use();
                    Scope scope = Scope.open()) {
                  recorded[0] = leaf(1).exp().requiresGrad();
                }
              });
      other.start();
      other.join();
    }
    assertTrue(recorded[0]);
  }

  @Test
  void rulesRunWithoutRecording() {
    Tensor x = leaf(2);
    boolean[] recording = {true};
    Tensor y =
        x.detach()
            .mul(1)
            .madeBy(
                "watch",
                wrt(
                    x,
                    reads(),
                    dy -> {
                      recording[0] = leaf(1).mul(2).requiresGrad();
                      return dy;
                    }));
    y.sum().backward();
    assertFalse(recording[0]);
    assertTrue(x.exp().requiresGrad(), "recording stayed off");
  }

  @Test
  void aWalkedTapeSaysSo() {
    Tensor x = leaf(2);
    Tensor y = x.exp();
    Tensor loss = y.sum();
    loss.backward();
    assertEquals(
        "backward: the tape through sum [] was already walked; run forward again",
        assertThrows(IllegalStateException.class, loss::backward).getMessage());
    // Also by way of a node that two losses share.
    Tensor other = y.mul(2).sum();
    assertEquals(
        "backward: the tape through exp [1] was already walked; run forward again",
        assertThrows(IllegalStateException.class, other::backward).getMessage());
    assertGrad(x, Math.exp(2));
  }

  @Test
  void aRefusedWalkChangesNothing() {
    Tensor x = leaf(2);
    Tensor w = leaf(5);
    Tensor y = x.exp();
    y.sum().backward();
    Tensor fresh = w.square();
    assertThrows(IllegalStateException.class, () -> fresh.mul(y).sum().backward());
    assertTrue(x.exp().requiresGrad(), "recording stayed off");
    fresh.sum().backward();
    assertGrad(w, 10);
  }

  @Test
  void aRuleThatThrowsLeavesTheThreadAsItWas() {
    Tensor x = leaf(2);
    Tensor y =
        x.detach()
            .mul(1)
            .madeBy(
                "broken",
                wrt(
                    x,
                    reads(),
                    dy -> {
                      throw new ArithmeticException("as asked");
                    }));
    assertThrows(ArithmeticException.class, () -> y.sum().backward());
    assertTrue(x.exp().requiresGrad(), "recording stayed off");
    assertNull(x.grad());
    x.square().sum().backward();
    assertGrad(x, 4);
  }

  @Test
  void aRuleWithAWrongShapeIsNamed() {
    Tensor x = leaf(1, 2);
    Tensor y = x.detach().mul(1).madeBy("wrong", wrt(x, reads(), dy -> dy.sum()));
    assertEquals(
        "backward: a rule made a gradient [] for an input [2]",
        assertThrows(IllegalArgumentException.class, () -> y.sum().backward()).getMessage());
  }

  @Test
  void theSeedMustFit() {
    Tensor y = leaf(1, 2).exp();
    assertEquals(
        "backward: the seed [3] is not shaped like [2]",
        assertThrows(
                IllegalArgumentException.class, () -> y.backward(Tensor.of(new double[] {1, 2, 3})))
            .getMessage());
    assertEquals(
        "backward: operands are float64 and float32; convert one with to(dtype)",
        assertThrows(
                IllegalArgumentException.class, () -> y.backward(Tensor.of(new float[] {1, 2})))
            .getMessage());
    assertEquals(
        "backward: [2] is no scalar, give the gradient to start from",
        assertThrows(IllegalArgumentException.class, y::backward).getMessage());
  }

  @Test
  void whereNothingWantsAGradientBackwardSaysSo() {
    Tensor y = Tensor.of(new double[] {1, 2}).exp().sum();
    assertEquals(
        "backward: nothing before this tensor requires a gradient; every input is frozen or was"
            + " made under noGrad",
        assertThrows(IllegalStateException.class, y::backward).getMessage());
  }

  @Test
  void aLeafIsItsOwnResult() {
    Tensor x = leaf(4);
    x.backward(Tensor.of(new double[] {1}, 1));
    assertGrad(x, 1);
    x.expand(1).backward(Tensor.of(new double[] {2}, 1));
    assertGrad(x, 3);
  }

  @Test
  void twoWalksAddUp() {
    Tensor x = leaf(1, 2);
    x.square().sum().backward();
    x.mul(10).sum().backward();
    assertGrad(x, 12, 14);
    x.slot().clear();
    assertNull(x.grad());
    x.mul(3).sum().backward();
    assertGrad(x, 3, 3);
  }

  @Test
  void whatNoRuleReachesHasNoGradient() {
    Tensor used = leaf(1);
    Tensor unused = leaf(1);
    Tensor frozen = Tensor.of(new double[] {1});
    used.mul(frozen).sum().backward();
    assertNotNull(used.grad());
    assertNull(unused.grad());
    assertNull(frozen.grad());
    assertNull(frozen.slot().buffer(), "memory for a gradient that nobody wants");
  }

  @Test
  void aRuleForSeveralInputsIsToldWhichAreNeeded() {
    Tensor a = leaf(2);
    Tensor b = Tensor.of(new double[] {3});
    boolean[] asked = new boolean[2];
    Tensor y =
        a.detach()
            .mul(b)
            .madeBy(
                "product",
                wrtAll(
                    List.of(a, b),
                    reads(a, b),
                    (dy, to) -> {
                      asked[0] = to[0] != null;
                      asked[1] = to[1] != null;
                      Tensor da = Objects.requireNonNull(to[0]);
                      Layout.copyAll(da.buffer(), da.home(), dy.mul(b).buffer());
                    }));
    y.sum().backward();
    assertTrue(asked[0]);
    assertFalse(asked[1]);
    assertGrad(a, 3);
  }

  @Test
  void onlyLeavesAndFloatsCanBeAsked() {
    Tensor y = leaf(1).exp();
    assertEquals(
        "requiresGrad: exp made this tensor; detach it",
        assertThrows(IllegalStateException.class, () -> y.requiresGrad(false)).getMessage());
    Tensor labels = Tensor.of(new long[] {1, 2});
    assertEquals(
        "requiresGrad: int64 has no gradient",
        assertThrows(IllegalArgumentException.class, () -> labels.requiresGrad(true)).getMessage());
  }

  @Test
  void aResultHasOnePast() {
    Tensor x = leaf(1);
    Tensor y = x.exp();
    assertEquals(
        "again: the result already has a past",
        assertThrows(
                IllegalArgumentException.class, () -> y.madeBy("again", wrt(x, reads(), dy -> dy)))
            .getMessage());
  }

  @Test
  void gradientsFlowThroughResultsWhoseHandlesAreClosed() {
    Tensor x = leaf(3);
    Tensor square = x.square();
    Tensor loss = square.mul(square).sum();
    square.close();
    loss.backward();
    assertGrad(x, 4 * 27);
  }
}
