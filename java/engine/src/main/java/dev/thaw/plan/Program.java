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
  private final List<Buffer> folded;
  private final List<ConstantWeights> constants;

  private Program(
      Backend backend, List<Call> calls, List<Buffer> folded, List<ConstantWeights> constants) {
    this.backend = backend;
    this.calls = calls;
    this.folded = folded;
    this.constants = constants;
  }

  /**
   * Fuses {@code calls}.
   *
   * @param moving whether a buffer changes from run to run though no call names it as written
   */
  static Program of(Backend backend, List<Call> calls, Predicate<Buffer> moving) {
    ConstantCasts casts = new ConstantCasts(backend, calls, moving);
    Fusion fusion = new Fusion(backend, casts, moving);
    List<Call> fused = fusion.result();
    Constants constants = new Constants(backend, fused, moving);
    List<Call> ready = new ArrayList<>();
    fused.forEach(call -> ready.add(constants.with(call)));
    // Weights that were folded, or copied on into the backend's form, have served.
    Set<Buffer> read = Collections.newSetFromMap(new IdentityHashMap<>());
    ready.forEach(call -> read.addAll(call.reads()));
    List<Buffer> folded = new ArrayList<>();
    List<Buffer> made = new ArrayList<>(casts.made());
    made.addAll(fusion.made());
    for (Buffer buffer : made) {
      if (read.contains(buffer)) {
        folded.add(buffer);
      } else {
        buffer.release();
      }
    }
    return new Program(backend, ready, folded, constants.made());
  }

  /**
   * A plan with an arena of its own; {@code pinned} live before the first call and behind the last.
   */
  Plan instance(List<Buffer> pinned) {
    return new Plan(backend, calls, pinned);
  }

  /** Frees the constants once no plan holds them. */
  @Override
  public void close() {
    folded.forEach(Buffer::release);
    folded.clear();
    constants.forEach(ConstantWeights::close);
    constants.clear();
  }
}
