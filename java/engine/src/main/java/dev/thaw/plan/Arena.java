package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * One block of memory for every buffer that lives inside a list of calls: two buffers share bytes
 * when the last call of one comes before the first of the other. The largest are placed first, each
 * at the lowest free place: within a few percent of the optimum on the nets here.
 */
final class Arena {
  private static final long ALIGNMENT = 64;

  /** A buffer's lifetime in calls and, once placed, its place. */
  private static final class Life {
    final Buffer buffer;
    final int first;
    int last;
    long offset;

    Life(Buffer buffer, int first) {
      this.buffer = buffer;
      this.first = first;
      this.last = first;
    }

    boolean overlaps(Life other) {
      return first <= other.last && other.first <= last;
    }

    long end() {
      return offset + (buffer.bytes() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
  }

  private final IdentityHashMap<Buffer, Buffer> places = new IdentityHashMap<>();
  private final List<Buffer> held = new ArrayList<>();
  private final long bytes;

  /**
   * Places the buffers of {@code calls} that nobody holds any more.
   *
   * @param pinned those that live before the first call and behind the last: inputs and outputs
   * @param views those that are part of others, which live as long as their parts
   */
  Arena(
      Backend backend,
      List<Call> calls,
      List<Buffer> pinned,
      IdentityHashMap<Buffer, Slices.View> views) {
    IdentityHashMap<Buffer, Life> lives = new IdentityHashMap<>();
    for (int i = 0; i < calls.size(); i++) {
      for (Buffer buffer : calls.get(i).buffers()) {
        if (buffer.isClosed()) {
          int at = i;
          Slices.View view = views.get(buffer);
          Buffer whole = view == null ? buffer : view.whole();
          lives.computeIfAbsent(whole, b -> new Life(b, at)).last = i;
        }
      }
    }
    for (Buffer buffer : pinned) {
      Life life = new Life(buffer, -1);
      life.last = calls.size();
      lives.put(buffer, life);
    }
    try {
      bytes = place(backend, lives, views);
    } catch (OutOfMemoryError e) {
      release();
      throw e;
    }
  }

  private long place(
      Backend backend,
      IdentityHashMap<Buffer, Life> lives,
      IdentityHashMap<Buffer, Slices.View> views) {
    long total = 0;
    // A Java array holds one type, so each type has a block of its own.
    for (DType dtype : DType.values()) {
      List<Life> order = new ArrayList<>();
      for (Life life : lives.values()) {
        if (life.buffer.dtype() == dtype) {
          order.add(life);
        }
      }
      total += place(backend, dtype, order);
    }
    views.forEach(
        (part, view) -> {
          Buffer whole = java.util.Objects.requireNonNull(places.get(view.whole()));
          Buffer place = whole.slice(view.first(), part.elements());
          places.put(part, place);
          held.add(place);
        });
    return total;
  }

  private long place(Backend backend, DType dtype, List<Life> order) {
    if (order.isEmpty()) {
      return 0;
    }
    order.sort(
        Comparator.comparingLong((Life l) -> -l.buffer.bytes()).thenComparingInt(l -> l.first));
    List<Life> placed = new ArrayList<>();
    long size = 0;
    for (Life life : order) {
      life.offset = lowest(life, placed);
      placed.add(life);
      size = Math.max(size, life.end());
    }
    Buffer block = backend.pool().allocate(dtype, size / dtype.bytes(), Purpose.ACTIVATIONS);
    for (Life life : placed) {
      Buffer part = block.slice(life.offset / dtype.bytes(), life.buffer.elements());
      places.put(life.buffer, part);
      held.add(part);
    }
    block.release();
    return size;
  }

  private static long lowest(Life life, List<Life> placed) {
    List<Life> busy = new ArrayList<>();
    for (Life other : placed) {
      if (life.overlaps(other)) {
        busy.add(other);
      }
    }
    busy.sort(Comparator.comparingLong(l -> l.offset));
    long at = 0;
    for (Life other : busy) {
      if (at + life.buffer.bytes() <= other.offset) {
        break;
      }
      at = Math.max(at, other.end());
    }
    return at;
  }

  /** Where each buffer lies now. */
  IdentityHashMap<Buffer, Buffer> places() {
    return places;
  }

  /** Size of all blocks together. */
  long bytes() {
    return bytes;
  }

  void release() {
    held.forEach(Buffer::release);
    held.clear();
  }
}
