package dev.thaw.tensor;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;

/** Values on their way between Java arrays and a device. */
final class HostValues {
  private HostValues() {}

  static Tensor tensor(float[] values, int[] dims) {
    ByteBuffer bytes = bytes(values.length, DType.FLOAT32);
    bytes.asFloatBuffer().put(values);
    return tensor(bytes, DType.FLOAT32, values.length, dims);
  }

  static Tensor tensor(double[] values, int[] dims) {
    ByteBuffer bytes = bytes(values.length, DType.FLOAT64);
    bytes.asDoubleBuffer().put(values);
    return tensor(bytes, DType.FLOAT64, values.length, dims);
  }

  static Tensor tensor(long[] values, int[] dims) {
    ByteBuffer bytes = bytes(values.length, DType.INT64);
    bytes.asLongBuffer().put(values);
    return tensor(bytes, DType.INT64, values.length, dims);
  }

  static Tensor tensor(int[] values, int[] dims) {
    ByteBuffer bytes = bytes(values.length, DType.INT32);
    bytes.asIntBuffer().put(values);
    return tensor(bytes, DType.INT32, values.length, dims);
  }

  static Tensor tensor(byte[] values, int[] dims) {
    return tensor(ByteBuffer.wrap(values), DType.UINT8, values.length, dims);
  }

  private static Tensor tensor(ByteBuffer bytes, DType dtype, int count, int[] dims) {
    // An empty list of sizes means a scalar where there is one value, a vector where there are
    // more.
    Shape shape = dims.length == 0 && count != 1 ? Shape.of(count) : Shape.of(dims);
    Check.that(shape.elements() == count, "tensor: %d values do not fill %s", count, shape);
    Tensor y = Tensor.empty(shape, dtype, Devices.current());
    y.backend().upload(y.buffer(), bytes);
    return y;
  }

  private static ByteBuffer bytes(long count, DType dtype) {
    long bytes = count * dtype.bytes();
    Check.that(bytes <= Integer.MAX_VALUE, "tensor: %d bytes do not fit a Java array", bytes);
    // In the heap, which the collector watches: direct memory would pile up between collections.
    return ByteBuffer.allocate((int) bytes).order(ByteOrder.nativeOrder());
  }

  private static ByteBuffer download(Tensor x) {
    ByteBuffer bytes = bytes(x.shape().elements(), x.dtype());
    x.backend().download(bytes, x.buffer());
    return bytes;
  }

  static float[] floats(Tensor x) {
    ByteBuffer bytes = download(x);
    float[] y = new float[(int) x.shape().elements()];
    if (x.dtype() == DType.FLOAT32) {
      bytes.asFloatBuffer().get(y);
    } else {
      for (int i = 0; i < y.length; i++) {
        y[i] = (float) element(bytes, x.dtype(), i);
      }
    }
    return y;
  }

  static double[] doubles(Tensor x) {
    ByteBuffer bytes = download(x);
    double[] y = new double[(int) x.shape().elements()];
    for (int i = 0; i < y.length; i++) {
      y[i] = element(bytes, x.dtype(), i);
    }
    return y;
  }

  static long[] longs(Tensor x) {
    ByteBuffer bytes = download(x);
    long[] y = new long[(int) x.shape().elements()];
    for (int i = 0; i < y.length; i++) {
      y[i] = x.dtype() == DType.INT64 ? bytes.getLong(8 * i) : (long) element(bytes, x.dtype(), i);
    }
    return y;
  }

  private static double element(ByteBuffer bytes, DType dtype, int i) {
    return switch (dtype) {
      case FLOAT32 -> bytes.getFloat(4 * i);
      case FLOAT64 -> bytes.getDouble(8 * i);
      case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort(2 * i) << 16);
      case INT32 -> bytes.getInt(4 * i);
      case INT64 -> bytes.getLong(8 * i);
      case UINT8 -> bytes.get(i) & 0xFF;
    };
  }

  static Tensor move(Tensor x, Device device) {
    if (x.device().equals(device)) {
      return x;
    }
    Backend there = Devices.get(device);
    Tensor y = Tensor.empty(x.shape(), x.dtype(), there);
    y.backend().upload(y.buffer(), download(x));
    return y;
  }

  static String describe(Tensor x) {
    String what = x.dtype() + " " + x.shape() + " on " + x.device();
    if (x.buffer().isClosed()) {
      return what + ", closed";
    }
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    long bad = 0;
    double[] values = doubles(x);
    for (double v : values) {
      if (Double.isNaN(v) || Double.isInfinite(v)) {
        bad++;
      } else {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    }
    String range = low > high ? "" : String.format(Locale.ROOT, ", %.4g to %.4g", low, high);
    return what + range + (bad == 0 ? "" : ", " + bad + " of " + values.length + " not finite");
  }
}
