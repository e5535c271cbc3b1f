package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AugmentTest {
  private static final int H = 7;
  private static final int W = 5;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "none",
        "flip",
        "flip,rotate=10,crop=4,scale=0.1,colour=0.2",
        "rotate=7.5",
        "crop=2,colour=1"
      })
  void whatIsReadIsWrittenAgain(String spec) {
    assertEquals(spec, Augment.parse(spec).toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "flop",
        "rotate",
        "rotate=",
        "rotate=x",
        "rotate=-1",
        "rotate=NaN",
        "crop=1.5",
        "crop=-1",
        "crop=1e99",
        "scale=1",
        "colour=2",
        "flip=1",
        "flip,,",
        "none,flip"
      })
  void unknownWordsAreRefused(String spec) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Augment.parse(spec));
    assertTrue(String.valueOf(e.getMessage()).startsWith("augment: "), e.getMessage());
  }

  @Test
  void flipMirrorsAboutEverySecondTime() {
    float[] x = picture(3);
    float[] mirrored = new float[x.length];
    for (int r = 0; r < H; r++) {
      for (int c = 0; c < W; c++) {
        System.arraycopy(x, (r * W + c) * 3, mirrored, (r * W + W - 1 - c) * 3, 3);
      }
    }
    int flips = 0;
    for (int example = 0; example < 1000; example++) {
      float[] y = apply("flip", x, 3, 1, 0, example);
      boolean flipped = Arrays.equals(y, mirrored);
      assertTrue(flipped || Arrays.equals(y, x), "either mirrored or untouched, to the bit");
      flips += flipped ? 1 : 0;
    }
    assertEquals(500, flips, 50);
  }

  @Test
  void cropShiftsByWholePixelsAndFillsWithBlack() {
    float[] x = picture(1);
    Set<Integer> shifts = new HashSet<>();
    for (int example = 0; example < 500; example++) {
      float[] y = apply("crop=2", x, 1, 1, 0, example);
      int found = -1;
      for (int shift = 0; shift < 25; shift++) {
        if (Arrays.equals(y, shifted(x, shift / 5 - 2, shift % 5 - 2))) {
          found = shift;
        }
      }
      assertTrue(found >= 0, "a shift of at most 2, to the bit");
      shifts.add(found);
    }
    assertEquals(25, shifts.size(), "all of them occur");
  }

  @Test
  void rotationTurnsAboutTheCentre() {
    int n = 21;
    float[] x = new float[n * n];
    x[10 * n + 10] = 1; // the centre stays
    x[10 * n + 18] = 0.5f; // a point on the right goes along a circle
    for (int example = 0; example < 50; example++) {
      float[] y = x.clone();
      Augment.parse("rotate=180").apply(y, new float[n * n], n, n, 1, 3, 0, example);
      assertEquals(1, y[10 * n + 10], 1e-5);
      double sum = 0;
      double distance = 0;
      for (int r = 0; r < n; r++) {
        for (int c = 0; c < n; c++) {
          if (Math.abs(r - 10) + Math.abs(c - 10) > 3) {
            sum += y[r * n + c];
            distance += y[r * n + c] * Math.hypot(r - 10, c - 10);
          }
        }
      }
      assertEquals(8, distance / sum, 0.25, "eight pixels from the centre");
    }
  }

  @Test
  void scaleEnlargesAndShrinks() {
    int n = 41;
    float[] x = new float[n * n];
    for (int i = 10; i < 31; i++) {
      Arrays.fill(x, i * n + 10, i * n + 31, 1);
    }
    double least = 1;
    double most = 0;
    for (int example = 0; example < 100; example++) {
      float[] y = x.clone();
      Augment.parse("scale=0.2").apply(y, new float[n * n], n, n, 1, 3, 0, example);
      double area = 0;
      for (float v : y) {
        area += v;
      }
      double side = Math.sqrt(area) / 21;
      least = Math.min(least, side);
      most = Math.max(most, side);
    }
    assertEquals(0.8, least, 0.03);
    assertEquals(1.2, most, 0.03);
  }

  @Test
  void coloursStayInRangeAndGreyStaysGrey() {
    float[] grey = new float[H * W * 3];
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < grey.length; i += 3) {
      Arrays.fill(grey, i, i + 3, (float) random.nextDouble());
    }
    boolean changed = false;
    for (int example = 0; example < 100; example++) {
      float[] y = apply("colour=0.9", grey, 3, 1, 0, example);
      for (int i = 0; i < y.length; i += 3) {
        assertTrue(y[i] >= 0 && y[i] <= 1);
        assertEquals(y[i], y[i + 1], 1e-6f);
        assertEquals(y[i], y[i + 2], 1e-6f);
      }
      changed |= !Arrays.equals(grey, y);
    }
    assertTrue(changed);
  }

  @Test
  void isAFunctionOfSeedEpochAndExample() {
    String all = "flip,rotate=10,crop=2,scale=0.1,colour=0.2";
    float[] x = picture(3);
    float[] y = apply(all, x, 3, 1, 2, 3);
    assertArrayEquals(y, apply(all, x, 3, 1, 2, 3));
    assertFalse(Arrays.equals(y, apply(all, x, 3, 9, 2, 3)));
    assertFalse(Arrays.equals(y, apply(all, x, 3, 1, 9, 3)));
    assertFalse(Arrays.equals(y, apply(all, x, 3, 1, 2, 9)));
  }

  /** One transform's numbers do not depend on which others are asked for. */
  @Test
  void transformsDrawApart() {
    float[] x = picture(1);
    for (int example = 0; example < 20; example++) {
      float[] both = apply("crop=2,colour=0.5", x, 1, 1, 0, example);
      float[] moved = apply("crop=2", x, 1, 1, 0, example);
      assertArrayEquals(both, apply("colour=0.5", moved, 1, 1, 0, example));
    }
  }

  private static float[] apply(
      String spec, float[] x, int channels, long seed, int epoch, int example) {
    float[] y = x.clone();
    Augment.parse(spec).apply(y, new float[y.length], H, W, channels, seed, epoch, example);
    return y;
  }

  private static float[] shifted(float[] x, int down, int right) {
    float[] y = new float[x.length];
    for (int r = 0; r < H; r++) {
      for (int c = 0; c < W; c++) {
        int fromRow = r + down;
        int fromColumn = c + right;
        if (fromRow >= 0 && fromRow < H && fromColumn >= 0 && fromColumn < W) {
          y[r * W + c] = x[fromRow * W + fromColumn];
        }
      }
    }
    return y;
  }

  private static float[] picture(int channels) {
    SplittableRandom random = new SplittableRandom(4);
    float[] x = new float[H * W * channels];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextDouble();
    }
    return x;
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "flip", "crop=2", "flip,crop=1", "flip,crop=9"})
  void bytesMoveAsTheirValuesDo(String spec) {
    Augment augment = Augment.parse(spec);
    assertTrue(augment.keepsBytes());
    byte[] bytes = new byte[H * W * 3];
    for (int example = 0; example < 200; example++) {
      new SplittableRandom(example).nextBytes(bytes);
      float[] values = Normalisation.none(3).apply(bytes);
      augment.apply(values, new float[values.length], H, W, 3, 5, example % 3, example);
      augment.apply(bytes, new byte[bytes.length], H, W, 3, 5, example % 3, example);
      assertArrayEquals(values, Normalisation.none(3).apply(bytes), spec + " of " + example);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"rotate=1", "scale=0.1", "colour=0.1", "flip,crop=4,colour=0.2"})
  void whatLiesBetweenBytesIsNotMovedAsBytes(String spec) {
    assertFalse(Augment.parse(spec).keepsBytes());
  }
}
