package dev.thaw.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.OnPlain;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Where gradients of leaves lie: in an arena, written first, then added to, never zeroed. */
@ExtendWith(OnPlain.class)
final class GradientSlotTest {
  private static final double GARBAGE = Double.NaN;

  /** An arena of 10 elements full of garbage; parameters own parts of it. */
  private static Tensor arena() {
    return Tensor.of(new double[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).add(GARBAGE);
  }

  private static Tensor weight(Tensor arena, int first, double... values) {
    Tensor w = Tensor.of(values).requiresGrad(true);
    Buffer place = arena.buffer().slice(first, values.length);
    w.slot().place(place);
    place.release();
    return w;
  }

  private static void assertArena(Tensor arena, int first, double... expected) {
    double[] all = new double[10];
    java.util.Arrays.fill(all, GARBAGE);
    System.arraycopy(expected, 0, all, first, expected.length);
    assertArrayEquals(all, arena.toDoubles());
  }

  @Test
  void aKernelWritesIntoTheGivenMemory() {
    Tensor arena = arena();
    Tensor w = weight(arena, 3, 2, 0, 0, 4).detach();
    Tensor matrix = w.reshape(2, 2).requiresGrad(true);
    Buffer place = arena.buffer().slice(3, 4);
    matrix.slot().place(place);
    place.release();
    Tensor x = Tensor.of(new double[] {1, 10}, 1, 2);
    Functional.linear(x, matrix, null).backward(Tensor.of(new double[] {1, 2}, 1, 2));
    // dw = dyᵀ x, over garbage that nobody had cleared.
    assertArena(arena, 3, 1, 10, 2, 20);
    assertSame(arena.buffer().storage(), Objects.requireNonNull(matrix.grad()).buffer().storage());
  }

  @Test
  void anExpressionIsCopiedIntoTheGivenMemory() {
    Tensor arena = arena();
    Tensor w = weight(arena, 2, 5, 6);
    w.square().sum().backward();
    assertArena(arena, 2, 10, 12);
  }

  @Test
  void aSharedWeightUsedTwiceAdds() {
    Tensor arena = arena();
    Tensor w = weight(arena, 0, 2);
    Tensor x = Tensor.of(new double[] {3}, 1, 1);
    Tensor matrix = w.reshape(1, 1);
    Functional.linear(Functional.linear(x, matrix, null), matrix, null)
        .backward(Tensor.of(new double[] {1}, 1, 1));
    // d/dw 3 w² = 6 w
    assertArena(arena, 0, 12);
  }

  /** The same leaf in two kernels that write their destination: the second goes into scratch. */
  @Test
  void theSecondKernelDoesNotOverwriteTheFirst() {
    Tensor arena = arena();
    Tensor w = Tensor.of(new double[] {2}, 1, 1).requiresGrad(true);
    Buffer place = arena.buffer().slice(4, 1);
    w.slot().place(place);
    place.release();
    Tensor x = Tensor.of(new double[] {3}, 1, 1);
    Tensor y = Functional.linear(Functional.linear(x, w, null), w, null);
    y.backward(Tensor.of(new double[] {1}, 1, 1));
    assertArena(arena, 4, 12);
  }

  @Test
  void accumulationAddsAndClearingOverwrites() {
    Tensor arena = arena();
    Tensor w = weight(arena, 1, 1, 1);
    w.mul(2).sum().backward();
    w.mul(3).sum().backward();
    assertArena(arena, 1, 5, 5);
    w.slot().clear();
    assertNull(w.grad());
    assertArena(arena, 1, 5, 5);
    w.mul(7).sum().backward();
    assertArena(arena, 1, 7, 7);
  }

  @Test
  void neighboursAreLeftAlone() {
    Tensor arena = arena();
    Tensor a = weight(arena, 0, 1, 1, 1);
    Tensor b = weight(arena, 3, 1, 1);
    a.mul(2).sum().add(b.mul(3).sum()).backward();
    assertArena(arena, 0, 2, 2, 2, 3, 3);
  }

  @Test
  void withoutAPlaceTheFreshGradientIsTakenAsItIs() {
    Tensor w = Tensor.of(new double[] {1, 2, 3}).requiresGrad(true);
    long before = OnPlain.pool().liveBytes(Purpose.GRADIENTS);
    w.square().sum().backward();
    assertEquals(3 * 8, OnPlain.pool().liveBytes(Purpose.GRADIENTS) - before);
    w.slot().release();
    assertEquals(before, OnPlain.pool().liveBytes(Purpose.GRADIENTS));
    assertFalse(w.slot().isWritten());
  }

  /**
   * The gradient of x in y = x + c is dy itself: the slot must not take what the walk still uses.
   */
  @Test
  void aGradientThatIsPassedOnIsCopied() {
    Tensor w = Tensor.of(new double[] {1, 2}).requiresGrad(true);
    Tensor seed = Tensor.of(new double[] {3, 4});
    w.add(Tensor.of(new double[] {0, 0})).backward(seed);
    w.mul(1).sum().backward();
    assertArrayEquals(new double[] {4, 5}, Objects.requireNonNull(w.grad()).toDoubles());
    assertArrayEquals(new double[] {3, 4}, seed.toDoubles());
  }

  @Test
  void aPlaceThatDoesNotFitIsRefused() {
    Tensor w = Tensor.of(new double[] {1, 2}).requiresGrad(true);
    Buffer small = OnPlain.pool().allocate(DType.FLOAT64, 1, Purpose.GRADIENTS);
    Buffer other = OnPlain.pool().allocate(DType.FLOAT32, 2, Purpose.GRADIENTS);
    assertEquals(
        "gradient: 1 float64 on plain does not fit 2 float64 on plain",
        assertThrows(IllegalArgumentException.class, () -> w.slot().place(small)).getMessage());
    assertEquals(
        "gradient: 2 float32 on plain does not fit 2 float64 on plain",
        assertThrows(IllegalArgumentException.class, () -> w.slot().place(other)).getMessage());
    small.release();
    other.release();
  }

  @Test
  void aPlaceIsHeldUntilItIsLetGo() {
    Tensor w = Tensor.of(new double[] {1, 2}).requiresGrad(true);
    Buffer place = OnPlain.pool().allocate(DType.FLOAT64, 2, Purpose.GRADIENTS);
    w.slot().place(place);
    place.release();
    assertFalse(place.isClosed());
    w.mul(2).sum().backward();
    assertTrue(w.slot().isWritten());
    w.close();
    assertTrue(place.isClosed());
  }
}
