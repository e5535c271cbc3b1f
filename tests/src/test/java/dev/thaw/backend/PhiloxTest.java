package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Held to the known answers that the authors of Philox publish with Random123. */
final class PhiloxTest {
  private static int[] block(long seed, long index, int call, int stream) {
    int[] out = new int[4];
    Philox.block(seed, index, call, stream, out);
    return out;
  }

  @Test
  void knownAnswers() {
    assertArrayEquals(
        new int[] {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, block(0, 0, 0, 0));
    assertArrayEquals(
        new int[] {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}, block(-1, -1, -1, -1));
    // Counter and key from the digits of π.
    assertArrayEquals(
        new int[] {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
        block(0x299f31d0a4093822L, 0x85a308d3243f6a88L, 0x13198a2e, 0x03707344));
  }

  @Test
  void elementsAreTheBlocksWordsInOrder() {
    Philox random = new Philox(42, 3, 5);
    for (long i : new long[] {0, 1, 2, 3, 4, 9, 2, 0xFFFFFFFFFL, 7}) {
      assertEquals(block(42, i / 4, 5, 3)[(int) (i % 4)], random.bits(i));
    }
  }

  @Test
  void streamsAndCallsShareNothing() {
    assertNotEquals(new Philox(1, 0, 0).bits(0), new Philox(1, 1, 0).bits(0));
    assertNotEquals(new Philox(1, 0, 0).bits(0), new Philox(1, 0, 1).bits(0));
    assertNotEquals(new Philox(1, 0, 0).bits(0), new Philox(2, 0, 0).bits(0));
    assertNotEquals(new Philox(1, 0, 0).bits(0), new Philox(1L << 32 | 1, 0, 0).bits(0));
  }

  @Test
  void uniformsAreMultiplesOf24BitsBelowOne() {
    Philox random = new Philox(7, 0, 0);
    double sum = 0;
    for (int i = 0; i < 100_000; i++) {
      float u = random.uniform(i);
      assertTrue(u >= 0 && u < 1);
      assertEquals(u * 0x1p24f, Math.rint(u * 0x1p24f));
      sum += u;
    }
    // Standard deviation of the mean: 0.0009.
    assertEquals(0.5, sum / 100_000, 0.005);
  }

  @Test
  void integersFillTheirRangeEvenly() {
    Philox random = new Philox(7, 0, 0);
    int[] seen = new int[7];
    for (int i = 0; i < 70_000; i++) {
      seen[random.below(i, 7)]++;
    }
    for (int count : seen) {
      assertEquals(10_000, count, 500);
    }
    for (int i = 0; i < 1000; i++) {
      int j = random.below(i, Integer.MAX_VALUE);
      assertTrue(j >= 0 && j < Integer.MAX_VALUE);
      assertEquals(0, random.below(i, 1));
    }
  }

  @Test
  void normalsHaveTheMomentsOfANormal() {
    Philox random = new Philox(11, 2, 0);
    int n = 200_000;
    double[] moments = new double[4];
    for (int i = 0; i < n; i++) {
      double x = random.normal(i);
      for (int m = 0; m < 4; m++) {
        moments[m] += Math.pow(x, m + 1) / n;
      }
    }
    assertEquals(0, moments[0], 0.01);
    assertEquals(1, moments[1], 0.02);
    assertEquals(0, moments[2], 0.05);
    assertEquals(3, moments[3], 0.15);
    assertNotEquals(random.normal(0), random.normal(1));
    assertNotEquals(random.normal(1), random.normal(2));
  }
}
