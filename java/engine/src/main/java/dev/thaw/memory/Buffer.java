package dev.thaw.memory;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A range of elements in a storage, with holders. Whoever needs the values longer than the call at
 * hand holds the buffer (a scope, a node of the tape, a view) and releases it; the last to let go
 * returns the storage to its pool. Counting is atomic: threads may share a model's weights.
 */
public final class Buffer {
  private final Pool pool;
  private final Storage storage;
  private final @Nullable Buffer whole;
  private final Purpose purpose;
  private final DType dtype;
  private final long offset;
  private final long bytes;
  private final AtomicInteger holders = new AtomicInteger(1);
  private volatile @Nullable Throwable closedAt;

  Buffer(Pool pool, Storage storage, DType dtype, long bytes, Purpose purpose) {
    this.pool = pool;
    this.storage = storage;
    this.whole = null;
    this.purpose = purpose;
    this.dtype = dtype;
    this.offset = 0;
    this.bytes = bytes;
  }

  private Buffer(Buffer whole, DType dtype, long offset, long bytes) {
    this.pool = whole.pool;
    this.storage = whole.storage;
    this.whole = whole;
    this.purpose = whole.purpose;
    this.dtype = dtype;
    this.offset = offset;
    this.bytes = bytes;
  }

  /** Type of the elements. */
  public DType dtype() {
    return dtype;
  }

  /** Length in bytes. */
  public long bytes() {
    return bytes;
  }

  /** Length in elements. */
  public long elements() {
    return bytes / dtype.bytes();
  }

  /** Where the range starts in its storage, in bytes. */
  public long offset() {
    return offset;
  }

  /** The device whose pool the bytes belong to. */
  public Device device() {
    return pool.device();
  }

  /** What the bytes were allocated for. */
  public Purpose purpose() {
    return purpose;
  }

  /**
   * The storage behind this range; read by backends.
   *
   * @throws IllegalStateException when the buffer is closed
   */
  public Storage storage() {
    if (holders.get() == 0) {
      throw closed();
    }
    return storage;
  }

  /**
   * Address of the first element, where the backend has addresses.
   *
   * @throws IllegalStateException when the buffer is closed
   */
  public long address() {
    return storage().address() + offset;
  }

  /**
   * A view of {@code elements} elements from {@code first} on. It holds this buffer until it is
   * released itself.
   *
   * @throws IllegalArgumentException when the range does not lie inside
   */
  public Buffer slice(long first, long elements) {
    Check.that(
        first >= 0 && elements >= 0 && elements <= elements() - first,
        "buffer: elements %d to %d do not lie inside %d",
        first,
        first + elements,
        elements());
    hold();
    return new Buffer(this, dtype, offset + first * dtype.bytes(), elements * dtype.bytes());
  }

  /**
   * Adds a holder and returns this buffer.
   *
   * @throws IllegalStateException when the last holder has already let go
   */
  public Buffer hold() {
    for (; ; ) {
      int now = holders.get();
      if (now == 0) {
        throw closed();
      }
      if (holders.compareAndSet(now, now + 1)) {
        return this;
      }
    }
  }

  /**
   * Lets go of one hold; the last one returns the storage to the pool.
   *
   * @throws IllegalStateException when nobody holds it any more
   */
  public void release() {
    for (; ; ) {
      int now = holders.get();
      if (now == 0) {
        throw closed();
      }
      if (holders.compareAndSet(now, now - 1)) {
        if (now == 1) {
          end();
        }
        return;
      }
    }
  }

  private void end() {
    if (Pool.tracing()) {
      closedAt = new Throwable("closed here");
    }
    if (whole != null) {
      whole.release();
    } else {
      pool.giveBack(storage, dtype, bytes, purpose);
    }
  }

  /** Whether somebody besides one holder would see a change of the values. */
  public boolean isShared() {
    return whole != null || holders.get() > 1;
  }

  /** Whether every holder has let go. */
  public boolean isClosed() {
    return holders.get() == 0;
  }

  private IllegalStateException closed() {
    return new IllegalStateException(
        "buffer of "
            + bytes
            + " bytes on "
            + device()
            + " is closed"
            + (Pool.tracing() ? "" : " (-Dthaw.trace=true shows where)"),
        closedAt);
  }

  @Override
  public String toString() {
    return elements() + " " + dtype + " on " + device() + (isClosed() ? ", closed" : "");
  }
}
