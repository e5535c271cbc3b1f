package dev.thaw.plain;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Unary;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Storage;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class PlainMemoryTest {
  private final PlainBackend backend = new PlainBackend(new Device("plain", 1), 1);
  private final Pool pool = backend.pool();

  private byte[] download(Buffer x) {
    ByteBuffer bytes = ByteBuffer.allocate((int) x.bytes());
    backend.download(bytes, x);
    assertEquals(0, bytes.position(), "download moves no position");
    return bytes.array();
  }

  @Test
  void bytesComeBackAsTheyWere() {
    for (DType dtype : DType.values()) {
      Buffer whole = pool.allocate(dtype, 37, Purpose.ACTIVATIONS);
      byte[] content = new byte[(int) whole.bytes()];
      new Random(dtype.ordinal()).nextBytes(content);
      ByteBuffer x = ByteBuffer.wrap(content);
      backend.upload(whole, x);
      assertEquals(0, x.position(), "upload moves no position");
      assertArrayEquals(content, download(whole), dtype.toString());

      Buffer part = whole.slice(5, 11);
      int from = 5 * dtype.bytes();
      byte[] middle = Arrays.copyOfRange(content, from, from + (int) part.bytes());
      assertArrayEquals(middle, download(part), dtype.toString());

      // A direct buffer, read from its position on, into the slice alone.
      byte[] other = new byte[(int) part.bytes()];
      new Random(99).nextBytes(other);
      ByteBuffer direct = ByteBuffer.allocateDirect(other.length + 8).position(8).put(other);
      backend.upload(part, direct.position(8));
      System.arraycopy(other, 0, content, from, other.length);
      assertArrayEquals(content, download(whole), dtype.toString());
      part.release();
      whole.release();
    }
    assertEquals(0, pool.liveBytes());
  }

  @Test
  void aWrongSizeIsRefused() {
    Buffer x = pool.allocate(DType.FLOAT32, 3, Purpose.ACTIVATIONS);
    assertEquals(
        "upload: 8 bytes given for 3 float32 on plain:1",
        assertThrows(
                IllegalArgumentException.class, () -> backend.upload(x, ByteBuffer.allocate(8)))
            .getMessage());
    assertEquals(
        "download: room for 16 bytes of 3 float32 on plain:1",
        assertThrows(
                IllegalArgumentException.class, () -> backend.download(ByteBuffer.allocate(16), x))
            .getMessage());
    x.release();
  }

  @Test
  void useAfterCloseIsRefused() {
    Buffer x = pool.allocate(DType.FLOAT32, 1024, Purpose.ACTIVATIONS);
    Buffer y = pool.allocate(DType.FLOAT32, 1024, Purpose.ACTIVATIONS);
    x.release();
    IllegalStateException e =
        assertThrows(
            IllegalStateException.class, () -> backend.unary().forward(Unary.EXP, y, x, 0, 0));
    assertTrue(
        String.valueOf(e.getMessage()).startsWith("buffer of 4096 bytes on plain:1 is closed"),
        e::getMessage);
    y.release();
  }

  @Test
  void aBufferOfAnotherBackendIsRefused() {
    Pool foreign = new Pool(Device.of("cpu"), (bytes, dtype) -> new Foreign(bytes), false);
    Buffer x = foreign.allocate(DType.FLOAT32, 2, Purpose.ACTIVATIONS);
    Buffer y = pool.allocate(DType.FLOAT32, 2, Purpose.ACTIVATIONS);
    assertEquals(
        "plain: a buffer on cpu is no Java array",
        assertThrows(
                IllegalStateException.class, () -> backend.unary().forward(Unary.EXP, y, x, 0, 0))
            .getMessage());
    y.release();
    x.release();
  }

  private record Foreign(long bytes) implements Storage {
    @Override
    public void free() {
      throw new AssertionError("this pool is never trimmed");
    }
  }

  @Test
  void thePoolCountsByPurposeAndReusesByType() {
    Buffer weights = pool.allocate(DType.FLOAT32, 1000, Purpose.PARAMETERS);
    Buffer scratch = pool.allocate(DType.FLOAT64, 1000, Purpose.WORKSPACE);
    assertEquals(4000, pool.liveBytes(Purpose.PARAMETERS));
    assertEquals(8000, pool.liveBytes(Purpose.WORKSPACE));
    assertEquals(12_000, pool.liveBytes());
    Storage first = weights.storage();
    weights.release();
    assertEquals(0, pool.liveBytes(Purpose.PARAMETERS));
    assertTrue(pool.cachedBytes() >= 4000);
    // As many bytes, but no float can lie in an int[].
    Buffer labels = pool.allocate(DType.INT32, 1000, Purpose.ACTIVATIONS);
    assertTrue(labels.storage() != first);
    Buffer again = pool.allocate(DType.FLOAT32, 1000, Purpose.GRADIENTS);
    assertSame(first, again.storage());
    labels.release();
    again.release();
    scratch.release();
    assertEquals(0, pool.liveBytes());
    assertEquals(16_000, pool.peakBytes());
    pool.trim();
    assertEquals(0, pool.cachedBytes());
  }

  @Test
  void moreThanAnArrayHoldsIsRefused() {
    OutOfMemoryError e =
        assertThrows(
            OutOfMemoryError.class,
            () -> pool.allocate(DType.UINT8, 3L << 30, Purpose.ACTIVATIONS));
    assertTrue(
        String.valueOf(e.getMessage()).contains("a Java array holds at most 2147483639"),
        e::getMessage);
    assertEquals(0, pool.liveBytes());
  }
}
