package dev.thaw.data;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Some examples, ready to cross to a device. The buffers belong to the loader and are overwritten
 * when the next batch is asked for.
 *
 * @param epoch counted from 0
 * @param number of the batch in its epoch, counted from 0
 * @param shape of the pictures, [n, h, w, c]
 * @param pictures normalised float32 in native order, or bytes; direct, from position 0
 * @param labels n int64 in native order, direct, from position 0
 * @param normalisation what the device has yet to do to pictures that are bytes; null where they
 *     are float32 and it was done
 */
public record Batch(
    int epoch,
    int number,
    Shape shape,
    ByteBuffer pictures,
    ByteBuffer labels,
    @Nullable Normalisation normalisation) {
  /** Of normalised float32. */
  public Batch(int epoch, int number, Shape shape, ByteBuffer pictures, ByteBuffer labels) {
    this(epoch, number, shape, pictures, labels, null);
  }

  /** Number of examples. */
  public int size() {
    return shape.dim(0);
  }

  /** The pictures on the current device, normalised float32 in the innermost scope. */
  public Tensor x() {
    if (normalisation == null) {
      return upload(pictures, shape, DType.FLOAT32);
    }
    try (Scope scope = Scope.open()) {
      Tensor bytes = upload(pictures, shape, DType.UINT8);
      int c = normalisation.channels();
      Tensor mean = Tensor.of(normalisation.mean(), c);
      Tensor std = Tensor.of(normalisation.std(), c);
      return scope.keep(Functional.normalizePixels(bytes, mean, std, DType.FLOAT32));
    }
  }

  /** A copy of the labels on the current device, in the innermost scope. */
  public Tensor y() {
    return upload(labels, Shape.of(size()), DType.INT64);
  }

  private static Tensor upload(ByteBuffer bytes, Shape shape, DType dtype) {
    Backend backend = Devices.current();
    Buffer buffer = backend.pool().allocate(dtype, shape.elements(), Purpose.ACTIVATIONS);
    ByteBuffer part = bytes.duplicate().order(bytes.order());
    part.position(0).limit((int) buffer.bytes());
    backend.upload(buffer, part);
    return Tensor.over(buffer, shape);
  }
}
