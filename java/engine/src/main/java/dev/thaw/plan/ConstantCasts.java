package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.IndexKernels;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Conversions of weights that no step changes, done once: the bfloat16 copies that a frozen layer
 * or a model in use computes with. Those of layers that learn are made anew in each step: {@link
 * GatheredCasts}.
 */
final class ConstantCasts {
  private final Backend backend;
  private final List<Call> calls = new ArrayList<>();
  private final List<Buffer> made = new ArrayList<>();
  private final IdentityHashMap<Buffer, Buffer> origins = new IdentityHashMap<>();
  private final IdentityHashMap<Buffer, Map<DType, Buffer>> copies = new IdentityHashMap<>();

  ConstantCasts(Backend backend, List<Call> all, Predicate<Buffer> moving) {
    this.backend = backend;
    CallOrder order = new CallOrder(all);
    IdentityHashMap<Buffer, Buffer> replaced = new IdentityHashMap<>();
    for (Call call : all) {
      if (call.is(IndexKernels.class, "cast")) {
        Buffer y = call.required(0);
        Buffer x = call.required(1);
        boolean constant = !x.isClosed() && order.writersOf(x).isEmpty() && !moving.test(x);
        if (constant && order.onlyWriter(y) >= 0) {
          replaced.put(y, copy(x, y.dtype()));
          continue;
        }
      }
      calls.add(call);
    }
    calls.replaceAll(call -> call.on(replaced));
  }

  /** One copy serves every call that reads the same weights. */
  private Buffer copy(Buffer x, DType dtype) {
    return copies
        .computeIfAbsent(x, k -> new EnumMap<>(DType.class))
        .computeIfAbsent(
            dtype,
            k -> {
              Buffer y = backend.pool().allocate(dtype, x.elements(), Purpose.WORKSPACE);
              backend.index().cast(y, x);
              made.add(y);
              origins.put(y, x);
              return y;
            });
  }

  /** The shorter list. */
  List<Call> calls() {
    return calls;
  }

  /** The copies, which the caller releases after use. */
  List<Buffer> made() {
    return made;
  }

  /** What {@code buffer} was converted from, with nothing rounded yet; itself if it is no copy. */
  Buffer origin(Buffer buffer) {
    return origins.getOrDefault(buffer, buffer);
  }
}
