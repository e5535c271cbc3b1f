package dev.thaw.cuda;

import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Storage;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Memory that an op's kernels hand to each other: one block for all ops of a card, since its stream
 * runs them one after the other. It grows to the largest that was asked for and stays; captured
 * steps hold the block whose address they know.
 *
 * <p>Whoever launches several kernels over it keeps it locked meanwhile, so that another thread's
 * launches do not come in between: {@code long at = workspace.take(bytes); try { .. } finally {
 * workspace.give(); }}.
 */
final class Workspace {
  private static final long SMALLEST = 1 << 20;

  private final Pool pool;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Storage> outgrown = new ArrayList<>();
  private @Nullable Storage block;
  private int captures;

  /**
   * An empty one.
   *
   * @param pool of the card, which counts it
   */
  Workspace(Pool pool) {
    this.pool = pool;
  }

  /** Locks the block and returns its address, 256-byte aligned; no op takes it twice at a time. */
  long take(long bytes) {
    lock.lock();
    Storage now = block;
    if (now == null || now.bytes() < bytes) {
      if (now != null) {
        outgrown.add(now);
      }
      block = null;
      try {
        freeOutgrown();
        // An eighth more each time, so that sizes that creep up do not each cost an allocation.
        now = pool.reserve(Math.max(SMALLEST, bytes + bytes / 8), Purpose.WORKSPACE);
      } catch (RuntimeException | Error e) {
        lock.unlock();
        throw e;
      }
      block = now;
    }
    return now.address();
  }

  /** Unlocks it. */
  void give() {
    lock.unlock();
  }

  /** From now on blocks stay where they are, until as many {@link #letGo} were called. */
  void hold() {
    lock.lock();
    try {
      captures++;
    } finally {
      lock.unlock();
    }
  }

  /** Ends a {@link #hold}. */
  void letGo() {
    lock.lock();
    try {
      captures--;
      freeOutgrown();
    } finally {
      lock.unlock();
    }
  }

  private void freeOutgrown() {
    if (captures == 0) {
      outgrown.forEach(old -> pool.free(old, Purpose.WORKSPACE));
      outgrown.clear();
    }
  }

  /** Bytes it takes. */
  long bytes() {
    lock.lock();
    try {
      Storage now = block;
      long bytes = now == null ? 0 : now.bytes();
      for (Storage old : outgrown) {
        bytes += old.bytes();
      }
      return bytes;
    } finally {
      lock.unlock();
    }
  }
}
