package dev.thaw.bench.peers;

import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.io.NdArray;
import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Some of the batches that PyTorch learned from, in its order. */
final class SavedBatches implements BatchSource {
  private final Golden file;
  private final int first;
  private final int count;
  private int epoch;
  private int next;

  /** Batches {@code first} to {@code first + count} of x [batches, n, h, w, c], y [batches, n]. */
  SavedBatches(Golden file, int first, int count) {
    Shape all = file.array("x").shape();
    Check.that(first + count <= all.dim(0), "batches: %d asked for of %s", first + count, all);
    this.file = file;
    this.first = first;
    this.count = count;
  }

  /** Shape of one example, with a leading 1. */
  Shape example() {
    Shape all = file.array("x").shape();
    return Shape.of(1, all.dim(2), all.dim(3), all.dim(4));
  }

  @Override
  public int batches() {
    return count;
  }

  @Override
  public int examples() {
    return count * file.array("x").shape().dim(1);
  }

  @Override
  public void seek(int toEpoch, int toBatch) {
    epoch = toEpoch;
    next = toBatch;
  }

  @Override
  public @Nullable Batch next() {
    if (next >= count) {
      return null;
    }
    Shape all = file.array("x").shape();
    Shape shape = Shape.of(all.dim(1), all.dim(2), all.dim(3), all.dim(4));
    int at = first + next;
    return new Batch(epoch, next++, shape, part(file.array("x"), at), part(file.array("y"), at));
  }

  /** Array {@code i} of those along the first axis. */
  private static ByteBuffer part(NdArray all, int i) {
    int bytes = all.data().remaining() / all.shape().dim(0);
    return all.data().slice(i * bytes, bytes).order(ByteOrder.nativeOrder());
  }

  @Override
  public void close() {}
}
