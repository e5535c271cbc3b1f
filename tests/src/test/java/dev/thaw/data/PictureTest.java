package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Damage;
import dev.thaw.io.NdArray;
import dev.thaw.io.Npy;
import dev.thaw.memory.BadFileException;
import dev.thaw.tensor.Shape;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class PictureTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/data");

  @Test
  void samplesAreTakenAsStored() throws IOException {
    int[] greys = {0, 1, 50, 127, 128, 200, 255};
    for (int type :
        new int[] {
          BufferedImage.TYPE_BYTE_GRAY,
          BufferedImage.TYPE_USHORT_GRAY,
          BufferedImage.TYPE_3BYTE_BGR,
          BufferedImage.TYPE_INT_RGB,
          BufferedImage.TYPE_4BYTE_ABGR
        }) {
      BufferedImage image = new BufferedImage(greys.length, 1, type);
      boolean grey = image.getRaster().getNumBands() == 1;
      for (int x = 0; x < greys.length; x++) {
        for (int band = 0; band < image.getRaster().getNumBands(); band++) {
          int sample = band == 3 ? 7 : band == 1 ? 255 - greys[x] : greys[x];
          boolean wide = type == BufferedImage.TYPE_USHORT_GRAY;
          image.getRaster().setSample(x, 0, band, wide ? sample * 257 : sample);
        }
      }
      for (Picture p : new Picture[] {Picture.of(image), read(write(image, "png"))}) {
        assertEquals(grey ? 1 : 3, p.channels());
        for (int x = 0; x < greys.length; x++) {
          assertEquals(greys[x], p.pixels()[x * p.channels()] & 0xFF, "type " + type);
          if (!grey) {
            assertEquals(255 - greys[x], p.pixels()[3 * x + 1] & 0xFF);
            assertEquals(greys[x], p.pixels()[3 * x + 2] & 0xFF);
          }
        }
      }
    }
  }

  @Test
  void palettesAreLookedUp() throws IOException {
    byte[] r = {0, (byte) 200, 30};
    byte[] g = {0, 100, 30};
    byte[] b = {0, 50, 30};
    BufferedImage image =
        new BufferedImage(
            3, 1, BufferedImage.TYPE_BYTE_INDEXED, new IndexColorModel(8, 3, r, g, b));
    image.getRaster().setPixels(0, 0, 3, 1, new int[] {1, 0, 2});
    byte[] expected = {(byte) 200, 100, 50, 0, 0, 0, 30, 30, 30};
    assertArrayEquals(expected, read(write(image, "png")).pixels());
    assertArrayEquals(expected, read(write(image, "gif")).pixels());
    BufferedImage bits = new BufferedImage(3, 1, BufferedImage.TYPE_BYTE_BINARY);
    bits.getRaster().setPixels(0, 0, 3, 1, new int[] {1, 0, 1});
    Picture p = read(write(bits, "png"));
    assertEquals(1, p.channels());
    assertArrayEquals(new byte[] {(byte) 255, 0, (byte) 255}, p.pixels());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void exifTurnsUpright(int orientation) throws IOException {
    int h = 32;
    int w = 64;
    BufferedImage upright = new BufferedImage(w, h, BufferedImage.TYPE_3BYTE_BGR);
    int[] colours = {0xF01010, 0x10F010, 0x1010F0, 0xF0F0F0};
    boolean sideways = orientation >= 5;
    int storedH = sideways ? w : h;
    int storedW = sideways ? h : w;
    BufferedImage stored = new BufferedImage(storedW, storedH, BufferedImage.TYPE_3BYTE_BGR);
    for (int r = 0; r < storedH; r++) {
      for (int c = 0; c < storedW; c++) {
        int lastR = storedH - 1 - r;
        int lastC = storedW - 1 - c;
        // Where the stored pixel is seen: row, column.
        int[] seen =
            switch (orientation) {
              case 1 -> new int[] {r, c};
              case 2 -> new int[] {r, lastC};
              case 3 -> new int[] {lastR, lastC};
              case 4 -> new int[] {lastR, c};
              case 5 -> new int[] {c, r};
              case 6 -> new int[] {c, lastR};
              case 7 -> new int[] {lastC, lastR};
              default -> new int[] {lastC, r};
            };
        int colour = colours[(seen[0] < h / 2 ? 0 : 2) + (seen[1] < w / 2 ? 0 : 1)];
        stored.setRGB(c, r, colour);
        upright.setRGB(seen[1], seen[0], colour);
      }
    }
    for (boolean little : new boolean[] {true, false}) {
      Picture p = read(withExif(write(stored, "jpg"), orientation, little));
      assertEquals(Shape.of(h, w, 3), p.shape());
      byte[] expected = Picture.of(upright).pixels();
      for (int i = 0; i < expected.length; i++) {
        int fromMiddleRow = Math.abs(i / 3 / w - h / 2);
        int fromMiddleColumn = Math.abs(i / 3 % w - w / 2);
        if (fromMiddleRow > 3 && fromMiddleColumn > 3) { // JPEG blurs where colours meet
          assertEquals(expected[i] & 0xFF, p.pixels()[i] & 0xFF, 20);
        }
      }
    }
  }

  @Test
  void damagedExifIsUpright() throws IOException {
    byte[] good =
        withExif(write(new BufferedImage(8, 4, BufferedImage.TYPE_3BYTE_BGR), "jpg"), 6, true);
    SplittableRandom random = new SplittableRandom(9);
    for (int i = 0; i < 2000; i++) {
      byte[] bad = good.clone();
      bad[2 + random.nextInt(40)] = (byte) random.nextInt(256);
      int found = Exif.orientation(bad);
      assertTrue(found >= 1 && found <= 8);
    }
    for (int n = 0; n < 60; n++) {
      Exif.orientation(Arrays.copyOf(good, n));
    }
    assertEquals(6, Exif.orientation(good));
  }

  @ParameterizedTest
  @CsvSource({"20, 15", "12, 9", "8, 6", "4, 3", "60, 45", "56, 42"})
  void resizingIsPytorchsAntialiasedBilinear(int h, int w) throws IOException {
    NdArray x = Npy.read(GOLDEN.resolve("picture.npy"));
    byte[] pixels = new byte[40 * 30 * 3];
    x.data().get(pixels);
    float[] expected = Npy.read(GOLDEN.resolve("resized_" + h + "x" + w + ".npy")).floats();
    Picture y = new Picture(40, 30, 3, pixels).fitted(Shape.of(h, w, 3));
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], y.pixels()[i] & 0xFF, 0.5 + 1e-3, "value " + i);
    }
  }

  @Test
  void otherProportionsLoseTheirEdges() {
    byte[] pixels = new byte[30 * 40];
    new SplittableRandom(2).nextBytes(pixels);
    Picture wide = new Picture(30, 40, 1, pixels);
    byte[] middle = wide.fitted(Shape.of(30, 20, 1)).pixels();
    byte[] lines = wide.fitted(Shape.of(10, 40, 1)).pixels();
    for (int r = 0; r < 30; r++) {
      for (int c = 0; c < 20; c++) {
        assertEquals(pixels[r * 40 + c + 10], middle[r * 20 + c]);
      }
    }
    for (int r = 0; r < 10; r++) {
      for (int c = 0; c < 40; c++) {
        assertEquals(pixels[(r + 10) * 40 + c], lines[r * 40 + c]);
      }
    }
    assertThrows(IllegalArgumentException.class, () -> wide.fitted(Shape.of(3, 3, 2)));
  }

  @Test
  void channelsAreMixedOrRepeated() {
    byte[] pixels = {100, (byte) 200, 50};
    Picture p = new Picture(1, 1, 3, pixels);
    int grey = p.fitted(Shape.of(1, 1, 1)).pixels()[0] & 0xFF;
    assertEquals(Math.round(0.299 * 100 + 0.587 * 200 + 0.114 * 50), grey);
    byte[] again = new Picture(1, 1, 1, new byte[] {9}).fitted(Shape.of(1, 1, 3)).pixels();
    assertArrayEquals(new byte[] {9, 9, 9}, again);
  }

  @Test
  void aPictureBeyondMeasureIsRefusedUnread(@TempDir Path folder) throws IOException {
    byte[] png = write(new BufferedImage(4, 4, BufferedImage.TYPE_3BYTE_BGR), "png");
    for (int side : new int[] {0x7FFFFFFF, 100_000, 20_000, -1, 0}) {
      ByteBuffer.wrap(png).putInt(16, side).putInt(20, side);
      CRC32 crc = new CRC32(); // IHDR's own, so that only the size is wrong
      crc.update(png, 12, 17);
      ByteBuffer.wrap(png).putInt(29, (int) crc.getValue());
      Path file = Files.write(folder.resolve("large.png"), png);
      BadFileException e = assertThrows(BadFileException.class, () -> Picture.read(file));
      Damage.assertOneLine(e, file, side);
    }
  }

  @Test
  void whatIsNoPictureIsNamed(@TempDir Path folder) throws IOException {
    for (byte[] bytes :
        new byte[][] {{}, {1, 2, 3}, "<html>not found</html>".getBytes(StandardCharsets.UTF_8)}) {
      Path file = Files.write(folder.resolve("cat.jpg"), bytes);
      BadFileException e = assertThrows(BadFileException.class, () -> Picture.read(file));
      Damage.assertOneLine(e, file, 0);
    }
  }

  @ParameterizedTest
  @CsvSource({"png, 170", "jpg, 40", "bmp, 20", "gif, 20"})
  void damageIsRefusedOrHarmless(String format, int least, @TempDir Path folder)
      throws IOException {
    BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_3BYTE_BGR);
    SplittableRandom random = new SplittableRandom(6);
    for (int i = 0; i < 1200; i++) {
      image.setRGB(i % 40, i / 40, random.nextInt(0x1000000) & 0xE0E0E0);
    }
    byte[] good = write(image, format);
    byte[] pixels = read(good).pixels();
    int refused =
        Damage.times200(
            good,
            120,
            folder.resolve("bad." + format),
            256 << 20,
            (file, bytes) -> {
              Picture p = Picture.read(file);
              if (format.equals("png")) { // checksums: what is read is what was written
                assertArrayEquals(pixels, p.pixels());
              }
            });
    assertTrue(refused >= least, format + ": " + refused + " of 200 refused");
  }

  static byte[] write(BufferedImage image, String format) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertTrue(ImageIO.write(image, format, out));
    return out.toByteArray();
  }

  private static Picture read(byte[] bytes) throws IOException {
    return Picture.read(new ByteArrayInputStream(bytes), "memory");
  }

  /** The JPEG with an EXIF block after its first marker. */
  private static byte[] withExif(byte[] jpeg, int orientation, boolean little) {
    ByteBuffer tiff = ByteBuffer.allocate(38);
    tiff.order(little ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    tiff.putShort((short) (little ? 0x4949 : 0x4D4D)).putShort((short) 42).putInt(8);
    tiff.putShort((short) 2);
    tiff.putShort((short) 0x0100).putShort((short) 4).putInt(1).putInt(77);
    tiff.putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation);
    ByteBuffer out = ByteBuffer.allocate(jpeg.length + 10 + 38);
    out.put(jpeg, 0, 2).putShort((short) 0xFFE1).putShort((short) (2 + 6 + 38));
    out.putInt(0x45786966).putShort((short) 0).put(tiff.array());
    return out.put(jpeg, 2, jpeg.length - 2).array();
  }
}
