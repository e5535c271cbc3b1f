package dev.thaw.io;

import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Numbers as they lie in a file: dense, row-major, little endian. It owns no device memory and
 * knows no tensor; whoever loads a model copies it into one.
 *
 * @param dtype type of an element
 * @param shape sizes, outermost first
 * @param data exactly shape.elements() · dtype.bytes() bytes; each call gives a view of its own,
 *     positioned at 0, in little-endian order
 */
public record NdArray(DType dtype, Shape shape, ByteBuffer data) {
  /**
   * Views the bytes between {@code data}'s position and limit.
   *
   * @throws IllegalArgumentException when their number does not fit shape and type
   */
  public NdArray {
    data = data.slice().order(ByteOrder.LITTLE_ENDIAN);
    Check.that(
        shape.elements() * dtype.bytes() == data.remaining(),
        "array: %s of %s takes %d bytes, got %d",
        shape,
        dtype,
        shape.elements() * dtype.bytes(),
        data.remaining());
  }

  /** A float32 array of these values. */
  public static NdArray of(Shape shape, float[] values) {
    ByteBuffer data = allocate(4L * values.length);
    data.asFloatBuffer().put(values);
    return new NdArray(DType.FLOAT32, shape, data);
  }

  /** An int64 array of these values. */
  public static NdArray of(Shape shape, long[] values) {
    ByteBuffer data = allocate(8L * values.length);
    data.asLongBuffer().put(values);
    return new NdArray(DType.INT64, shape, data);
  }

  /** A uint8 array of these values. */
  public static NdArray of(Shape shape, byte[] values) {
    return new NdArray(DType.UINT8, shape, allocate(values.length).put(values).flip());
  }

  /** A view of the bytes, at position 0, little endian. */
  @Override
  public ByteBuffer data() {
    return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** These values as float32 where they are bfloat16; else this array itself. */
  public NdArray widened() {
    return dtype == DType.BFLOAT16 ? of(shape, floats()) : this;
  }

  /**
   * The values as float32. Exact but for float64 and large integers, which are rounded.
   *
   * @return shape.elements() numbers, row-major
   */
  public float[] floats() {
    float[] values = new float[Math.toIntExact(shape.elements())];
    ByteBuffer bytes = data();
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (dtype) {
            case FLOAT32 -> bytes.getFloat(4 * i);
            case FLOAT64 -> (float) bytes.getDouble(8 * i);
            case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort(2 * i) << 16);
            case INT32 -> bytes.getInt(4 * i);
            case INT64 -> bytes.getLong(8 * i);
            case UINT8 -> bytes.get(i) & 0xFF;
          };
    }
    return values;
  }

  /**
   * The values of an integer array, as labels and positions are read.
   *
   * @return shape.elements() numbers, row-major
   * @throws IllegalArgumentException when the type is a floating one
   */
  public long[] longs() {
    Check.that(!dtype.isFloating(), "array: expected integers, got %s of %s", shape, dtype);
    long[] values = new long[Math.toIntExact(shape.elements())];
    ByteBuffer bytes = data();
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (dtype) {
            case INT32 -> bytes.getInt(4 * i);
            case INT64 -> bytes.getLong(8 * i);
            default -> bytes.get(i) & 0xFF;
          };
    }
    return values;
  }

  /**
   * Room for {@code bytes} bytes outside the heap, where native code can read them in place.
   *
   * @throws IllegalArgumentException when there are more than one Java buffer can hold
   */
  static ByteBuffer allocate(long bytes) {
    Check.that(bytes <= Integer.MAX_VALUE, "array: %d bytes are more than 2 GiB", bytes);
    return ByteBuffer.allocateDirect((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
