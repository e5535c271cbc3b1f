package dev.thaw.data;

import java.util.ArrayList;
import java.util.List;

/**
 * Characters as a pen draws them: two alphabets that share no shape, one to learn from and one to
 * carry over to. Left out of the letters are those that look like a digit: B, I, O, Q, S, Z.
 *
 * <p>A glyph is a text of pen movements in a box of 0..1 by 0..1, x to the right and y down: {@code
 * M x y} moves, {@code L x y} draws a line, and {@code A cx cy rx ry from to} draws to the start of
 * an arc and along it, in degrees, clockwise when growing.
 */
public enum Alphabet {
  // spotless:off
  /** Twenty capital letters, to pre-train on. */
  LETTERS(
      "A", "M 0 1 L .5 0 L 1 1 M .2 .62 L .8 .62",
      "C", "A .55 .5 .5 .5 320 40",
      "D", "M 0 0 L .4 0 A .4 .5 .6 .5 270 450 L 0 1 L 0 0",
      "E", "M 1 0 L 0 0 L 0 1 L 1 1 M 0 .5 L .75 .5",
      "F", "M 1 0 L 0 0 L 0 1 M 0 .48 L .75 .48",
      "G", "A .55 .5 .5 .5 320 30 L 1 .55 L .6 .55",
      "H", "M 0 0 L 0 1 M 1 0 L 1 1 M 0 .5 L 1 .5",
      "J", "M .75 0 L .75 .7 A .4 .7 .35 .3 0 180",
      "K", "M 0 0 L 0 1 M .95 0 L 0 .55 M .3 .4 L 1 1",
      "L", "M 0 0 L 0 1 L .9 1",
      "M", "M 0 1 L 0 0 L .5 .6 L 1 0 L 1 1",
      "N", "M 0 1 L 0 0 L 1 1 L 1 0",
      "P", "M 0 1 L 0 0 L .5 0 A .5 .27 .45 .27 270 450 L 0 .54",
      "R", "M 0 1 L 0 0 L .5 0 A .5 .27 .45 .27 270 450 L 0 .54 M .4 .54 L 1 1",
      "T", "M 0 0 L 1 0 M .5 0 L .5 1",
      "U", "M 0 0 L 0 .6 A .5 .6 .5 .4 180 0 L 1 0",
      "V", "M 0 0 L .5 1 L 1 0",
      "W", "M 0 0 L .25 1 L .5 .35 L .75 1 L 1 0",
      "X", "M 0 0 L 1 1 M 1 0 L 0 1",
      "Y", "M 0 0 L .5 .5 L 1 0 M .5 .5 L .5 1"),

  /** The ten digits, to fine-tune on. */
  DIGITS(
      "0", "A .5 .5 .45 .5 0 360",
      "1", "M .2 .25 L .55 0 L .55 1 M .2 1 L .9 1",
      "2", "A .5 .28 .42 .28 190 380 L .05 1 L .95 1",
      "3", "A .45 .26 .42 .26 200 450 A .45 .76 .48 .24 270 520",
      "4", "M .7 1 L .7 0 L 0 .68 L 1 .68",
      "5", "M .9 0 L .15 0 L .11 .45 A .45 .68 .48 .32 225 510",
      "6", "A .8 .65 .75 .65 270 180 A .5 .68 .45 .32 180 -180",
      "7", "M 0 0 L 1 0 L .4 1",
      "8", "A .5 .25 .38 .25 90 450 A .5 .75 .46 .25 270 630",
      "9", "A .5 .32 .45 .32 360 0 A .2 .35 .75 .65 0 90");

  // spotless:on

  /** Arcs become lines of at most this many degrees. */
  private static final double STEP = 20;

  private final List<String> classes = new ArrayList<>();
  private final List<float[]> glyphs = new ArrayList<>();

  Alphabet(String... namesAndStrokes) {
    for (int i = 0; i < namesAndStrokes.length; i += 2) {
      classes.add(namesAndStrokes[i]);
      glyphs.add(segments(namesAndStrokes[i + 1]));
    }
  }

  /** Names of the characters, in the order of their labels. */
  public List<String> classes() {
    return List.copyOf(classes);
  }

  /** The lines of a character, x0 y0 x1 y1 each. */
  float[] segments(int label) {
    return glyphs.get(label);
  }

  private static float[] segments(String strokes) {
    String[] words = strokes.split(" ");
    List<double[]> lines = new ArrayList<>();
    double x = Double.NaN; // until the pen is down somewhere
    double y = Double.NaN;
    for (int i = 0; i < words.length; ) {
      String movement = words[i];
      if (movement.equals("A")) {
        double[] a = new double[6];
        for (int k = 0; k < 6; k++) {
          a[k] = Double.parseDouble(words[i + 1 + k]);
        }
        int steps = (int) Math.ceil(Math.abs(a[5] - a[4]) / STEP);
        for (int k = 0; k <= steps; k++) {
          double angle = Math.toRadians(a[4] + (a[5] - a[4]) * k / steps);
          double nextX = a[0] + a[2] * StrictMath.cos(angle);
          double nextY = a[1] + a[3] * StrictMath.sin(angle);
          lines.add(new double[] {x, y, nextX, nextY});
          x = nextX;
          y = nextY;
        }
        i += 7;
      } else {
        double nextX = Double.parseDouble(words[i + 1]);
        double nextY = Double.parseDouble(words[i + 2]);
        if (movement.equals("L")) {
          lines.add(new double[] {x, y, nextX, nextY});
        }
        x = nextX;
        y = nextY;
        i += 3;
      }
    }
    lines.removeIf(l -> Double.isNaN(l[0])); // an arc that begins a stroke
    float[] segments = new float[4 * lines.size()];
    for (int i = 0; i < segments.length; i++) {
      segments[i] = (float) lines.get(i / 4)[i % 4];
    }
    return segments;
  }
}
