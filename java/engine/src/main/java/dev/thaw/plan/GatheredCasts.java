package dev.thaw.plan;

import dev.thaw.backend.IndexKernels;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The bfloat16 copies of weights that learn, all made by one call where the first of them was made:
 * the masters lie still until the update at the step's end. On a card that is one launch a step in
 * place of one a weight.
 *
 * <p>The optimizer, which has every new value in hand, could write the copies and spare the step
 * another reading of the masters. But then each change of a master between two steps - from a file,
 * by another optimizer, by a kernel on its buffer - would have to be told, and one that was not
 * would leave the step computing with what was there before. Copies that a step makes first cannot
 * be old.
 */
final class GatheredCasts {
  private final Predicate<Buffer> moving;
  private final CallOrder order;

  /** What the calls so far have written, but for the masters behind a table. */
  private final Set<Buffer> written = Collections.newSetFromMap(new IdentityHashMap<>());

  private final List<Buffer> copies = new ArrayList<>();
  private final List<Buffer> masters = new ArrayList<>();
  private final IdentityHashMap<Buffer, Buffer> copyOf = new IdentityHashMap<>();

  /** Copies of a master that has one already. */
  private final IdentityHashMap<Buffer, Buffer> replaced = new IdentityHashMap<>();

  private GatheredCasts(List<Call> all, Predicate<Buffer> moving) {
    this.moving = moving;
    order = new CallOrder(all);
  }

  /**
   * {@code all}, with such conversions in one.
   *
   * @param moving whether a parameter changes from run to run though no call names it as written
   */
  static List<Call> of(List<Call> all, Predicate<Buffer> moving) {
    return new GatheredCasts(all, moving).gathered(all);
  }

  private List<Call> gathered(List<Call> all) {
    List<Call> calls = new ArrayList<>();
    int first = 0;
    boolean updated = false;
    for (Call call : all) {
      updated |= call.is(UpdateKernels.class, "step");
      if (!updated && isCopyOfMaster(call)) {
        first = copies.isEmpty() ? calls.size() : first;
        note(call.required(0), call.required(1));
      } else {
        written.addAll(call.writes());
        calls.add(call);
      }
    }
    if (copies.isEmpty()) {
      return all;
    }
    calls.replaceAll(call -> call.on(replaced));
    Buffer[][] arguments = {copies.toArray(Buffer[]::new), masters.toArray(Buffer[]::new)};
    calls.add(first, new Call(Call.method(IndexKernels.class, "castAll"), arguments));
    return calls;
  }

  private boolean isCopyOfMaster(Call call) {
    if (!call.is(IndexKernels.class, "cast")) {
      return false;
    }
    Buffer y = call.required(0);
    Buffer x = call.required(1);
    return moving.test(x)
        && !written.contains(x)
        && x.dtype() == DType.FLOAT32
        && y.dtype() == DType.BFLOAT16
        && order.onlyWriter(y) >= 0;
  }

  private void note(Buffer copy, Buffer master) {
    Buffer known = copyOf.putIfAbsent(master, copy);
    if (known != null) {
      replaced.put(copy, known);
    } else {
      copies.add(copy);
      masters.add(master);
    }
  }
}
