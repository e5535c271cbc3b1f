package dev.thaw.data;

import dev.thaw.backend.Philox;
import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.util.Arrays;
import java.util.Locale;

/**
 * The data set that needs no file: 28 by 28 grey pictures of an {@link Alphabet}'s characters,
 * drawn by a shaky pen on uneven paper. The same seed gives the same bytes on every machine.
 *
 * <p>Each picture is turned, sheared, stretched, moved and warped, with a pen of its own width and
 * ink, a stray stroke or two, and noise. That is more than a linear model can undo, and little
 * enough for a small convolutional net. Drawing takes less than 0.1 ms a picture.
 */
public final class EmbeddedCharacters {
  /** Height and width of a picture. */
  public static final int SIZE = 28;

  // What Philox's elements of one picture are used for.
  private static final int NUMBERS = 1024;
  private static final int STRAYS = 32;
  private static final int NOISE = 64;

  private static final int MOST_STRAYS = 3;

  private final Philox random;
  private final float[] ink = new float[SIZE * SIZE];
  private long first; // element of the present picture's first number

  private EmbeddedCharacters(Philox random) {
    this.random = random;
  }

  /**
   * Draws a set, each class as often as any other.
   *
   * @param part the parts share no picture
   * @param count number of pictures; a larger set begins with the smaller one
   * @throws IllegalArgumentException when the count is below 1 or the set above 2 GiB
   */
  public static Dataset draw(Alphabet alphabet, Part part, int count, long seed) {
    Check.that(
        count > 0 && count <= Integer.MAX_VALUE / (SIZE * SIZE),
        "characters: %d pictures cannot be drawn",
        count);
    int call = alphabet.ordinal() * Part.values().length + part.ordinal();
    EmbeddedCharacters pen = new EmbeddedCharacters(new Philox(seed, Streams.CHARACTERS, call));
    int classes = alphabet.classes().size();
    byte[] pixels = new byte[count * SIZE * SIZE];
    int[] labels = new int[count];
    for (int i = 0; i < count; i++) {
      labels[i] = i % classes;
      pen.draw(i, alphabet.segments(labels[i]), pixels, i * SIZE * SIZE);
    }
    String name = ("embedded/" + alphabet + "/" + part).toLowerCase(Locale.ROOT);
    return ArrayDataset.of(name, Shape.of(SIZE, SIZE, 1), pixels, labels, alphabet.classes());
  }

  private void draw(int picture, float[] glyph, byte[] pixels, int at) {
    first = (long) picture * NUMBERS;
    Arrays.fill(ink, 0);
    float radius = between(0, 0.6f, 1.4f);
    strokes(glyph, radius);
    strays(radius);
    float paper = between(1, 0, 0.25f);
    float dark = between(2, 0.55f, 1);
    float noise = between(3, 0.03f, 0.15f);
    for (int i = 0; i < ink.length; i++) {
      float v = paper + (dark - paper) * ink[i] + noise * nearlyNormal(NOISE + i);
      pixels[at + i] = (byte) Math.round(255 * Math.min(1, Math.max(0, v)));
    }
  }

  /** The glyph under a random affine map and a wave of the paper. */
  private void strokes(float[] glyph, float radius) {
    double angle = between(4, -0.35f, 0.35f);
    double cos = StrictMath.cos(angle);
    double sin = StrictMath.sin(angle);
    double shear = between(5, -0.3f, 0.3f);
    double width = between(6, 10, 18);
    double height = between(7, 13, 20);
    double right = SIZE / 2.0 + between(8, -3.5f, 3.5f);
    double down = SIZE / 2.0 + between(9, -3.5f, 3.5f);
    double wave = between(10, 0, 1.2f);
    double phase = between(11, 0, 6.28f);
    double along = between(12, 0.15f, 0.4f);
    double across = between(13, 0.15f, 0.4f);
    float[] place = new float[glyph.length];
    for (int i = 0; i < glyph.length; i += 2) {
      double v = (glyph[i + 1] - 0.5) * height;
      double u = (glyph[i] - 0.5) * width + shear * v;
      double x = cos * u - sin * v;
      double y = sin * u + cos * v;
      place[i] = (float) (x + right + wave * StrictMath.sin(along * y + phase));
      place[i + 1] = (float) (y + down + wave * StrictMath.sin(across * x + 2 * phase));
    }
    for (int i = 0; i < place.length; i += 4) {
      line(place[i], place[i + 1], place[i + 2], place[i + 3], radius);
    }
  }

  /** Up to {@value #MOST_STRAYS} short strokes that belong to no character. */
  private void strays(float radius) {
    int n = random.below(first + STRAYS, MOST_STRAYS + 1);
    for (int i = 0; i < n; i++) {
      int k = STRAYS + 4 + 4 * i;
      float x = between(k, 0, SIZE - 1);
      float y = between(k + 1, 0, SIZE - 1);
      line(x, y, x + between(k + 2, -5, 5), y + between(k + 3, -5, 5), radius);
    }
  }

  /** Inks a round-ended line: full within the radius, fading over one pixel at its edge. */
  private void line(float x0, float y0, float x1, float y1, float radius) {
    float reach = radius + 0.5f;
    int top = Math.max(0, (int) Math.floor(Math.min(y0, y1) - reach));
    int bottom = Math.min(SIZE - 1, (int) Math.ceil(Math.max(y0, y1) + reach));
    int left = Math.max(0, (int) Math.floor(Math.min(x0, x1) - reach));
    int right = Math.min(SIZE - 1, (int) Math.ceil(Math.max(x0, x1) + reach));
    float dx = x1 - x0;
    float dy = y1 - y0;
    float squared = Math.max(1e-6f, dx * dx + dy * dy);
    for (int y = top; y <= bottom; y++) {
      for (int x = left; x <= right; x++) {
        float share = ((x - x0) * dx + (y - y0) * dy) / squared;
        share = Math.min(1, Math.max(0, share));
        float ex = x - x0 - share * dx;
        float ey = y - y0 - share * dy;
        float cover = reach - (float) Math.sqrt(ex * ex + ey * ey);
        int i = y * SIZE + x;
        ink[i] = Math.max(ink[i], Math.min(1, cover));
      }
    }
  }

  private float between(int number, float low, float high) {
    return low + (high - low) * random.uniform(first + number);
  }

  /** The four bytes of a word, added: mean 0, deviation 1, nearly normal, and cheap. */
  private float nearlyNormal(int number) {
    int bits = random.bits(first + number);
    int sum = (bits & 0xFF) + (bits >>> 8 & 0xFF) + (bits >>> 16 & 0xFF) + (bits >>> 24);
    return (sum - 510) / 147.8f;
  }
}
