package dev.thaw.data;

import java.io.Closeable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Epochs of batches in an order that repeats for the same seed; a {@code DataLoader} is one. */
public interface BatchSource extends Closeable {
  /** Number of batches in an epoch. */
  int batches();

  /** Number of examples in an epoch. */
  int examples();

  /** Goes to batch {@code batch} of epoch {@code epoch}: the next one returned. */
  void seek(int epoch, int batch);

  /**
   * Whether batches may come as bytes, see {@link Batch}: worth it where they cross a bus ({@link
   * dev.thaw.backend.Backend#isBehindBus}), for then {@link Batch#x} sends a quarter as much.
   * Forbidden at the start; the values are the same to the bit. Who makes batches that are no bytes
   * does nothing, as here.
   */
  default void allowBytes(boolean allowed) {}

  /**
   * The next batch of the epoch, or null at its end; then {@link #seek} starts another. Valid until
   * the next call.
   *
   * @throws IOException naming the file that cannot be read
   */
  @Nullable Batch next() throws IOException;
}
