package dev.thaw.data;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;

/**
 * Some examples, ready to cross to a device. The buffers belong to the loader and are overwritten
 * when the next batch is asked for.
 *
 * @param epoch counted from 0
 * @param number of the batch in its epoch, counted from 0
 * @param shape of the pictures, [n, h, w, c]
 * @param pictures normalised float32 in native order, direct, from position 0
 * @param labels n int64 in native order, direct, from position 0
 */
public record Batch(int epoch, int number, Shape shape, ByteBuffer pictures, ByteBuffer labels) {
  /** Number of examples. */
  public int size() {
    return shape.dim(0);
  }

  /** A copy of the pictures on the current device, in the innermost scope. */
  public Tensor x() {
    return upload(pictures, shape, DType.FLOAT32);
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
