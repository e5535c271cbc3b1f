package dev.thaw.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Damage;
import dev.thaw.Needs;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Npy and Npz, against files that numpy wrote. */
final class NpyTest {
  private static final Path GOLDEN = SafetensorsTest.GOLDEN;

  @Test
  void readsWhatNumpyWrote() throws IOException {
    NdArray f4 = Npy.read(GOLDEN.resolve("f4.npy"));
    assertEquals(Shape.of(3, 4), f4.shape());
    assertEquals(2.75f, f4.floats()[11]);
    NdArray f8 = Npy.read(GOLDEN.resolve("f8.npy"));
    assertEquals(Shape.of(), f8.shape());
    assertEquals(1.0 / 3.0, f8.data().getDouble(0));
    NdArray v3 = Npy.read(GOLDEN.resolve("v3.npy"));
    assertArrayEquals(new long[] {0, 1, 2, 3, 4}, v3.longs());
  }

  @ParameterizedTest
  @ValueSource(strings = {"stored.npz", "deflated.npz"})
  void readsArchivesAndWidensWhatThereIsNoTypeFor(String name) throws IOException {
    try (Npz npz = Npz.open(GOLDEN.resolve(name))) {
      assertEquals(List.of("x", "y", "f2", "i1", "i2", "u2", "bool"), npz.names());
      NdArray x = npz.read("x");
      assertEquals(Shape.of(2, 3, 3, 1), x.shape());
      assertEquals(DType.UINT8, x.dtype());
      assertEquals(17 * 14, x.longs()[17]);
      assertArrayEquals(new long[] {3, 1}, npz.read("y").longs());
      assertArrayEquals(new float[] {1, -2.5f, 65504, 0x1p-24f}, npz.read("f2").floats());
      assertArrayEquals(new long[] {-128, 127}, npz.read("i1").longs());
      assertArrayEquals(new long[] {-32768, 32767}, npz.read("i2").longs());
      assertArrayEquals(new long[] {0, 65535}, npz.read("u2").longs());
      assertArrayEquals(new long[] {1, 0}, npz.read("bool").longs());
      assertThrows(BadFileException.class, () -> npz.read("z"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "fortran.npy, ascontiguousarray",
    "big.npy, astype",
    "object.npy, astype",
    "record.npy, one plain array"
  })
  void whatIsNotReadIsRefusedWithTheRemedy(String name, String remedy) {
    Path file = GOLDEN.resolve(name);
    BadFileException e = assertThrows(BadFileException.class, () -> Npy.read(file));
    Damage.assertOneLine(e, file, -1);
    assertTrue(String.valueOf(e.getMessage()).contains(remedy), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536, 65536, 65536), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (65536, 65536, 65536, 65536, 0), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4, , 1), }",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (4,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': True}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'shape': (4,)}",
        "{'fortran_order': False, 'shape': (4,), }",
        "'descr': '<f4', 'fortran_order': False, 'shape': (4,)",
        ""
      })
  void aHeaderIsBelievedOnlyWhenItFits(String dictionary, @TempDir Path folder) throws IOException {
    Path file = folder.resolve("case.npy");
    Files.write(file, npy(dictionary, 16));
    BadFileException e = assertThrows(BadFileException.class, () -> Npy.read(file));
    Damage.assertOneLine(e, file, -1);
    Files.write(file, npy("{ 'shape':(4 , ),'fortran_order':False , 'descr':'<f4'}\n", 16));
    assertEquals(Shape.of(4), Npy.read(file).shape());
  }

  @Test
  void writesWhatNumpyWouldRead(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("a.npy");
    NdArray f4 = Npy.read(GOLDEN.resolve("f4.npy"));
    Npy.write(file, f4);
    assertArrayEquals(Files.readAllBytes(GOLDEN.resolve("f4.npy")), Files.readAllBytes(file));
    NdArray f8 = Npy.read(GOLDEN.resolve("f8.npy"));
    Npy.write(file, f8);
    assertArrayEquals(Files.readAllBytes(GOLDEN.resolve("f8.npy")), Files.readAllBytes(file));
    NdArray brain =
        new NdArray(DType.BFLOAT16, Shape.of(1), ByteBuffer.wrap(new byte[] {(byte) 0x80, 0x3F}));
    Npy.write(file, brain);
    assertEquals(NdArray.of(Shape.of(1), new float[] {1}), Npy.read(file));
  }

  @Test
  void anArchiveComesBackAndIsAlwaysTheSame(@TempDir Path folder) throws IOException {
    Map<String, NdArray> arrays = new LinkedHashMap<>();
    arrays.put("x", NdArray.of(Shape.of(100, 7), new float[700]));
    arrays.put("y", NdArray.of(Shape.of(3), new long[] {1, 2, 3}));
    arrays.put("none", NdArray.of(Shape.of(0, 4), new byte[0]));
    Path file = folder.resolve("a.npz");
    Npz.write(file, arrays);
    byte[] first = Files.readAllBytes(file);
    try (Npz npz = Npz.open(file)) {
      assertEquals(List.of("x", "y", "none"), npz.names());
      for (String name : npz.names()) {
        assertEquals(arrays.get(name), npz.read(name));
      }
    }
    Npz.write(file, arrays);
    assertArrayEquals(first, Files.readAllBytes(file));
  }

  /** A gigabyte that is promised in the header, and in the zip's directory, but not delivered. */
  @Test
  void aBombIsNotUnpacked(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("bomb.npz");
    String promise = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000,), }";
    byte[] small = npy(promise, 1000);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("x.npy"));
      zip.write(small);
      zip.closeEntry();
    }
    byte[] archive = bytes.toByteArray();
    Files.write(file, archive);
    assertRefused(file);
    // The directory lies in accord with the header: 1,000,000,000 bytes and what precedes them.
    int directory = new String(archive, StandardCharsets.ISO_8859_1).indexOf("PK\1\2");
    int lie = 1_000_000_000 + small.length - 1000;
    for (int i = 0; i < 4; i++) {
      archive[directory + 24 + i] = (byte) (lie >>> (8 * i));
    }
    Files.write(file, archive);
    assertRefused(file);
  }

  private static void assertRefused(Path file) throws IOException {
    try (Npz npz = Npz.open(file)) {
      BadFileException e = assertThrows(BadFileException.class, () -> npz.read("x"));
      Damage.assertOneLine(e, file, -1);
    }
  }

  /** The checksum is ours to verify: what is read at all is what was written. */
  @ParameterizedTest
  @ValueSource(strings = {"stored.npz", "deflated.npz"})
  void damageIsRefusedOrChangesNothing(String name, @TempDir Path folder) throws IOException {
    Map<String, NdArray> good = new LinkedHashMap<>();
    try (Npz npz = Npz.open(GOLDEN.resolve(name))) {
      for (String array : npz.names()) {
        good.put(array, npz.read(array));
      }
    }
    int refused =
        Damage.times200(
            Files.readAllBytes(GOLDEN.resolve(name)),
            -450,
            folder.resolve("bad.npz"),
            4 << 20,
            (path, bytes) -> {
              try (Npz npz = Npz.open(path)) {
                for (String array : npz.names()) {
                  NdArray found = npz.read(array);
                  if (good.containsKey(array)) {
                    assertEquals(good.get(array), found);
                  }
                }
              }
            });
    assertTrue(refused >= 100, refused + " of 200 refused");
  }

  @Test
  void damageOfASingleArrayIsRefusedOrHarmless(@TempDir Path folder) throws IOException {
    int refused =
        Damage.times200(
            Files.readAllBytes(GOLDEN.resolve("f4.npy")),
            70,
            folder.resolve("bad.npy"),
            1 << 20,
            (path, bytes) -> Npy.read(path));
    assertTrue(refused >= 120, refused + " of 200 refused");
  }

  @Test
  void readsRealLogits() throws IOException {
    NdArray logits = Npy.read(Needs.data("resnet-cifar/resnet20_logits_first64.npy"));
    assertEquals(Shape.of(64, 10), logits.shape());
    assertEquals(DType.FLOAT32, logits.dtype());
  }

  private static byte[] npy(String dictionary, int dataBytes) {
    byte[] text = dictionary.getBytes(StandardCharsets.US_ASCII);
    byte[] bytes = Arrays.copyOf(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0}, 10);
    bytes[8] = (byte) text.length;
    bytes[9] = (byte) (text.length >>> 8);
    byte[] file = Arrays.copyOf(bytes, 10 + text.length + dataBytes);
    System.arraycopy(text, 0, file, 10, text.length);
    return file;
  }
}
