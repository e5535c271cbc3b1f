package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class EmbeddedCharactersTest {
  private static final String CRC_LETTERS = "7174731a";
  private static final String CRC_DIGITS = "32e4d864";

  @Test
  void theAlphabetsShareNoCharacter() {
    assertEquals(20, Alphabet.LETTERS.classes().size());
    assertEquals(10, Alphabet.DIGITS.classes().size());
    Set<String> both = new HashSet<>(Alphabet.LETTERS.classes());
    assertFalse(both.removeAll(Alphabet.DIGITS.classes()));
  }

  /** Every machine and every release must draw the same: a stored figure refers to these bytes. */
  @Test
  void theBytesAreTheseBytes() throws IOException {
    assertEquals(CRC_LETTERS, crc(EmbeddedCharacters.draw(Alphabet.LETTERS, Part.TRAIN, 200, 0)));
    assertEquals(CRC_DIGITS, crc(EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TEST, 200, 5)));
  }

  @Test
  void aLargerSetBeginsWithTheSmallerAndPartsDiffer() throws IOException {
    Dataset large = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TRAIN, 100, 3);
    Dataset small = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TRAIN, 10, 3);
    Dataset test = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TEST, 10, 3);
    Dataset other = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TRAIN, 10, 4);
    for (int i = 0; i < 10; i++) {
      assertEquals(i % 10, small.label(i));
      assertArrayEquals(pixels(large, i), pixels(small, i));
      assertFalse(Arrays.equals(pixels(small, i), pixels(test, i)));
      assertFalse(Arrays.equals(pixels(small, i), pixels(other, i)));
    }
  }

  /**
   * Softmax regression on the pixels, trained long enough to know its training set, stays under 70
   * % on the test part and well above chance: there is something to learn that it cannot. (A small
   * convolutional net reaches 97 % of the letters in four epochs of 8,000.)
   */
  @ParameterizedTest
  @EnumSource(Alphabet.class)
  void aLinearModelFails(Alphabet alphabet) throws IOException {
    Dataset train = EmbeddedCharacters.draw(alphabet, Part.TRAIN, 3000, 0);
    Dataset test = EmbeddedCharacters.draw(alphabet, Part.TEST, 1000, 0);
    double accuracy = softmaxRegression(train, test, 8);
    assertTrue(accuracy > 0.25 && accuracy < 0.70, alphabet + ": " + accuracy);
  }

  private static double softmaxRegression(Dataset train, Dataset test, int epochs)
      throws IOException {
    int inputs = (int) train.shape().elements();
    int classes = train.classes().size();
    float[][] w = new float[classes][inputs + 1];
    float[] x = new float[inputs + 1];
    for (int step = 0; step < epochs * train.size(); step++) {
      int i = (int) ((step * 7919L) % train.size());
      input(train, i, x);
      double[] p = softmax(w, x);
      double rate = 0.02 * (1 - step / (double) (epochs * train.size()));
      for (int c = 0; c < classes; c++) {
        float slope = (float) (rate * (p[c] - (c == train.label(i) ? 1 : 0)));
        for (int k = 0; k < x.length; k++) {
          w[c][k] -= slope * x[k];
        }
      }
    }
    int right = 0;
    for (int i = 0; i < test.size(); i++) {
      input(test, i, x);
      double[] p = softmax(w, x);
      double most = Arrays.stream(p).max().orElseThrow();
      right += p[test.label(i)] == most ? 1 : 0;
    }
    return right / (double) test.size();
  }

  private static void input(Dataset d, int i, float[] x) throws IOException {
    byte[] pixels = pixels(d, i);
    for (int k = 0; k < pixels.length; k++) {
      x[k] = (pixels[k] & 0xFF) / 255f - 0.25f;
    }
    x[pixels.length] = 1;
  }

  private static double[] softmax(float[][] w, float[] x) {
    double[] p = new double[w.length];
    double sum = 0;
    for (int c = 0; c < w.length; c++) {
      float z = 0;
      for (int k = 0; k < x.length; k++) {
        z += w[c][k] * x[k];
      }
      p[c] = Math.exp(z);
      sum += p[c];
    }
    for (int c = 0; c < p.length; c++) {
      p[c] /= sum;
    }
    return p;
  }

  private static byte[] pixels(Dataset d, int i) throws IOException {
    byte[] pixels = new byte[(int) d.shape().elements()];
    d.read(i, ByteBuffer.wrap(pixels));
    return pixels;
  }

  private static String crc(Dataset d) throws IOException {
    CRC32 crc = new CRC32();
    for (int i = 0; i < d.size(); i++) {
      crc.update(pixels(d, i));
    }
    return Long.toHexString(crc.getValue());
  }
}
