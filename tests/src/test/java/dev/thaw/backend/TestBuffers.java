package dev.thaw.backend;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Buffers of one test. Each is a slice between guards; outputs start as garbage. Closing holds that
 * the guards are intact, that inputs are what they were, and that the pool has its memory back.
 */
public final class TestBuffers implements AutoCloseable {
  private static final int GUARD = 64;
  private static final byte GARBAGE = 0x7E;

  private final Backend backend;
  private final DType floating;
  private final long liveBefore;
  private final List<Item> items = new ArrayList<>();

  /** A buffer, what it lies in, and, if it must not change, what it was. */
  private record Item(Buffer whole, Buffer part, byte[] before, boolean input) {}

  /**
   * Buffers on {@code backend}.
   *
   * @param floating the type of those whose type is not said
   */
  public TestBuffers(Backend backend, DType floating) {
    this.backend = backend;
    this.floating = floating;
    this.liveBefore = backend.pool().liveBytes();
  }

  /** An input. */
  public Buffer of(double... values) {
    return of(floating, values);
  }

  /** An input of another type. */
  public Buffer of(DType dtype, double... values) {
    return make(dtype, bytes(dtype, values), true);
  }

  /** What a kernel reads and changes. */
  public Buffer changing(double... values) {
    return changing(floating, values);
  }

  /** What a kernel reads and changes, of another type. */
  public Buffer changing(DType dtype, double... values) {
    return make(dtype, bytes(dtype, values), false);
  }

  /** An output. */
  public Buffer output(long elements) {
    return output(floating, elements);
  }

  /** An output of another type. */
  public Buffer output(DType dtype, long elements) {
    byte[] garbage = new byte[(int) elements * dtype.bytes()];
    Arrays.fill(garbage, GARBAGE);
    return make(dtype, garbage, false);
  }

  private Buffer make(DType dtype, byte[] content, boolean input) {
    long n = content.length / dtype.bytes();
    Buffer whole = backend.pool().allocate(dtype, n + 2 * GUARD, Purpose.WORKSPACE);
    byte[] all = new byte[(int) whole.bytes()];
    Arrays.fill(all, GARBAGE);
    System.arraycopy(content, 0, all, GUARD * dtype.bytes(), content.length);
    backend.upload(whole, direct(all));
    Buffer part = whole.slice(GUARD, n);
    items.add(new Item(whole, part, all, input));
    return part;
  }

  /** The elements of {@code x} as numbers. */
  public double[] read(Buffer x) {
    ByteBuffer bytes = ByteBuffer.wrap(download(x)).order(ByteOrder.nativeOrder());
    double[] y = new double[(int) x.elements()];
    for (int i = 0; i < y.length; i++) {
      y[i] =
          switch (x.dtype()) {
            case FLOAT32 -> bytes.getFloat();
            case FLOAT64 -> bytes.getDouble();
            case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort() << 16);
            case INT32 -> bytes.getInt();
            case INT64 -> bytes.getLong();
            case UINT8 -> bytes.get() & 0xFF;
          };
    }
    return y;
  }

  /** Holds that {@code x} is {@code expected}, each within {@code tolerance} · (1 + |expected|). */
  public void assertClose(String what, double[] expected, Buffer x, double tolerance) {
    double[] actual = read(x);
    assertEquals(expected.length, actual.length, what + ": length");
    for (int i = 0; i < expected.length; i++) {
      double allowed = tolerance * (1 + Math.abs(expected[i]));
      boolean close =
          Double.compare(expected[i], actual[i]) == 0
              || Math.abs(expected[i] - actual[i]) <= allowed;
      if (!close) {
        throw new AssertionError(
            what + "[" + i + "]: expected " + expected[i] + ", found " + actual[i]);
      }
    }
  }

  private byte[] download(Buffer x) {
    ByteBuffer bytes = direct(new byte[(int) x.bytes()]);
    backend.download(bytes, x);
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    return copy;
  }

  private static ByteBuffer direct(byte[] content) {
    return ByteBuffer.allocateDirect(content.length)
        .order(ByteOrder.nativeOrder())
        .put(content)
        .flip();
  }

  private static byte[] bytes(DType dtype, double[] values) {
    ByteBuffer y =
        ByteBuffer.allocate(values.length * dtype.bytes()).order(ByteOrder.nativeOrder());
    for (double v : values) {
      switch (dtype) {
        case FLOAT32 -> y.putFloat((float) v);
        case FLOAT64 -> y.putDouble(v);
        // Tests choose values that bfloat16 has, so cutting is exact.
        case BFLOAT16 -> y.putShort((short) (Float.floatToRawIntBits((float) v) >>> 16));
        case INT32 -> y.putInt((int) v);
        case INT64 -> y.putLong((long) v);
        case UINT8 -> y.put((byte) (int) v);
      }
    }
    return y.array();
  }

  @Override
  public void close() {
    for (Item item : items) {
      int guard = GUARD * item.whole.dtype().bytes();
      byte[] after = download(item.whole);
      byte[] expected = item.before.clone();
      if (!item.input) {
        int n = after.length - 2 * guard;
        System.arraycopy(after, guard, expected, guard, n);
      }
      assertArrayEquals(expected, after, "an input or a guard was written: " + item.part);
      item.part.release();
      item.whole.release();
    }
    assertEquals(liveBefore, backend.pool().liveBytes(), "bytes that are still held");
  }
}
