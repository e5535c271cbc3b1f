package dev.thaw.tensor;

import dev.thaw.backend.Backend;
import dev.thaw.memory.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** What tests in other packages need of this one's inside. */
public final class TensorOn {
  private TensorOn() {}

  /** {@code values}, rounded to {@code dtype}, on a backend that need not be a device's own. */
  public static Tensor of(Backend home, DType dtype, Shape shape, double[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(values.length * dtype.bytes()).order(ByteOrder.nativeOrder());
    for (double v : values) {
      switch (dtype) {
        case FLOAT32 -> bytes.putFloat((float) v);
        case FLOAT64 -> bytes.putDouble(v);
        // Callers choose values that bfloat16 has, so cutting is exact.
        case BFLOAT16 -> bytes.putShort((short) (Float.floatToRawIntBits((float) v) >>> 16));
        case INT32 -> bytes.putInt((int) v);
        case INT64 -> bytes.putLong((long) v);
        case UINT8 -> bytes.put((byte) (int) v);
      }
    }
    Tensor y = Tensor.empty(shape, dtype, home);
    home.upload(y.buffer(), bytes.flip());
    return y;
  }

  /** Bytes that the step which made {@code y} keeps for its rules; 0 where it has none. */
  public static long heldBytes(Tensor y) {
    return y.node == null ? 0 : y.node.heldBytes();
  }
}
