package dev.thaw.cpu;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one call at a time works with: prepared calls by shape, and workspace. A thread takes a lane
 * from {@link Lanes} for the length of a call, so nothing in it is ever shared and nothing is tied
 * to a thread's life; there are as many as there were calls at once.
 *
 * <p>Keeps the prepared calls used last and frees the others: data of ever new sizes must not fill
 * the memory.
 */
final class Lane implements AutoCloseable {
  /**
   * Workspaces up to this size lie in the lane for good, as small calls come often and the pool's
   * bookkeeping would cost them a quarter of a microsecond and garbage. Larger ones are the pool's.
   */
  private static final long OWN_BYTES = 64 << 10;

  /** A prepared call, and when it was used last; a number, see {@link Lanes}. */
  private static final class Kept {
    final Prepared call;
    long used;

    Kept(Prepared call) {
      this.call = call;
    }
  }

  /** The place of a lane that is freed after its call. */
  static final int NOWHERE = -1;

  private final Lanes home;
  private final int place;
  private final Pool pool;
  private final int capacity;
  private final Map<Recipe<?>, Kept> prepared = new HashMap<>();
  private long calls;
  private long own;
  private @Nullable Buffer borrowed;

  Lane(Lanes home, int place, Pool pool, int capacity) {
    this.home = home;
    this.place = place;
    this.pool = pool;
    this.capacity = capacity;
  }

  /** Where among the lanes it waits, or {@link #NOWHERE}. */
  int place() {
    return place;
  }

  /** The call that {@code recipe} describes, prepared now unless it was before. */
  // What is kept under a recipe was prepared by an equal one.
  @SuppressWarnings("unchecked")
  <P extends Prepared> P prepared(Recipe<P> recipe) {
    Kept found = prepared.get(recipe);
    if (found == null) {
      found = new Kept(recipe.prepare());
      if (prepared.size() == capacity) {
        dropOldest();
      }
      prepared.put(recipe, found);
    }
    found.used = ++calls;
    return (P) found.call;
  }

  private void dropOldest() {
    Map.Entry<Recipe<?>, Kept> oldest =
        Collections.min(prepared.entrySet(), Comparator.comparingLong(e -> e.getValue().used));
    prepared.remove(oldest.getKey());
    oldest.getValue().call.close();
  }

  /** Address of this much workspace, 64-byte aligned, until the next request or the call's end. */
  long workspace(long bytes) {
    if (bytes == 0) {
      return 0;
    }
    if (bytes > OWN_BYTES) {
      release();
      Buffer buffer = pool.allocate(DType.UINT8, bytes, Purpose.WORKSPACE);
      borrowed = buffer;
      return buffer.address();
    }
    if (own == 0) {
      own = Native.thaw_allocate(OWN_BYTES);
      if (own == 0) {
        throw new OutOfMemoryError("the operating system refused " + OWN_BYTES + " bytes");
      }
    }
    return own;
  }

  private void release() {
    if (borrowed != null) {
      borrowed.release();
      borrowed = null;
    }
  }

  /** Ends the call: the lane is free for the next one. */
  @Override
  public void close() {
    release();
    home.giveBack(this);
  }

  /** Frees everything; nobody uses the lane any more. */
  void destroy() {
    prepared.values().stream()
        .sorted(Comparator.comparingLong(kept -> kept.used))
        .forEach(kept -> kept.call.close());
    prepared.clear();
    if (own != 0) {
      Native.thaw_free(own, OWN_BYTES);
      own = 0;
    }
  }
}
