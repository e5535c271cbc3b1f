package dev.thaw.plain;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Storage;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A Java array of the element type, {@code short[]} for bfloat16. A buffer's range starts at
 * element {@link #start}; the array may be longer than the buffer.
 */
final class PlainStorage implements Storage {
  /** What HotSpot allocates at most. */
  private static final long LONGEST = Integer.MAX_VALUE - 8;

  private final long bytes;
  private @Nullable Object array;

  PlainStorage(long bytes, DType dtype) {
    long elements = bytes / dtype.bytes();
    if (elements > LONGEST) {
      throw new OutOfMemoryError(
          elements + " elements asked for, a Java array holds at most " + LONGEST);
    }
    int n = (int) elements;
    this.bytes = bytes;
    this.array =
        switch (dtype) {
          case FLOAT32 -> new float[n];
          case FLOAT64 -> new double[n];
          case BFLOAT16 -> new short[n];
          case INT32 -> new int[n];
          case INT64 -> new long[n];
          case UINT8 -> new byte[n];
        };
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void free() {
    array = null;
  }

  /** The array behind {@code x}, of the type that its dtype has. */
  static Object array(Buffer x) {
    if (x.storage() instanceof PlainStorage storage && storage.array != null) {
      return storage.array;
    }
    throw new IllegalStateException("plain: a buffer on " + x.device() + " is no Java array");
  }

  static float[] floats(Buffer x) {
    return (float[]) array(x);
  }

  static double[] doubles(Buffer x) {
    return (double[]) array(x);
  }

  static short[] shorts(Buffer x) {
    return (short[]) array(x);
  }

  static int[] ints(Buffer x) {
    return (int[]) array(x);
  }

  static long[] longs(Buffer x) {
    return (long[]) array(x);
  }

  static byte[] bytes(Buffer x) {
    return (byte[]) array(x);
  }

  /** Index of the first element of {@code x} in its array. */
  static int start(Buffer x) {
    return (int) (x.offset() / x.dtype().bytes());
  }

  /** Number of elements: an array's length, so an int. */
  static int length(Buffer x) {
    return (int) x.elements();
  }

  /**
   * Fills {@code y} from the bytes of {@code x} at its position, which stays, in its byte order.
   */
  static void fromBytes(Buffer y, ByteBuffer x) {
    int start = start(y);
    int n = length(y);
    switch (y.dtype()) {
      case FLOAT32 -> x.asFloatBuffer().get(floats(y), start, n);
      case FLOAT64 -> x.asDoubleBuffer().get(doubles(y), start, n);
      case BFLOAT16 -> x.asShortBuffer().get(shorts(y), start, n);
      case INT32 -> x.asIntBuffer().get(ints(y), start, n);
      case INT64 -> x.asLongBuffer().get(longs(y), start, n);
      case UINT8 -> x.duplicate().get(bytes(y), start, n);
    }
  }

  /**
   * Puts {@code count} elements of {@code x}, from {@code first} on, into y at its position, which
   * stays, in its byte order.
   */
  static void toBytes(ByteBuffer y, Buffer x, long first, long count) {
    int start = start(x) + (int) first;
    int n = (int) count;
    switch (x.dtype()) {
      case FLOAT32 -> y.asFloatBuffer().put(floats(x), start, n);
      case FLOAT64 -> y.asDoubleBuffer().put(doubles(x), start, n);
      case BFLOAT16 -> y.asShortBuffer().put(shorts(x), start, n);
      case INT32 -> y.asIntBuffer().put(ints(x), start, n);
      case INT64 -> y.asLongBuffer().put(longs(x), start, n);
      case UINT8 -> y.duplicate().put(bytes(x), start, n);
    }
  }
}
