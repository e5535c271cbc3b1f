package dev.thaw.data;

import dev.thaw.tensor.Shape;
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
}
