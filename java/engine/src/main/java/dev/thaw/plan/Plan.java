package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.memory.Buffer;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * A list of calls over one arena, bound to their arguments: running it costs Java one method handle
 * a call, no lookup of ops and no allocation. Not for several threads at once: the arena is
 * written.
 */
final class Plan implements AutoCloseable {
  private final List<Call> calls;
  private final MethodHandle[] bound;
  private final Arena arena;
  private final List<Buffer> held = new ArrayList<>();

  /**
   * Prepares {@code fused} on {@code backend}; buffers still held by others keep their place.
   *
   * @param pinned buffers that nobody holds but that live before the first call and behind the last
   * @param views buffers that are part of others
   */
  Plan(
      Backend backend,
      List<Call> fused,
      List<Buffer> pinned,
      IdentityHashMap<Buffer, Slices.View> views) {
    this.arena = new Arena(backend, fused, pinned, views);
    this.calls = new ArrayList<>();
    this.bound = new MethodHandle[fused.size()];
    IdentityHashMap<Buffer, Boolean> outside = new IdentityHashMap<>();
    for (int i = 0; i < bound.length; i++) {
      Call call = fused.get(i).on(arena.places());
      this.calls.add(call);
      for (Buffer buffer : fused.get(i).buffers()) {
        if (!buffer.isClosed()) {
          outside.put(buffer, true);
        }
      }
      bound[i] = bind(backend, call);
    }
    outside.keySet().forEach(b -> held.add(b.hold()));
  }

  private static MethodHandle bind(Backend backend, Call call) {
    try {
      MethodHandle handle =
          MethodHandles.publicLookup().unreflect(call.method()).bindTo(family(backend, call));
      handle = MethodHandles.insertArguments(handle, 0, call.arguments());
      return handle.asType(MethodType.methodType(void.class));
    } catch (IllegalAccessException e) {
      throw new IllegalStateException("plan: " + call + " is not public", e);
    }
  }

  private static Object family(Backend backend, Call call) {
    for (Object family :
        List.of(
            backend.unary(),
            backend.binary(),
            backend.reduce(),
            backend.gemm(),
            backend.conv(),
            backend.pooling(),
            backend.norm(),
            backend.softmax(),
            backend.index(),
            backend.random(),
            backend.update(),
            backend.stats())) {
      if (call.method().getDeclaringClass().isInstance(family)) {
        return family;
      }
    }
    throw new IllegalStateException("plan: no family runs " + call);
  }

  /** Runs the calls in order. */
  void run() {
    for (int i = 0; i < bound.length; i++) {
      run(i);
    }
  }

  /** Runs call {@code i}. */
  void run(int i) {
    try {
      bound[i].invokeExact();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("plan: " + calls.get(i) + " failed", e);
    }
  }

  /** How many calls there are. */
  int size() {
    return bound.length;
  }

  /** What each call has to do, in order. */
  List<KernelCall> explain() {
    return calls.stream().map(KernelCall::of).toList();
  }

  /** Where a pinned buffer lies. */
  Buffer place(Buffer pinned) {
    return java.util.Objects.requireNonNull(arena.places().get(pinned), "plan: nothing pinned");
  }

  /** Bytes of the arena. */
  long arenaBytes() {
    return arena.bytes();
  }

  /** How often each kernel is called in one run. */
  Map<String, Integer> kernels() {
    return Call.count(calls);
  }

  /** Lets go of the arena and of every buffer outside it. */
  @Override
  public void close() {
    arena.release();
    held.forEach(Buffer::release);
    held.clear();
  }
}
