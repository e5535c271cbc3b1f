package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.memory.Buffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Fused calls and the constants made for them, from which plans are made, each with its own arena.
 */
final class Program implements AutoCloseable {
  private final Backend backend;
  private final List<Call> calls;
  private final List<Buffer> pinned;
  private final IdentityHashMap<Buffer, Slices.View> views;
  private final List<Buffer> held;
  private final List<ConstantWeights> constants;

  private Program(
      Backend backend,
      List<Call> calls,
      List<Buffer> pinned,
      IdentityHashMap<Buffer, Slices.View> views,
      List<Buffer> held,
      List<ConstantWeights> constants) {
    this.backend = backend;
    this.calls = calls;
    this.pinned = pinned;
    this.views = views;
    this.held = held;
    this.constants = constants;
  }

  /**
   * Fuses {@code calls} and slices what moves much more than {@code cacheBytes}.
   *
   * @param pinned buffers that live before the first call and behind the last
   * @param moving whether a buffer changes from run to run though no call names it as written
   */
  static Program of(
      Backend backend,
      List<Call> calls,
      List<Buffer> pinned,
      Predicate<Buffer> moving,
      long cacheBytes) {
    ConstantCasts casts = new ConstantCasts(backend, calls, moving);
    Fusion fusion = new Fusion(backend, casts, moving);
    List<Call> fused = fusion.result();
    Constants constants = new Constants(backend, fused, moving);
    Slices slices = new Slices(backend.pool(), fused, pinned, constants::isConstant, cacheBytes);
    List<Call> ready = new ArrayList<>();
    slices.calls().forEach(call -> ready.add(constants.with(call)));
    // Weights that were folded, or copied on into the backend's form, have served.
    Set<Buffer> read = Collections.newSetFromMap(new IdentityHashMap<>());
    ready.forEach(call -> read.addAll(call.reads()));
    List<Buffer> held = new ArrayList<>(slices.held());
    List<Buffer> made = new ArrayList<>(casts.made());
    made.addAll(fusion.made());
    for (Buffer buffer : made) {
      if (read.contains(buffer)) {
        held.add(buffer);
      } else {
        buffer.release();
      }
    }
    return new Program(backend, ready, pinned, slices.views(), held, constants.made());
  }

  /** A plan with an arena of its own. */
  Plan instance() {
    return new Plan(backend, calls, pinned, views);
  }

  /** Frees the constants once no plan holds them. */
  @Override
  public void close() {
    held.forEach(Buffer::release);
    held.clear();
    constants.forEach(ConstantWeights::close);
  }
}
