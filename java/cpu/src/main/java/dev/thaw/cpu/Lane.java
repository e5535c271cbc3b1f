package dev.thaw.cpu;

import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.LinkedHashMap;
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

  private final Lanes home;
  private final Pool pool;
  private final Map<Recipe<?>, Prepared> prepared;
  private long own;
  private @Nullable Buffer borrowed;

  Lane(Lanes home, Pool pool, int capacity) {
    this.home = home;
    this.pool = pool;
    this.prepared =
        new LinkedHashMap<>(64, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Recipe<?>, Prepared> eldest) {
            boolean full = size() > capacity;
            if (full) {
              eldest.getValue().close();
            }
            return full;
          }
        };
  }

  /** The call that {@code recipe} describes, prepared now unless it was before. */
  // What is kept under a recipe was prepared by an equal one.
  @SuppressWarnings("unchecked")
  <P extends Prepared> P prepared(Recipe<P> recipe) {
    Prepared found = prepared.get(recipe);
    if (found == null) {
      found = recipe.prepare();
      prepared.put(recipe, found);
    }
    return (P) found;
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
    prepared.values().forEach(Prepared::close);
    prepared.clear();
    if (own != 0) {
      Native.thaw_free(own, OWN_BYTES);
      own = 0;
    }
  }
}
