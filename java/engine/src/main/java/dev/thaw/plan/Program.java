package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.memory.Buffer;
import java.util.List;
import java.util.function.Predicate;

/**
 * Fused calls and the constants made for them, from which plans are made, each with its own arena.
 */
final class Program implements AutoCloseable {
  private final Backend backend;
  private final List<Call> calls;
  private final List<Buffer> constants;

  private Program(Backend backend, List<Call> calls, List<Buffer> constants) {
    this.backend = backend;
    this.calls = calls;
    this.constants = constants;
  }

  /**
   * Fuses {@code calls}.
   *
   * @param moving whether a buffer changes from run to run though no call names it as written
   */
  static Program of(Backend backend, List<Call> calls, Predicate<Buffer> moving) {
    Fusion fusion = new Fusion(backend, calls, moving);
    List<Call> fused = fusion.result();
    return new Program(backend, fused, fusion.made());
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
    constants.forEach(Buffer::release);
    constants.clear();
  }
}
