package dev.thaw.cpu;

import dev.thaw.memory.Pool;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The idle {@link Lane}s of one family of kernels. A thread looks for the lane it had last time,
 * which knows its shapes; taking and giving back cost one atomic exchange each.
 */
final class Lanes {
  /** A power of two; more calls at once than this still work, and drop their lanes. */
  private static final int PLACES = 64;

  private final AtomicReferenceArray<@Nullable Lane> idle = new AtomicReferenceArray<>(PLACES);
  private final Pool pool;
  private final int capacity;

  /**
   * No lanes yet.
   *
   * @param capacity how many prepared calls each lane keeps
   */
  Lanes(Pool pool, int capacity) {
    this.pool = pool;
    this.capacity = capacity;
  }

  /** A lane for the calling thread, to be closed when its call ends. */
  Lane take() {
    int first = firstPlace();
    for (int i = 0; i < PLACES; i++) {
      int place = (first + i) & (PLACES - 1);
      // Reading first keeps a search over empty places from writing to them.
      if (idle.get(place) != null) {
        Lane found = idle.getAndSet(place, null);
        if (found != null) {
          return found;
        }
      }
    }
    return new Lane(this, pool, capacity);
  }

  void giveBack(Lane lane) {
    int first = firstPlace();
    for (int i = 0; i < PLACES; i++) {
      if (idle.compareAndSet((first + i) & (PLACES - 1), null, lane)) {
        return;
      }
    }
    lane.destroy();
  }

  private static int firstPlace() {
    return (int) Thread.currentThread().getId() & (PLACES - 1);
  }

  /** Frees the idle lanes with all they keep. */
  void trim() {
    for (int i = 0; i < PLACES; i++) {
      Lane lane = idle.getAndSet(i, null);
      if (lane != null) {
        lane.destroy();
      }
    }
  }
}
