package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Damage;
import dev.thaw.Needs;
import dev.thaw.memory.BadFileException;
import dev.thaw.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class IdxTest {
  @Test
  void readsMnist() throws IOException {
    Path folder = Needs.data("mnist");
    Dataset train = Idx.open(folder, Part.TRAIN);
    Dataset test = Idx.open(folder, Part.TEST);
    assertEquals(60_000, train.size());
    assertEquals(10_000, test.size());
    assertEquals(Shape.of(28, 28, 1), train.shape());
    assertEquals(List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"), test.classes());
    assertEquals(
        List.of(5, 0, 4, 1, 9), List.of(0, 1, 2, 3, 4).stream().map(train::label).toList());
    assertEquals(7, test.label(0));
    Normalisation n = Normalisation.measure(train);
    assertEquals(0.1307f, n.mean()[0], 5e-5f, "the well-known mean");
    assertEquals(0.3081f, n.std()[0], 5e-5f, "the well-known deviation");
  }

  @Test
  void readsFashionMnist() throws IOException {
    Dataset train = Idx.open(Needs.data("fashion-mnist"), Part.TRAIN);
    assertEquals(60_000, train.size());
    Normalisation n = Normalisation.measure(train);
    assertEquals(0.2860f, n.mean()[0], 5e-5f);
    assertEquals(0.3530f, n.std()[0], 5e-5f);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-", "."})
  void findsPlainFilesToo(String separator, @TempDir Path folder) throws IOException {
    Files.write(
        folder.resolve("train-images" + separator + "idx3-ubyte"),
        idx(new int[] {2, 1, 2}, 1, 2, 3, 4));
    Files.write(
        folder.resolve("train-labels" + separator + "idx1-ubyte"), idx(new int[] {2}, 1, 0));
    Files.write(folder.resolve("t10k-labels" + separator + "idx1-ubyte"), idx(new int[] {1}, 2));
    Dataset d = Idx.open(folder, Part.TRAIN);
    assertEquals(Shape.of(1, 2, 1), d.shape());
    assertEquals(List.of("0", "1", "2"), d.classes(), "the test part knows a third class");
    ByteBuffer picture = ByteBuffer.allocate(2);
    d.read(1, picture);
    assertArrayEquals(new byte[] {3, 4}, picture.array());
    BadFileException e = assertThrows(BadFileException.class, () -> Idx.open(folder, Part.TEST));
    assertTrue(String.valueOf(e.getMessage()).contains("t10k-images-idx3-ubyte"), e.getMessage());
  }

  @Test
  void countsMustAgree(@TempDir Path folder) throws IOException {
    Path images = Files.write(folder.resolve("i"), idx(new int[] {2, 1, 1}, 1, 2));
    Path labels = Files.write(folder.resolve("l"), idx(new int[] {3}, 1, 2, 3));
    BadFileException e = assertThrows(BadFileException.class, () -> Idx.read(images, labels));
    assertTrue(String.valueOf(e.getMessage()).contains("3 pictures"), e.getMessage());
    e = assertThrows(BadFileException.class, () -> Idx.read(labels, images));
    assertTrue(String.valueOf(e.getMessage()).contains("00 00 08 03"), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"pictures", "pictures.gz"})
  void damageIsRefusedOrHarmless(String name, @TempDir Path folder) throws IOException {
    byte[] pixels = new byte[20 * 8 * 8];
    new SplittableRandom(3).nextBytes(pixels);
    int[] values = new int[pixels.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = pixels[i];
    }
    byte[] plain = idx(new int[] {20, 8, 8}, values);
    Path labels = Files.write(folder.resolve("labels"), idx(new int[] {20}, new int[20]));
    boolean packed = name.endsWith(".gz");
    int refused =
        Damage.times200(
            packed ? gzip(plain) : plain,
            16,
            folder.resolve(name),
            2 << 20,
            (path, bytes) -> {
              Dataset d = Idx.read(path, labels);
              if (packed) { // gzip has a checksum: what is read is what was written
                ByteBuffer found = ByteBuffer.allocate(pixels.length);
                for (int i = 0; i < d.size(); i++) {
                  d.read(i, found);
                }
                assertArrayEquals(pixels, found.array());
              }
            });
    assertTrue(refused >= 120, refused + " of 200 refused");
  }

  static byte[] idx(int[] sizes, int... values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * sizes.length + values.length);
    bytes.putInt(0x800 + sizes.length);
    for (int s : sizes) {
      bytes.putInt(s);
    }
    for (int v : values) {
      bytes.put((byte) v);
    }
    return bytes.array();
  }

  private static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }
}
