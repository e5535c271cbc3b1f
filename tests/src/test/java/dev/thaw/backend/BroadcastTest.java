package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Neighbouring dimensions that both operands walk alike become one. */
final class BroadcastTest {
  private static int[] d(int... dims) {
    return dims;
  }

  private static void merges(int[] a, int[] b, int[] dims, int[] aSteps, int[] bSteps) {
    Broadcast walk = Broadcast.of("add", a, b);
    assertArrayEquals(dims, walk.dims());
    assertArrayEquals(aSteps, walk.aStrides());
    assertArrayEquals(bSteps, walk.bStrides());
    assertEquals(new Broadcast(dims, bSteps, aSteps), Broadcast.of("add", b, a), "exchanged");
    walksEveryElement(a, b, walk);
  }

  /** Holds the merged walk to the rule of broadcasting, element by element. */
  private static void walksEveryElement(int[] a, int[] b, Broadcast walk) {
    int rank = Math.max(a.length, b.length);
    int[] full = new int[rank];
    for (int i = 1; i <= rank; i++) {
      int da = i <= a.length ? a[a.length - i] : 1;
      int db = i <= b.length ? b[b.length - i] : 1;
      full[rank - i] = da == 1 ? db : da;
    }
    int n = Arrays.stream(full).reduce(1, (p, q) -> p * q);
    assertEquals(n, Arrays.stream(walk.dims()).reduce(1, (p, q) -> p * q));
    for (int i = 0; i < n; i++) {
      assertEquals(plain(a, full, i), merged(walk.dims(), walk.aStrides(), i));
      assertEquals(plain(b, full, i), merged(walk.dims(), walk.bStrides(), i));
    }
  }

  private static int plain(int[] shape, int[] full, int element) {
    int rest = element;
    int step = 1;
    int at = 0;
    for (int i = 1; i <= full.length; i++) {
      int place = rest % full[full.length - i];
      rest /= full[full.length - i];
      int size = i <= shape.length ? shape[shape.length - i] : 1;
      at += size == 1 ? 0 : place * step;
      step *= size;
    }
    return at;
  }

  private static int merged(int[] dims, int[] strides, int element) {
    int rest = element;
    int at = 0;
    for (int i = dims.length - 1; i >= 0; i--) {
      at += rest % dims[i] * strides[i];
      rest /= dims[i];
    }
    return at;
  }

  @Test
  void equalShapesAreOneLoop() {
    merges(d(2, 3, 4), d(2, 3, 4), d(24), d(1), d(1));
    merges(d(7), d(7), d(7), d(1), d(1));
    merges(d(1, 1, 5, 1), d(5, 1), d(5), d(1), d(1));
  }

  @Test
  void aScalarRepeatsInOneLoop() {
    merges(d(2, 3, 4), d(), d(24), d(1), d(0));
    merges(d(2, 3, 4), d(1, 1, 1), d(24), d(1), d(0));
    merges(d(), d(), d(1), d(0), d(0));
    merges(d(1, 1), d(1), d(1), d(0), d(0));
  }

  @Test
  void aRowAndAColumnAreTwoLoops() {
    merges(d(2, 3, 4), d(4), d(6, 4), d(4, 1), d(0, 1));
    merges(d(2, 3, 4), d(3, 4), d(2, 12), d(12, 1), d(0, 1));
    merges(d(2, 3, 4), d(2, 1, 1), d(2, 12), d(12, 1), d(1, 0));
    merges(d(3, 1), d(1, 4), d(3, 4), d(1, 0), d(0, 1));
  }

  @Test
  void whatIsRepeatedInTheMiddleTakesThree() {
    merges(d(2, 3, 4), d(2, 1, 4), d(2, 3, 4), d(12, 4, 1), d(4, 0, 1));
    merges(d(2, 3, 4, 5), d(2, 1, 1, 5), d(2, 12, 5), d(60, 5, 1), d(5, 0, 1));
    merges(
        d(2, 1, 3, 1, 2), d(1, 4, 1, 5, 1), d(2, 4, 3, 5, 2), d(6, 0, 2, 0, 1), d(0, 5, 0, 1, 0));
  }

  @Test
  void nothingIsWalkedToo() {
    Broadcast walk = Broadcast.of("add", d(0, 3), d(3));
    assertEquals(0, Arrays.stream(walk.dims()).reduce(1, (p, q) -> p * q));
    assertEquals(0, Arrays.stream(Broadcast.of("add", d(0), d(1)).dims()).sum());
  }

  @Test
  void shapesThatDoNotFitAreNamed() {
    assertEquals(
        "mul: shapes do not broadcast, [2, 3] and [2]",
        assertThrows(IllegalArgumentException.class, () -> Broadcast.of("mul", d(2, 3), d(2)))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> Broadcast.of("mul", d(0), d(2)));
  }
}
