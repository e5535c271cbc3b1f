package dev.thaw.cpu;

import dev.thaw.memory.Pool;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * The {@link Lane}s of one family of kernels. A thread looks for the lane it had last time, which
 * knows its shapes; taking and giving back cost one atomic exchange each. Numbers change hands, not
 * references: a reference that is stored makes the garbage collector's notes change hands too.
 */
final class Lanes {
  /** A power of two; more calls at once than this still work, and drop their lanes. */
  private static final int PLACES = 64;

  /** Numbers apart: threads that take and give back all the time share no cache line. */
  private static final int SPREAD = 16;

  private static final int NONE = 0;
  private static final int IDLE = 1;
  private static final int TAKEN = 2;

  private final AtomicIntegerArray states = new AtomicIntegerArray(PLACES * SPREAD);

  /** By place; read and written by whoever has taken it. */
  private final @Nullable Lane[] lanes = new @Nullable Lane[PLACES];

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
    int first = (int) Thread.currentThread().getId() & (PLACES - 1);
    Lane idle = find(first, IDLE);
    if (idle != null) {
      return idle;
    }
    Lane made = find(first, NONE);
    return made == null ? new Lane(this, Lane.NOWHERE, pool, capacity) : made;
  }

  /**
   * The lane of the next place that is in {@code state}; a new one where none was; null if none.
   */
  private @Nullable Lane find(int first, int state) {
    for (int i = 0; i < PLACES; i++) {
      int place = (first + i) & (PLACES - 1);
      // Reading first keeps a search over other places from writing to them.
      if (states.get(place * SPREAD) == state
          && states.compareAndSet(place * SPREAD, state, TAKEN)) {
        Lane lane = lanes[place];
        if (lane == null) {
          lane = new Lane(this, place, pool, capacity);
          lanes[place] = lane;
        }
        return lane;
      }
    }
    return null;
  }

  void giveBack(Lane lane) {
    if (lane.place() == Lane.NOWHERE) {
      lane.destroy();
    } else {
      states.set(lane.place() * SPREAD, IDLE);
    }
  }

  /** Frees the idle lanes with all they keep. */
  void trim() {
    for (int place = 0; place < PLACES; place++) {
      if (states.compareAndSet(place * SPREAD, IDLE, TAKEN)) {
        Lane lane = lanes[place];
        lanes[place] = null;
        if (lane != null) {
          lane.destroy();
        }
        states.set(place * SPREAD, NONE);
      }
    }
  }
}
