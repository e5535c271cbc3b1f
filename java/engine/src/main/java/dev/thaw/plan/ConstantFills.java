package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.IndexKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Numbers that every step writes anew and none changes, written once: the 1 that a loss' gradient
 * begins with. On a card that is a launch less in the chain of each step.
 */
final class ConstantFills {
  /** Larger ones stay in the arena, where others use their place before and after. */
  private static final long MOST_BYTES = 256;

  private final List<Call> calls = new ArrayList<>();
  private final List<Buffer> made = new ArrayList<>();

  /**
   * Fills at once.
   *
   * @param pinned what is read behind the last call
   */
  ConstantFills(Backend backend, List<Call> all, List<Buffer> pinned) {
    CallOrder order = new CallOrder(all);
    IdentityHashMap<Buffer, Buffer> replaced = new IdentityHashMap<>();
    for (Call call : all) {
      if (call.is(IndexKernels.class, "fill")) {
        Buffer y = call.required(0);
        if (order.onlyWriter(y) >= 0 && !pinned.contains(y) && y.bytes() <= MOST_BYTES) {
          Buffer filled = backend.pool().allocate(y.dtype(), y.elements(), Purpose.WORKSPACE);
          backend.index().fill(filled, call.value(1, Double.class));
          made.add(filled);
          replaced.put(y, filled);
          continue;
        }
      }
      calls.add(call);
    }
    calls.replaceAll(call -> call.on(replaced));
  }

  /** The shorter list. */
  List<Call> calls() {
    return calls;
  }

  /** What was written, which the caller releases after use. */
  List<Buffer> made() {
    return made;
  }
}
