package dev.thaw.data;

import dev.thaw.backend.Philox;
import dev.thaw.memory.Check;
import java.util.Arrays;
import java.util.Locale;

/**
 * Random changes that leave a picture's class as it is. Each is a function of (seed, epoch,
 * example, transform) and nothing else: threads, batches and resumed runs see the same pictures.
 *
 * <p>Flip, rotation, scale and crop are one affine map, sampled once by bilinear interpolation with
 * black beyond the edges; without rotation and scale it hits pixels exactly. Colours follow, kept
 * within 0..1.
 *
 * @param flip mirror left and right, every second time
 * @param rotate up to this many degrees either way
 * @param crop shift by up to this many pixels in each direction: a crop of the picture with so wide
 *     a black margin
 * @param scale enlarge or shrink by up to this share
 * @param colour change brightness, contrast and, with three channels, saturation by up to this
 *     share
 */
public record Augment(boolean flip, double rotate, int crop, double scale, double colour) {
  /** Changes nothing. */
  public static final Augment NONE = new Augment(false, 0, 0, 0, 0);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException when one does not hold
   */
  public Augment {
    Check.that(rotate >= 0 && rotate <= 180, "augment: rotate=%s is not in 0..180 degrees", rotate);
    Check.that(crop >= 0, "augment: crop=%d is negative", crop);
    Check.that(scale >= 0 && scale < 1, "augment: scale=%s is not in 0..1", scale);
    Check.that(colour >= 0 && colour <= 1, "augment: colour=%s is not in 0..1", colour);
  }

  /**
   * Reads {@code none} or a list such as {@code flip,rotate=10,crop=4,scale=0.1,colour=0.2}.
   *
   * @throws IllegalArgumentException when a word is unknown or a number is missing or out of range
   */
  public static Augment parse(String spec) {
    if (spec.strip().equals("none")) {
      return NONE;
    }
    boolean flip = false;
    double rotate = 0;
    int crop = 0;
    double scale = 0;
    double colour = 0;
    for (String word : spec.split(",", -1)) {
      String[] parts = word.strip().split("=", 2);
      switch (parts[0]) {
        case "flip" -> {
          Check.that(parts.length == 1, "augment: %s: flip takes no number", word);
          flip = true;
        }
        case "rotate" -> rotate = number(word, parts);
        case "crop" -> {
          crop = (int) number(word, parts);
          Check.that(crop == number(word, parts), "augment: %s is no whole number", word);
        }
        case "scale" -> scale = number(word, parts);
        case "colour" -> colour = number(word, parts);
        default ->
            throw new IllegalArgumentException(
                "augment: "
                    + word
                    + " is unknown; write none, or some of"
                    + " flip,rotate=DEGREES,crop=PIXELS,scale=SHARE,colour=SHARE");
      }
    }
    return new Augment(flip, rotate, crop, scale, colour);
  }

