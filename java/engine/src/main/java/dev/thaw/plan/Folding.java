package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** A constant norm worked into the convolution before it. */
final class Folding {
  private Folding() {}

  /** New weights and bias, each with one hold, the caller's. */
  record Folded(Buffer weights, Buffer bias) {}

  /** w' = w · s, b' = (b − μ) · s + β, s = γ / √(σ² + ε), both rounded to {@code dtype}. */
  static Folded of(
      Backend backend,
      DType dtype,
      Buffer weights,
      @Nullable Buffer bias,
      Buffer gamma,
      Buffer beta,
      Buffer mean,
      Buffer variance,
      int channels,
      double eps) {
    double[] w = read(backend, weights);
    double[] b = bias == null ? new double[channels] : read(backend, bias);
    double[] g = read(backend, gamma);
    double[] shift = read(backend, beta);
    double[] mu = read(backend, mean);
    double[] var = read(backend, variance);
    int row = channels == 0 ? 0 : w.length / channels;
    for (int k = 0; k < channels; k++) {
      double s = g[k] / Math.sqrt(var[k] + eps);
      for (int i = 0; i < row; i++) {
        w[k * row + i] *= s;
      }
      b[k] = (b[k] - mu[k]) * s + shift[k];
    }
    return new Folded(write(backend, w, dtype), write(backend, b, dtype));
  }

  private static double[] read(Backend backend, Buffer x) {
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) x.bytes()).order(ByteOrder.nativeOrder());
    backend.download(bytes, x);
    double[] values = new double[(int) x.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (x.dtype()) {
            case FLOAT64 -> bytes.getDouble(8 * i);
            case FLOAT32 -> bytes.getFloat(4 * i);
            case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort(2 * i) << 16);
            default -> throw new IllegalStateException("plan: weights in " + x.dtype());
          };
    }
    return values;
  }

  /** Values in {@code dtype}; bfloat16 is rounded on the device, as all else is. */
  private static Buffer write(Backend backend, double[] values, DType dtype) {
    if (dtype == DType.BFLOAT16) {
      Buffer exact = write(backend, values, DType.FLOAT32);
      Buffer y = backend.pool().allocate(dtype, values.length, Purpose.WORKSPACE);
      backend.index().cast(y, exact);
      exact.release();
      return y;
    }
    Buffer y = backend.pool().allocate(dtype, values.length, Purpose.WORKSPACE);
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) y.bytes()).order(ByteOrder.nativeOrder());
    for (int i = 0; i < values.length; i++) {
      if (dtype == DType.FLOAT64) {
        bytes.putDouble(8 * i, values[i]);
      } else {
        bytes.putFloat(4 * i, (float) values[i]);
      }
    }
    backend.upload(y, bytes);
    return y;
  }
}
