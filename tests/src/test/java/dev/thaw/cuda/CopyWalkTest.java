package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Strided;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Walks in their simplest form. */
final class CopyWalkTest {
  private static final int FLOAT = 4;

  private static Strided at(long offset, int... strides) {
    return new Strided(offset, strides);
  }

  private static CopyWalk walk(Strided to, Strided from, int... dims) {
    return CopyWalk.of(FLOAT, 256, to, 512, from, dims);
  }

  private static void is(CopyWalk walk, int unit, long[]... dimensions) {
    long[][] found = new long[walk.rank()][];
    for (int i = 0; i < found.length; i++) {
      found[i] = new long[] {walk.size(i), walk.toStep(i), walk.fromStep(i)};
    }
    assertEquals(Arrays.deepToString(dimensions), Arrays.deepToString(found));
    assertEquals(unit, walk.unit());
  }

  private static long[] dimension(long size, long toStep, long fromStep) {
    return new long[] {size, toStep, fromStep};
  }

  @Test
  void neighboursMergeAndWiden() {
    is(walk(at(0, 60, 12, 1), at(0, 60, 12, 1), 2, 5, 12), 16, dimension(30, 1, 1));
    is(walk(at(1, 1), at(0, 1), 12), 4, dimension(12, 1, 1));
    is(walk(at(2, 1), at(0, 1), 12), 8, dimension(6, 1, 1));
    is(walk(at(0, 1), at(0, 1), 13), 4, dimension(13, 1, 1));
    is(walk(at(0, 8, 1), at(4, 12, 1), 3, 8), 16, dimension(3, 2, 3), dimension(2, 1, 1));
    is(walk(at(0, 8, 1), at(4, 10, 1), 3, 8), 8, dimension(3, 4, 5), dimension(4, 1, 1));
    is(walk(at(0, 1), at(0, 0), 8), 4, dimension(8, 1, 0));
    is(walk(at(0, 5, 5, 1), at(0, 9, 7, 1), 1, 1, 1), 4);
  }

  @Test
  void dimensionsAreOrderedByTheStepInY() {
    is(walk(at(0, 1, 7), at(0, 5, 1), 7, 5), 4, dimension(5, 7, 1), dimension(7, 1, 5));
    is(walk(at(34, -7, -1), at(0, 7, 1), 5, 7), 4, dimension(35, -1, 1));
  }

  @Test
  void aMatrixIsTransposedWhereBothSidesAreLongEnough() {
    assertEquals(0, walk(at(0, 16, 1), at(0, 1, 8), 8, 16).across(8));
    assertEquals(-1, walk(at(0, 16, 1), at(0, 1, 7), 7, 16).across(8));
    assertEquals(-1, walk(at(0, 16, 1), at(0, 20, 1), 8, 16).across(8));
    assertEquals(-1, walk(at(0, 16, 1), at(0, 32, 2), 8, 16).across(8));
    assertEquals(1, walk(at(0, 128, 16, 1), at(0, 500, 1, 8), 3, 8, 16).across(8));
  }

  @Test
  void aMatrixIsTurnedInPacksWhereAllIsAMultipleOfThem() {
    assertTrue(walk(at(0, 16, 1), at(4, 1, 8), 8, 16).turnsInPacks(0));
    assertTrue(walk(at(0, 128, 16, 1), at(0, 500, 1, 8), 3, 8, 16).turnsInPacks(1));
    assertFalse(walk(at(0, 128, 16, 1), at(0, 501, 1, 8), 3, 8, 16).turnsInPacks(1));
    assertFalse(walk(at(0, 16, 1), at(1, 1, 8), 8, 16).turnsInPacks(0));
    assertFalse(walk(at(0, 18, 1), at(0, 1, 8), 8, 16).turnsInPacks(0));
    assertFalse(walk(at(0, 16, 1), at(0, 1, 10), 8, 16).turnsInPacks(0));
    assertFalse(walk(at(0, 20, 1), at(0, 1, 12), 10, 16).turnsInPacks(0));
    assertFalse(walk(at(0, 20, 1), at(0, 1, 12), 12, 18).turnsInPacks(0));
  }

  @Test
  void partsOfTooLongAWalk() {
    CopyWalk all = walk(at(0, 28, 7, 1), at(3, 1, 30, 100), 3, 4, 7);
    CopyWalk two = all.part(1, 2);
    is(two, 4, dimension(2, 28, 1), dimension(4, 7, 30), dimension(7, 1, 100));
    assertEquals(256 + 28 * FLOAT, two.to());
    assertEquals(512 + (3 + 1) * FLOAT, two.from());
    CopyWalk one = all.part(2, 1);
    is(one, 4, dimension(4, 7, 30), dimension(7, 1, 100));
    assertEquals(256 + 56 * FLOAT, one.to());
    assertEquals(512 + (3 + 2) * FLOAT, one.from());
    is(CopyWalk.run(FLOAT, 0, 0, 8L << 31).part(16, 32), 16, dimension(32, 1, 1));
  }
}