  private static double number(String word, String[] parts) {
    try {
      return Double.parseDouble(parts.length == 2 ? parts[1] : "");
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "augment: " + word + " has no number; write for instance " + parts[0] + "=4", e);
    }
  }

  /** Whether a picture may move; if not, colours alone may change. */
  boolean moves() {
    return flip || rotate > 0 || crop > 0 || scale > 0;
  }

  /** Whether pixels stay what they are, at other places: then bytes are moved as bytes. */
  boolean keepsBytes() {
    return rotate == 0 && scale == 0 && colour == 0;
  }

  /**
   * Changes one picture of bytes by a flip and a crop: {@link #apply(float[], float[], int, int,
   * int, long, int, int)} gives the same of the same values on the 0..1 scale.
   *
   * @param scratch as long; its contents are lost
   */
  void apply(
      byte[] picture, byte[] scratch, int h, int w, int c, long seed, int epoch, int example) {
    if (!moves()) {
      return;
    }
    System.arraycopy(picture, 0, scratch, 0, picture.length);
    boolean mirrored = isMirrored(seed, epoch, example);
    int down = shift(seed, epoch, 4L * example);
    int right = shift(seed, epoch, 4L * example + 1);
    for (int row = 0, at = 0; row < h; row++) {
      int from = row + down;
      for (int column = 0; column < w; column++, at += c) {
        int beside = (mirrored ? w - 1 - column : column) + right;
        boolean outside = from < 0 || from >= h || beside < 0 || beside >= w;
        for (int k = 0; k < c; k++) {
          picture[at + k] = outside ? 0 : scratch[(from * w + beside) * c + k];
        }
      }
    }
  }

  private boolean isMirrored(long seed, int epoch, int example) {
    return flip && new Philox(seed, Streams.FLIP, epoch).uniform(4L * example) < 0.5f;
  }

  private int shift(long seed, int epoch, long number) {
    return new Philox(seed, Streams.CROP, epoch).below(number, 2 * crop + 1) - crop;
  }

  /**
   * Changes one picture.
   *
   * @param picture h · w · c values on the 0..1 scale, channels innermost; overwritten by the
   *     result
   * @param scratch as long; its contents are lost
   * @param example the picture's number in its data set
   */
  public void apply(
      float[] picture, float[] scratch, int h, int w, int c, long seed, int epoch, int example) {
    if (moves()) {
      System.arraycopy(picture, 0, scratch, 0, picture.length);
      move(scratch, picture, h, w, c, seed, epoch, example);
    }
    if (colour > 0) {
      recolour(picture, c, seed, epoch, example);
    }
  }

  /** y[row, column] = x at the inverse map of (row, column), turned about the picture's centre. */
  private void move(float[] x, float[] y, int h, int w, int c, long seed, int epoch, int example) {
    long at = 4L * example;
    double mirror = isMirrored(seed, epoch, example) ? -1 : 1;
    double angle =
        Math.toRadians(rotate * either(new Philox(seed, Streams.ROTATE, epoch).uniform(at)));
    double zoom = 1 + scale * either(new Philox(seed, Streams.SCALE, epoch).uniform(at));
    int down = shift(seed, epoch, at);
    int right = shift(seed, epoch, at + 1);
    // StrictMath: the same picture on every machine.
    double cos = StrictMath.cos(angle) / zoom;
    double sin = StrictMath.sin(angle) / zoom;
    double middleRow = (h - 1) / 2.0;
    double middleColumn = (w - 1) / 2.0;
    for (int row = 0; row < h; row++) {
      for (int column = 0; column < w; column++) {
        double v = row - middleRow;
        double u = (column - middleColumn) * mirror;
        sample(
            x,
            h,
            w,
            c,
            sin * u + cos * v + middleRow + down,
            cos * u - sin * v + middleColumn + right,
            y,
            (row * w + column) * c);
      }
    }
  }

  /** y[at ..] = the c channels of x at a place between pixels; black outside. */
  private static void sample(
      float[] x, int h, int w, int c, double row, double column, float[] y, int at) {
    int top = (int) Math.floor(row);
    int left = (int) Math.floor(column);
    float lower = (float) (row - top);
    float righter = (float) (column - left);
    if (top >= 0
        && left >= 0
        && top + 1 < h
        && left + 1 < w) { // nearly always: no edge to look out for
      int from = (top * w + left) * c;
      int below = from + w * c;
      for (int k = 0; k < c; k++) {
        float upper = mix(x[from + k], x[from + c + k], righter);
        y[at + k] = mix(upper, mix(x[below + k], x[below + c + k], righter), lower);
      }
      return;
    }
    for (int k = 0; k < c; k++) {
      float upper =
          mix(pixel(x, h, w, c, top, left, k), pixel(x, h, w, c, top, left + 1, k), righter);
      float under =
          mix(
              pixel(x, h, w, c, top + 1, left, k),
              pixel(x, h, w, c, top + 1, left + 1, k),
              righter);
      y[at + k] = mix(upper, under, lower);
    }
  }

  private static float pixel(float[] x, int h, int w, int c, int row, int column, int channel) {
    return row < 0 || row >= h || column < 0 || column >= w
        ? 0
        : x[(row * w + column) * c + channel];
  }

  private static float mix(float a, float b, float share) {
    return a * (1 - share) + b * share;
  }

  /** Brightness x · b; contrast about the picture's mean; saturation about each pixel's grey. */
  private void recolour(float[] x, int c, long seed, int epoch, int example) {
    Philox numbers = new Philox(seed, Streams.COLOUR, epoch);
    float brightness = factor(numbers.uniform(4L * example));
    float contrast = factor(numbers.uniform(4L * example + 1));
    float saturation = factor(numbers.uniform(4L * example + 2));
    double sum = 0;
    for (float v : x) {
      sum += v * brightness;
    }
    float mean = (float) (sum / x.length);
    for (int at = 0; at < x.length; at += c) {
      float grey = 0;
      for (int k = 0; k < c; k++) {
        x[at + k] = mix(mean, x[at + k] * brightness, contrast);
        grey += x[at + k] / c;
      }
      for (int k = 0; k < c; k++) {
        float v = c == 3 ? mix(grey, x[at + k], saturation) : x[at + k];
        x[at + k] = Math.min(1, Math.max(0, v));
      }
    }
  }

  private float factor(float uniform) {
    return (float) (1 + colour * either(uniform));
  }

  /** [0, 1) to [-1, 1). */
  private static double either(float uniform) {
    return 2.0 * uniform - 1;
  }

  /** The spec that {@link #parse} reads back. */
  @Override
  public String toString() {
    String[] words = {
      flip ? "flip" : "",
      rotate > 0 ? "rotate=" + plain(rotate) : "",
      crop > 0 ? "crop=" + crop : "",
      scale > 0 ? "scale=" + plain(scale) : "",
      colour > 0 ? "colour=" + plain(colour) : ""
    };
    String spec = String.join(",", Arrays.stream(words).filter(s -> !s.isEmpty()).toList());
    return spec.isEmpty() ? "none" : spec;
  }

  private static String plain(double v) {
    return v == Math.rint(v) ? String.format(Locale.ROOT, "%.0f", v) : Double.toString(v);
  }
}
