package dev.thaw.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Damage;
import dev.thaw.Needs;
import dev.thaw.io.NdArray;
import dev.thaw.io.Npz;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Recognising data by looking, and the kinds that have no test of their own. */
final class DataTest {
  @Test
  void mnistIsRecognised() throws IOException {
    Data data = Data.open(Needs.data("mnist").toString());
    assertEquals(Data.Kind.IDX, data.kind());
    assertEquals(60_000, data.train().size());
    assertEquals(10_000, data.test().size());
    assertSame(data.test(), data.validation());
    assertFalse(data.has(Part.VALIDATION));
    assertEquals("mnist/train", data.train().name());
  }

  @Test
  void charactersAreDrawn() throws IOException {
    Data letters = Data.open("embedded");
    Data digits = Data.open("embedded:digits", new Data.Options(Shape.of(32, 32, 3), 0.25, 1));
    assertEquals(20, letters.train().classes().size());
    assertEquals(10, digits.train().classes().size());
    assertEquals(Shape.of(32, 32, 3), digits.train().shape());
    assertEquals(6000, digits.train().size());
    assertEquals(2000, digits.validation().size());
    assertEquals(2000, digits.test().size());
    assertThrows(BadFileException.class, () -> Data.open("embedded:runes"));
  }

  @Test
  void cifarsBinaryBatchesAreRecognised(@TempDir Path folder) throws IOException {
    byte[] batch = new byte[2 * 3073];
    batch[0] = 3;
    batch[3073] = 9;
    batch[1] = 11; // the first pixel's red, green and blue lie in three planes
    batch[1 + 1024] = 22;
    batch[1 + 2048] = 33;
    batch[3073 + 1024] = 44; // the second picture's last red
    Files.write(folder.resolve("data_batch_1.bin"), batch);
    Files.write(folder.resolve("data_batch_3.bin"), batch);
    Files.writeString(
        folder.resolve("batches.meta.txt"),
        "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
    Data data = Data.open(folder.toString());
    assertEquals(Data.Kind.CIFAR, data.kind());
    Dataset train = data.train();
    assertEquals(4, train.size());
    assertEquals("cat", train.classes().get(train.label(2)));
    byte[] pixels = pixels(train, 2);
    assertArrayEquals(new byte[] {11, 22, 33}, Arrays.copyOf(pixels, 3));
    assertEquals(44, pixels(train, 1)[1023 * 3]);
    BadFileException e = assertThrows(BadFileException.class, data::test);
    assertTrue(String.valueOf(e.getMessage()).contains("only train"), e.getMessage());
    Files.write(folder.resolve("test_batch.bin"), Arrays.copyOf(batch, 4000));
    e = assertThrows(BadFileException.class, () -> Data.open(folder.toString()).test());
    assertTrue(String.valueOf(e.getMessage()).contains("at byte 3073"), e.getMessage());
    batch[3073] = 10;
    Files.write(folder.resolve("test_batch.bin"), batch);
    e = assertThrows(BadFileException.class, () -> Data.open(folder.toString()).test());
    assertTrue(String.valueOf(e.getMessage()).contains("a label below 10"), e.getMessage());
  }

  @Test
  void foldersOfPicturesAreRecognised(@TempDir Path folder) throws IOException {
    for (String name : List.of("train/cat/2.png", "train/cat/10.png", "train/dog/1.jpg")) {
      picture(folder.resolve(name), 6, 4, name.length());
    }
    picture(folder.resolve("val/dog/7.png"), 8, 8, 1);
    Files.createDirectories(folder.resolve("train/.cache"));
    Files.writeString(folder.resolve("train/cat/notes.txt"), "not a picture");
    Data data = Data.open(folder.toString());
    assertEquals(Data.Kind.FOLDER, data.kind());
    Dataset train = data.train();
    assertEquals(folder.getFileName() + "/train", train.name().replaceAll(".*/(.*/train)", "$1"));
    assertEquals(List.of("cat", "dog"), train.classes());
    assertEquals(List.of(0, 0, 1), IntStream.range(0, 3).mapToObj(train::label).toList());
    assertEquals(Shape.of(6, 4, 3), train.shape());
    assertEquals("train/cat/10.png".length(), pixels(train, 0)[0], "by name: 10 before 2");
    Dataset val = data.validation();
    assertEquals(train.classes(), val.classes(), "though there are no cats");
    assertEquals(train.shape(), val.shape(), "though its picture is larger");
    assertEquals(1, val.label(0));
    assertSame(val, data.test());
    picture(folder.resolve("val/horse/1.png"), 6, 4, 1);
    BadFileException e =
        assertThrows(BadFileException.class, () -> Data.open(folder.toString()).validation());
    assertTrue(String.valueOf(e.getMessage()).contains("horse"), e.getMessage());
  }

  @Test
  void aFolderWithoutPartsIsAllToLearnFrom(@TempDir Path folder) throws IOException {
    for (int i = 0; i < 10; i++) {
      picture(folder.resolve((i % 2 == 0 ? "a/" : "b/") + i + ".png"), 5, 5, i);
    }
    assertEquals(10, Data.open(folder.toString()).train().size());
    Data split = Data.open(folder.toString(), new Data.Options(null, 0.2, 3));
    assertEquals(8, split.train().size());
    assertEquals(2, split.validation().size());
    assertSame(split.validation(), split.test());
    Files.createDirectories(folder.resolve("c"));
    BadFileException e =
        assertThrows(BadFileException.class, () -> Data.open(folder.toString()).train());
    assertTrue(String.valueOf(e.getMessage()).contains("expected pictures"), e.getMessage());
    Files.delete(folder.resolve("c"));
    picture(folder.resolve("b/99.png"), 7, 7, 0);
    e = assertThrows(BadFileException.class, () -> Data.open(folder.toString()).train());
    assertTrue(String.valueOf(e.getMessage()).contains("[7, 7, 3]"), e.getMessage());
    Data.Options target = new Data.Options(Shape.of(4, 4, 1), 0, 0);
    assertEquals(16, pixels(Data.open(folder.toString(), target).train(), 10).length);
  }

  @Test
  void aDamagedPictureIsNamedByTheLoader(@TempDir Path folder) throws IOException {
    picture(folder.resolve("a/1.png"), 5, 5, 1);
    picture(folder.resolve("a/2.png"), 5, 5, 1);
    Path bad = folder.resolve("a/2.png");
    byte[] bytes = Files.readAllBytes(bad);
    bytes[bytes.length - 20] ^= 1;
    Files.write(bad, bytes);
    Dataset data = ImageFolder.open(folder, Shape.of(5, 5, 3));
    try (DataLoader loader =
        new DataLoader(data, Normalisation.none(3), DataLoader.Options.evaluation(1))) {
      assertNotNull(loader.next());
      Damage.assertOneLine(assertThrows(IOException.class, loader::next), bad, 0);
    }
  }

  @Test
  void archivesOfArraysAreRecognised(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("set.npz");
    byte[] x = {1, 2, 3, 4, 5, 6, 7, 8};
    Map<String, NdArray> arrays = new LinkedHashMap<>();
    arrays.put("x", NdArray.of(Shape.of(2, 2, 2), x));
    arrays.put("y", NdArray.of(Shape.of(2), new long[] {1, 0}));
    arrays.put("x_test", NdArray.of(Shape.of(1, 2, 2), new byte[4]));
    arrays.put("y_test", NdArray.of(Shape.of(1, 1), new long[] {4}));
    Npz.write(file, arrays);
    Data data = Data.open(file.toString());
    assertEquals(Data.Kind.NPZ, data.kind());
    assertEquals("set.npz/train", data.train().name());
    assertEquals(Shape.of(2, 2, 1), data.train().shape());
    assertEquals(5, data.train().classes().size(), "the test part knows class 4");
    assertArrayEquals(new byte[] {5, 6, 7, 8}, pixels(data.train(), 1));
    assertEquals(1, data.train().label(0));
    assertEquals(4, data.test().label(0));

    arrays.clear();
    arrays.put("x", NdArray.of(Shape.of(2, 3), new float[] {0, 1, 2, 3, 4, 5}));
    arrays.put("y", NdArray.of(Shape.of(2), new byte[] {0, 1}));
    Npz.write(file, arrays);
    Dataset rows = Data.open(file.toString()).train();
    assertEquals(DType.FLOAT32, rows.dtype());
    assertEquals(Shape.of(3), rows.shape());
    Data.Options target = new Data.Options(Shape.of(8, 8, 1), 0, 0);
    assertThrows(IllegalArgumentException.class, () -> Data.open(file.toString(), target).train());
  }

  @Test
  void archivesThatDoNotFitAreRefused(@TempDir Path folder) throws IOException {
    NdArray y = NdArray.of(Shape.of(2), new long[] {0, 1});
    NdArray x = NdArray.of(Shape.of(2, 4, 4), new byte[32]);
    refused(folder, "transpose", NdArray.of(Shape.of(2, 3, 8, 8), new byte[384]), y);
    refused(folder, "transpose", NdArray.of(Shape.of(2, 3, 8, 8), new float[384]), y);
    refused(folder, "each label", NdArray.of(Shape.of(3, 4, 4), new byte[48]), y);
    refused(folder, "reshape", NdArray.of(Shape.of(2, 16), new byte[32]), y);
    refused(folder, "astype", NdArray.of(Shape.of(2, 4), new long[8]), y);
    refused(folder, "argmax", x, NdArray.of(Shape.of(2, 2), new float[4]));
    refused(folder, "from 0", x, NdArray.of(Shape.of(2), new long[] {0, -1}));
    refused(folder, "from 0", x, NdArray.of(Shape.of(2), new long[] {0, 1L << 40}));
    refused(folder, "at least one", NdArray.of(Shape.of(0, 4, 4), new byte[0]), y);
  }

  private static void refused(Path folder, String words, NdArray x, NdArray y) throws IOException {
    Path file = folder.resolve("bad.npz");
    Npz.write(file, Map.of("x", x, "y", y));
    BadFileException e =
        assertThrows(BadFileException.class, () -> Data.open(file.toString()).train());
    Damage.assertOneLine(e, file, 0);
    assertTrue(String.valueOf(e.getMessage()).contains(words), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"stored.npz", "deflated.npz"})
  void damagedArchivesAreRefusedOrHarmless(String name, @TempDir Path folder) throws IOException {
    Path good = Path.of("src/test/resources/golden/io").resolve(name);
    Dataset whole = NpzDataset.open(good, Part.TRAIN);
    int refused =
        Damage.times200(
            Files.readAllBytes(good),
            450,
            folder.resolve("bad.npz"),
            4 << 20,
            (file, bytes) -> {
              Dataset found = NpzDataset.open(file, Part.TRAIN);
              for (int i = 0; i < whole.size(); i++) {
                assertArrayEquals(pixels(whole, i), pixels(found, i));
                assertEquals(whole.label(i), found.label(i));
              }
            });
    assertTrue(refused >= 80, refused + " of 200 refused");
  }

  @Test
  void whatIsNotRecognisedIsListed(@TempDir Path folder) throws IOException {
    assertThrows(NoSuchFileException.class, () -> Data.open(folder.resolve("none").toString()));
    assertMessage(folder, "an empty folder");
    Files.createDirectory(folder.resolve("inner"));
    Files.writeString(folder.resolve("cats.zip"), "x");
    assertMessage(folder, "found cats.zip, inner/; unpack the archive");
    assertMessage(folder.resolve("cats.zip"), "no .npz; unpack");
    Path text = Files.write(folder.resolve("t.npz"), "no zip".getBytes(StandardCharsets.UTF_8));
    BadFileException e =
        assertThrows(BadFileException.class, () -> Data.open(text.toString()).train());
    Damage.assertOneLine(e, text, 0);
  }

  private static void assertMessage(Path where, String words) {
    BadFileException e = assertThrows(BadFileException.class, () -> Data.open(where.toString()));
    Damage.assertOneLine(e, where, 0);
    assertTrue(String.valueOf(e.getMessage()).contains(words), e.getMessage());
  }

  @Test
  void readsRealPhotographs(@TempDir Path folder) throws IOException {
    try (ZipFile zip = new ZipFile(Needs.data("cats-dogs/cats-dogs.zip").toFile())) {
      for (ZipEntry e : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
        Path file = folder.resolve(e.getName()).normalize();
        assertTrue(file.startsWith(folder));
        if (e.getName().matches(".*1[0-9]\\.jpg")) { // some of them, to be quick
          Files.createDirectories(file.resolve("..").normalize());
          try (InputStream in = zip.getInputStream(e)) {
            Files.copy(in, file);
          }
        }
      }
    }
    Path root = Files.isDirectory(folder.resolve("train")) ? folder : folder.resolve("cats-dogs");
    Data data = Data.open(root.toString(), new Data.Options(Shape.of(64, 64, 3), 0, 0));
    assertEquals(2, data.train().classes().size());
    assertTrue(data.train().size() >= 20, data.train().size() + " photographs");
    assertTrue(data.validation().size() >= 2);
    Normalisation n = Normalisation.measure(data.train());
    for (int c = 0; c < 3; c++) {
      assertEquals(0.45, n.mean()[c], 0.12, "photographs are about half bright");
      assertEquals(0.25, n.std()[c], 0.08);
    }
  }

  private static byte[] pixels(Dataset d, int i) throws IOException {
    byte[] pixels = new byte[(int) d.shape().elements()];
    d.read(i, ByteBuffer.wrap(pixels));
    return pixels;
  }

  private static void picture(Path file, int h, int w, int value) throws IOException {
    Files.createDirectories(file.resolve("..").normalize());
    BufferedImage image = new BufferedImage(w, h, BufferedImage.TYPE_3BYTE_BGR);
    for (int i = 0; i < h * w; i++) {
      image.setRGB(i % w, i / w, value * 0x010101);
    }
    String name = file.getFileName().toString();
    Files.write(file, PictureTest.write(image, name.substring(name.lastIndexOf('.') + 1)));
  }
}
