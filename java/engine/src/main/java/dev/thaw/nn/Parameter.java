package dev.thaw.nn;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A tensor that training may move, in a buffer of its own that never moves. A frozen parameter gets
 * no gradient, no decay, no moments and no update, whatever else is said to its module.
 */
public final class Parameter implements AutoCloseable {
  private static final AtomicLong CHANGES = new AtomicLong();
  private static final AtomicLong IDS = new AtomicLong();

  private Tensor value;
  private final FileOrder order;
  private final long id = nextId();
  private boolean frozen;
  private int versions;

  /**
   * A parameter on the current device with the given start values.
   *
   * @param values in memory order
   */
  public Parameter(Shape shape, float[] values, FileOrder order) {
    this.order = order;
    this.value = make(shape, values, DType.FLOAT32, Devices.current());
    this.value.requiresGrad(true);
  }

  private static Tensor make(Shape shape, float[] values, DType dtype, Backend home) {
    Buffer buffer = home.pool().allocate(dtype, shape.elements(), Purpose.PARAMETERS);
    home.upload(buffer, bytes(values, dtype));
    return Tensor.owned(buffer, shape);
  }

  private static ByteBuffer bytes(float[] values, DType dtype) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * dtype.bytes()).order(ByteOrder.nativeOrder());
    for (int i = 0; i < values.length; i++) {
      if (dtype == DType.FLOAT64) {
        bytes.putDouble(8 * i, values[i]);
      } else {
        bytes.putFloat(4 * i, values[i]);
      }
    }
    return bytes;
  }

  /** A tensor that is saved with its module but never trained: running statistics. */
  static Tensor buffer(Shape shape, float[] values) {
    return make(shape, values, DType.FLOAT32, Devices.current());
  }

  /**
   * Grows whenever a parameter is frozen, thawed, moved or replaced, a norm's policy is set or an
   * observer comes or goes, anywhere in this JVM: what was laid out or recorded before is then
   * looked at again.
   */
  public static long changes() {
    return CHANGES.get();
  }

  static void changed() {
    CHANGES.incrementAndGet();
  }

  /** A number no other parameter or module has. */
  static long nextId() {
    return IDS.incrementAndGet();
  }

  /** Which parameter this is, and how often it was frozen, thawed, moved or set. */
  long structure() {
    return id * 0x9E3779B97F4A7C15L + versions;
  }

  /** The values, as a leaf of every tape they enter. */
  public Tensor value() {
    return value;
  }

  /** Sizes. */
  public Shape shape() {
    return value.shape();
  }

  /** How the values lie in files. */
  public FileOrder order() {
    return order;
  }

  /** Whether training leaves this parameter alone. */
  public boolean isFrozen() {
    return frozen;
  }

  /** Freezes or thaws; takes effect at the next forward and the next optimizer step. */
  public void freeze(boolean freeze) {
    if (frozen != freeze) {
      frozen = freeze;
      value.requiresGrad(!freeze);
      value.slot().release();
      versions++;
      changed();
    }
  }

  /** A copy of the values in memory order. */
  public float[] values() {
    return value.toFloats();
  }

  /**
   * Overwrites the values, in place.
   *
   * @param values in memory order, as many as there are elements
   */
  public void set(float[] values) {
    set(value, values);
    versions++;
    changed();
  }

  /** Overwrites the values of a parameter or buffer, in place. */
  public static void set(Tensor tensor, float[] values) {
    if (values.length != tensor.shape().elements()) {
      throw new IllegalArgumentException(
          "parameter: " + values.length + " values do not fill " + tensor.shape());
    }
    Devices.get(tensor.device()).upload(tensor.buffer(), bytes(values, tensor.dtype()));
  }

  /** Moves the values; only before an optimizer is made on them. */
  void move(Backend home, DType dtype) {
    Tensor moved = move(value, home, dtype);
    moved.requiresGrad(!frozen);
    value.close();
    value = moved;
    versions++;
    changed();
  }

  static Tensor move(Tensor tensor, Backend home, DType dtype) {
    return make(tensor.shape(), tensor.toFloats(), dtype, home);
  }

  @Override
  public void close() {
    value.close();
  }
}
