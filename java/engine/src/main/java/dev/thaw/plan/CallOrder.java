package dev.thaw.plan;

import dev.thaw.memory.Buffer;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Calls in the order in which they run, and which of them read and write each buffer: what a call
 * can be joined with, and whether it may then run elsewhere. A call keeps its number when others
 * are dropped.
 */
final class CallOrder {
  private final List<@Nullable Call> calls;
  private final IdentityHashMap<Buffer, List<Integer>> readers = new IdentityHashMap<>();
  private final IdentityHashMap<Buffer, List<Integer>> writers = new IdentityHashMap<>();

  CallOrder(List<Call> all) {
    calls = new ArrayList<>(all);
    for (int i = 0; i < all.size(); i++) {
      note(all.get(i), i);
    }
  }

  private void note(Call call, int at) {
    call.writes().forEach(b -> writersOf(b).add(at));
    call.reads().forEach(b -> readersOf(b).add(at));
  }

  /** How many there were at first. */
  int size() {
    return calls.size();
  }

  /** The call of that number, or null if it was dropped. */
  @Nullable Call get(int i) {
    return calls.get(i);
  }

  /** Those that were not dropped. */
  List<Call> left() {
    List<Call> left = new ArrayList<>();
    for (Call call : calls) {
      if (call != null) {
        left.add(call);
      }
    }
    return left;
  }

  /**
   * Puts {@code fused} at {@code at} and drops the call at {@code gone}, whose result it now
   * writes.
   */
  void replace(int at, Call fused, int gone) {
    drop(gone);
    drop(at);
    calls.set(at, fused);
    note(fused, at);
  }

  private void drop(int at) {
    Call call = java.util.Objects.requireNonNull(calls.set(at, null));
    call.writes().forEach(b -> writersOf(b).remove((Integer) at));
    call.reads().forEach(b -> readersOf(b).remove((Integer) at));
  }

  /** Those that read {@code buffer}. */
  List<Integer> readersOf(Buffer buffer) {
    return readers.computeIfAbsent(buffer, k -> new ArrayList<>());
  }

  /** Those that write to {@code buffer}. */
  List<Integer> writersOf(Buffer buffer) {
    return writers.computeIfAbsent(buffer, k -> new ArrayList<>());
  }

  /**
   * The one call that writes to {@code buffer}, which nobody else sees; negative if it is not so.
   */
  int onlyWriter(Buffer buffer) {
    List<Integer> w = writersOf(buffer);
    return buffer.isClosed() && w.size() == 1 ? w.get(0) : -1;
  }

  /** The last call before {@code i} that writes to {@code buffer}, negative if none does. */
  int lastWriter(Buffer buffer, int i) {
    return writersOf(buffer).stream().filter(w -> w < i).reduce(-1, Math::max);
  }

  /** Whether nothing but call {@code reader} reads {@code buffer}. */
  boolean isOnlyReader(Buffer buffer, int reader) {
    List<Integer> r = readersOf(buffer);
    return r.size() == 1 && r.get(0) == reader;
  }

  /** Whether nothing before call {@code at} reads {@code buffer}. */
  boolean isNotReadBefore(Buffer buffer, int at) {
    return readersOf(buffer).stream().allMatch(reader -> reader >= at);
  }

  /** Whether {@code buffer} has its contents before call {@code at} runs and keeps them. */
  boolean isReady(Buffer buffer, int at) {
    for (int w : writersOf(buffer)) {
      if (w >= at) {
        return false;
      }
    }
    return true;
  }

  /** Whether {@code call} does together with {@code to} what it does at {@code from}, later on. */
  boolean canMove(Call call, int from, int to) {
    return areKept(call.reads(), to, from)
        && call.writes().stream()
            .allMatch(b -> isKept(b, to - 1, from) && isUnread(b, to - 1, from));
  }

  /** Whether nothing writes to any of {@code buffers} between two calls. */
  boolean areKept(List<Buffer> buffers, int from, int to) {
    return buffers.stream().allMatch(buffer -> isKept(buffer, from, to));
  }

  /** Whether nothing writes to {@code buffer} between two calls. */
  boolean isKept(Buffer buffer, int from, int to) {
    for (int w : writersOf(buffer)) {
      if (w > from && w < to) {
        return false;
      }
    }
    return true;
  }

  /** Whether nothing reads {@code buffer} between two calls. */
  private boolean isUnread(Buffer buffer, int from, int to) {
    return readersOf(buffer).stream().noneMatch(r -> r > from && r < to);
  }
}
