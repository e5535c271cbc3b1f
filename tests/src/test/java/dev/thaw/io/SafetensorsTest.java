package dev.thaw.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Damage;
import dev.thaw.Needs;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SafetensorsTest {
  static final Path GOLDEN = Path.of("src/test/resources/golden/io");
  private static final Path PYTHON = GOLDEN.resolve("python.safetensors");

  @Test
  void readsWhatPythonWrote() throws IOException {
    try (Safetensors file = Safetensors.open(PYTHON)) {
      assertEquals(Map.of("format", "pt"), file.metadata());
      assertEquals(8, file.entries().size());
      assertArrayEquals(
          new float[] {0.5f, -1.25f, 3, -0f}, file.entry("conv.bias").read().floats());
      assertEquals(Shape.of(4, 3, 3, 3), file.entry("conv.weight").shape());
      assertArrayEquals(
          new long[] {1234567890123L}, file.entry("num_batches_tracked").read().longs());
      assertEquals(Shape.of(), file.entry("num_batches_tracked").shape());
      assertArrayEquals(new long[] {-1, Integer.MAX_VALUE}, file.entry("index").read().longs());
      assertArrayEquals(new long[] {0, 127, 255}, file.entry("pixels").read().longs());
      assertEquals(1.0 / 3.0, file.entry("double").read().data().getDouble(0));
      assertEquals(0, file.entry("empty").read().data().remaining());
      NdArray brain = file.entry("brain").read();
      assertEquals(DType.BFLOAT16, brain.dtype());
      assertEquals(DType.FLOAT32, brain.widened().dtype());
      assertArrayEquals(new float[] {1, -2.5f}, Arrays.copyOf(brain.floats(), 2));
    }
  }

  @Test
  void halvesWiden() throws IOException {
    try (Safetensors file = Safetensors.open(GOLDEN.resolve("half.safetensors"))) {
      Safetensors.Entry half = file.entry("half");
      assertEquals("F16", half.format());
      assertEquals(DType.FLOAT32, half.dtype());
      assertArrayEquals(
          new float[] {1, -2.5f, 65504, 0x1p-24f, Float.POSITIVE_INFINITY, Float.NaN},
          half.read().floats());
    }
  }

  @Test
  void everyHalfWidensExactly() {
    for (int bits = 0; bits < 0x10000; bits++) {
      int exponent = (bits >> 10) & 0x1F;
      double fraction = (bits & 0x3FF) / 1024.0;
      double magnitude =
          exponent == 31
              ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
              : exponent == 0
                  ? fraction * Math.pow(2, -14)
                  : (1 + fraction) * Math.pow(2, exponent - 15);
      float expected = (float) (bits >= 0x8000 ? -magnitude : magnitude);
      assertEquals(expected, Half.toFloat((short) bits), "half " + Integer.toHexString(bits));
    }
  }

  @Test
  void writesPythonsFileByteForByte(@TempDir Path folder) throws IOException {
    Path copy = folder.resolve("copy.safetensors");
    try (Safetensors file = Safetensors.open(PYTHON)) {
      Map<String, NdArray> tensors = new LinkedHashMap<>();
      for (Safetensors.Entry e : file.entries()) {
        tensors.put(e.name(), e.read());
      }
      Safetensors.write(copy, file.metadata(), tensors);
    }
    assertArrayEquals(Files.readAllBytes(PYTHON), Files.readAllBytes(copy));
  }

  @Test
  void keepsOrderAndAlignsEachTensorToItsElement(@TempDir Path folder) throws IOException {
    Path path = folder.resolve("mixed.safetensors");
    Map<String, NdArray> tensors = new LinkedHashMap<>();
    tensors.put("bytes", NdArray.of(Shape.of(3), new byte[] {1, 2, 3}));
    tensors.put("ü \"quoted\"", NdArray.of(Shape.of(), new float[] {1.5f}));
    tensors.put("labels", NdArray.of(Shape.of(2, 1), new long[] {5, -6}));
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("labels", "cat\ndog");
    metadata.put("a", "");
    Safetensors.write(path, metadata, tensors);
    try (Safetensors file = Safetensors.open(path)) {
      assertEquals(metadata, file.metadata());
      assertEquals(
          new ArrayList<>(tensors.keySet()),
          file.entries().stream().map(Safetensors.Entry::name).toList());
      for (Safetensors.Entry e : file.entries()) {
        assertEquals(tensors.get(e.name()), e.read());
        assertEquals(0, e.offset() % e.dtype().bytes(), e.name());
      }
      assertEquals(0, file.entry("labels").offset() % 8);
      BadFileException missing = assertThrows(BadFileException.class, () -> file.entry("fc"));
      assertTrue(String.valueOf(missing.getMessage()).contains("labels"), missing.getMessage());
    }
  }

  @Test
  void readsThroughOneStagingBuffer() throws IOException {
    try (Safetensors file = Safetensors.open(PYTHON)) {
      ByteBuffer staging = ByteBuffer.allocateDirect(64).order(ByteOrder.LITTLE_ENDIAN);
      staging.putInt(42);
      file.entry("conv.bias").read(staging);
      file.entry("pixels").read(staging);
      assertEquals(4 + 16 + 3, staging.position());
      assertEquals(-1.25f, staging.getFloat(8));
      assertThrows(IllegalArgumentException.class, () -> file.entry("conv.weight").read(staging));
    }
  }

  @Test
  void aSourceIsAskedOnceAndHeldToItsSize(@TempDir Path folder) throws IOException {
    Path path = folder.resolve("s.safetensors");
    NdArray four = NdArray.of(Shape.of(4), new float[4]);
    Safetensors.write(path, Map.of(), Map.of("w", four));
    byte[] before = Files.readAllBytes(path);
    Shape five = Shape.of(5);
    assertThrows(
        IllegalArgumentException.class,
        () ->
            Safetensors.write(
                path,
                Map.of(),
                List.of(new Safetensors.Source("w", DType.FLOAT32, five, four::data))));
    assertArrayEquals(before, Files.readAllBytes(path));
    Safetensors.Source w = new Safetensors.Source("w", DType.FLOAT32, Shape.of(4), four::data);
    assertThrows(
        IllegalArgumentException.class, () -> Safetensors.write(path, Map.of(), List.of(w, w)));
    assertThrows(
        IllegalArgumentException.class,
        () -> Safetensors.write(path, Map.of(), Map.of("__metadata__", four)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 8 | ok
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}    | 8 | ok
          {} | 0 | ok
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 7 | cut short
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | 9 | appended
          {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}} | 16 | a hole
          {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}} | 7 | an overlap
          {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} | 4 | an overlap
          {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}} | 8 | Duplicate
          {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}} | 8 | 12 bytes
          {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}} | 8 | from 0
          {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}} | 8 | integers
          {"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}} | 8 | integers
          {"a":{"dtype":"U8","shape":[2147483648],"data_offsets":[0,2147483648]}} | 8 | below 2^31
          {"a":{"dtype":"U8","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,8]}} | 8 | 2^63
          {"a":{"dtype":"U8","shape":[2147483647,2147483647,2147483647,0],"data_offsets":[0,0]}} | 0 | 2^63
          {"a":{"dtype":"U8","shape":[18446744073709551618],"data_offsets":[0,2]}} | 2 | integers
          {"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}} | 2 | dtype
          {"a":{"dtype":4,"shape":[2],"data_offsets":[0,2]}} | 2 | dtype
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2,4]}} | 4 | two data_offsets
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}} | 2 | 2 bytes
          {"a":{"dtype":"U8","shape":[2]}} | 2 | two data_offsets
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":1}} | 2 | found x
          {"a":[1]} | 2 | an object for a
          {"__metadata__":{"n":1}} | 0 | text for metadata n
          {"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}} x | 2 | Unrecognized
          [] | 0 | starts with {
          {"a | 0 | JSON
          """)
  void aHeaderIsBelievedOnlyWhenItFits(
      String header, int dataBytes, String outcome, @TempDir Path folder) throws IOException {
    Path path = write(folder, header, dataBytes);
    if (outcome.equals("ok")) {
      Safetensors.open(path).close();
      return;
    }
    BadFileException e = assertThrows(BadFileException.class, () -> Safetensors.open(path).close());
    Damage.assertOneLine(e, path, -1);
    assertTrue(String.valueOf(e.getMessage()).contains(outcome), e.getMessage());
  }

  @Test
  void aLyingLengthCostsNothing(@TempDir Path folder) throws IOException {
    for (long length : new long[] {-1, 0, 1, 100_000_001, Long.MAX_VALUE, 100, 93}) {
      ByteBuffer bytes = ByteBuffer.allocate(100).order(ByteOrder.LITTLE_ENDIAN);
      bytes.putLong(length);
      Path path = Files.write(folder.resolve("lie.safetensors"), bytes.array());
      BadFileException e =
          assertThrows(BadFileException.class, () -> Safetensors.open(path).close());
      assertTrue(String.valueOf(e.getMessage()).contains("at byte 0: expected"), e.getMessage());
    }
    Path tiny = Files.write(folder.resolve("tiny.safetensors"), new byte[7]);
    assertThrows(BadFileException.class, () -> Safetensors.open(tiny).close());
    assertThrows(IOException.class, () -> Safetensors.open(folder).close());
  }

  @Test
  void aFileCutUnderTheReaderGivesALine(@TempDir Path folder) throws IOException {
    Path path = folder.resolve("cut.safetensors");
    Files.copy(PYTHON, path);
    try (Safetensors file = Safetensors.open(path)) {
      Files.write(path, Arrays.copyOf(Files.readAllBytes(path), 900));
      BadFileException e =
          assertThrows(BadFileException.class, () -> file.entry("conv.weight").read());
      assertTrue(String.valueOf(e.getMessage()).contains("changed"), e.getMessage());
    }
  }

  @Test
  void damageIsRefusedOrHarmless(@TempDir Path folder) throws IOException {
    int refused =
        Damage.times200(
            Files.readAllBytes(PYTHON),
            616,
            folder.resolve("bad.safetensors"),
            4 << 20,
            (path, bytes) -> {
              try (Safetensors file = Safetensors.open(path)) {
                for (Safetensors.Entry e : file.entries()) {
                  e.read();
                }
              }
            });
    assertTrue(refused >= 120, refused + " of 200 refused"); // numbers themselves have no checksum
  }

  @Test
  void readsARealModel() throws IOException {
    Path path = Needs.data("silero-vad/silero_vad_16k.safetensors");
    try (Safetensors file = Safetensors.open(path)) {
      assertEquals(15, file.entries().size());
      assertEquals(Map.of(), file.metadata());
      assertEquals(Shape.of(258, 1, 256), file.entry("stft_conv.weight").shape());
      long bytes = 0;
      for (Safetensors.Entry e : file.entries()) {
        assertEquals("F32", e.format());
        for (float v : e.read().floats()) {
          assertTrue(Math.abs(v) < 100, e.name());
        }
        bytes += 4 * e.shape().elements();
      }
      assertTrue(Files.size(path) - bytes < 4096);
    }
  }

  @Test
  void realModelSurvivesARoundTrip(@TempDir Path folder) throws IOException {
    Path path = Needs.data("silero-vad/silero_vad_16k.safetensors");
    Path copy = folder.resolve("copy.safetensors");
    try (Safetensors file = Safetensors.open(path)) {
      Stream<Safetensors.Source> sources =
          file.entries().stream()
              .map(e -> new Safetensors.Source(e.name(), e.dtype(), e.shape(), () -> data(e)));
      Safetensors.write(copy, file.metadata(), sources.toList());
      try (Safetensors again = Safetensors.open(copy)) {
        assertFalse(again.has("nothing"));
        for (Safetensors.Entry e : file.entries()) {
          assertEquals(e.read(), again.entry(e.name()).read());
        }
      }
    }
  }

  private static ByteBuffer data(Safetensors.Entry e) {
    try {
      return e.read().data();
    } catch (IOException x) {
      throw new UncheckedIOException(x);
    }
  }

  private static Path write(Path folder, String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(json.length).put(json);
    return Files.write(folder.resolve("case.safetensors"), bytes.array());
  }
}
