package dev.thaw.train;

import dev.thaw.backend.Backend;
import dev.thaw.data.Batch;
import dev.thaw.data.Normalisation;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where a recorded step finds its batch: buffers that never move, for batches of one shape.
 * Pictures that come as bytes lie here as bytes, and to normalise them is the first thing that the
 * step does, by means and standard deviations that crossed once.
 */
final class StepInput implements AutoCloseable {
  private final Backend backend;
  private final Shape shape;
  private final @Nullable Normalisation normalisation;
  private final List<Buffer> held = new ArrayList<>();
  private final Buffer pictures;
  private final Buffer labels;

  /** Of the channels, where pictures are bytes. */
  private @Nullable Buffer mean;

  private @Nullable Buffer std;

  /** For batches like {@code first}. */
  StepInput(Backend backend, Batch first) {
    this.backend = backend;
    this.shape = first.shape();
    this.normalisation = first.normalisation();
    try {
      pictures = held(normalisation == null ? DType.FLOAT32 : DType.UINT8, shape.elements());
      labels = held(DType.INT64, shape.dim(0));
      if (normalisation != null) {
        mean = constant(normalisation.mean());
        std = constant(normalisation.std());
      }
    } catch (OutOfMemoryError e) {
      close();
      throw e;
    }
  }

  private Buffer held(DType dtype, long elements) {
    Buffer buffer = backend.pool().allocate(dtype, elements, Purpose.ACTIVATIONS);
    held.add(buffer);
    return buffer;
  }

  private Buffer constant(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(Float.BYTES * values.length).order(ByteOrder.nativeOrder());
    bytes.asFloatBuffer().put(values);
    Buffer buffer = held(DType.FLOAT32, values.length);
    backend.upload(buffer, bytes);
    return buffer;
  }

  boolean fits(Batch batch) {
    return batch.shape().equals(shape) && Objects.equals(batch.normalisation(), normalisation);
  }

  /** Sends a batch that fits; its buffers may be overwritten behind this call. */
  void fill(Batch batch) {
    upload(pictures, batch.pictures());
    upload(labels, batch.labels());
  }

  private void upload(Buffer to, ByteBuffer from) {
    ByteBuffer part = from.duplicate().order(from.order());
    part.position(0).limit((int) to.bytes());
    backend.upload(to, part);
  }

  /** The pictures in the innermost scope, in {@code dtype} if they have to be normalised. */
  Tensor x(DType dtype) {
    Tensor x = Tensor.over(pictures.hold(), shape);
    if (mean == null || std == null) {
      return x;
    }
    Shape channels = Shape.of(shape.dim(-1));
    return Functional.normalizePixels(
        x, Tensor.over(mean.hold(), channels), Tensor.over(std.hold(), channels), dtype);
  }

  /** The labels in the innermost scope. */
  Tensor y() {
    return Tensor.over(labels.hold(), Shape.of(shape.dim(0)));
  }

  @Override
  public void close() {
    held.forEach(Buffer::release);
    held.clear();
  }
}
