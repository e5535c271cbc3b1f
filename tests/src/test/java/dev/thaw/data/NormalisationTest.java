package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

final class NormalisationTest {
  @Test
  void measuresEachChannel() throws IOException {
    byte[] pixels = {0, 10, 7, (byte) 255, 20, 7};
    Dataset d = ArrayDataset.of("two", Shape.of(1, 1, 3), pixels, new int[] {0, 0}, List.of("x"));
    Normalisation n = Normalisation.measure(d);
    assertArrayEquals(new float[] {0.5f, 15 / 255f, 7 / 255f}, n.mean(), 1e-7f);
    assertArrayEquals(new float[] {0.5f, 5 / 255f, 1}, n.std(), 1e-7f, "a constant channel: std 1");
  }

  @Test
  void bytesAndFloatsAgree() throws IOException {
    Dataset bytes = Examples.noise(50, 3, 4, 3);
    float[] values = new float[50 * 36];
    ByteBuffer picture = ByteBuffer.allocate(36);
    for (int i = 0; i < 50; i++) {
      bytes.read(i, picture.clear());
      for (int k = 0; k < 36; k++) {
        values[36 * i + k] = (picture.get(k) & 0xFF) / 255f;
      }
    }
    Dataset floats =
        ArrayDataset.of("floats", Shape.of(3, 4, 3), values, new int[50], List.of("x"));
    Normalisation a = Normalisation.measure(bytes);
    Normalisation b = Normalisation.measure(floats);
    assertArrayEquals(a.mean(), b.mean(), 1e-6f);
    assertArrayEquals(a.std(), b.std(), 1e-6f);
  }

  /** The numbers are those of PyTorch: {@code (torch.tensor(v) / 255 - mean) / std} in float32. */
  @Test
  void isTheFormulaInFloat32() {
    Normalisation n =
        Normalisation.of(new float[] {0.485f, 0.1307f}, new float[] {0.229f, 0.3081f});
    byte[] pixels = {0, 0, 1, 1, 100, 100, (byte) 255, (byte) 255};
    float[] expected = new float[8];
    for (int i = 0; i < 8; i++) {
      expected[i] =
          ((pixels[i] & 0xFF) / 255f - (i % 2 == 0 ? 0.485f : 0.1307f))
              / (i % 2 == 0 ? 0.229f : 0.3081f);
    }
    assertArrayEquals(expected, n.apply(pixels), 0);
    float[] unit = Normalisation.none(2).apply(pixels);
    n.apply(unit);
    assertArrayEquals(expected, unit, 0);
  }

  @Test
  void refusesWhatCannotDivide() {
    assertThrows(
        IllegalArgumentException.class, () -> Normalisation.of(new float[] {0}, new float[] {0}));
    assertThrows(
        IllegalArgumentException.class,
        () -> Normalisation.of(new float[] {0, 0}, new float[] {1}));
    assertThrows(
        IllegalArgumentException.class,
        () -> Normalisation.of(new float[] {Float.NaN}, new float[] {1}));
    assertEquals(Normalisation.none(1), Normalisation.of(new float[] {0}, new float[] {1}));
  }
}
