package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.ConstantWeights;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Purpose;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Fused calls and the constants made for them, from which plans are made, each with its own arena.
 */
final class Program implements AutoCloseable {
  private static final Set<Purpose> KEPT = EnumSet.of(Purpose.PARAMETERS, Purpose.WORKSPACE);

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
   * @param moving whether a parameter changes from run to run though no call names it as written
   */
  static Program of(
      Backend backend,
      List<Call> calls,
      List<Buffer> pinned,
      Predicate<Buffer> moving,
      long cacheBytes) {
    // A batch lies still as well, and yet changes: only what a model keeps is constant, and what is
    // made of that here.
    Predicate<Buffer> changing = b -> moving.test(b) || !KEPT.contains(b.purpose());
    List<Call> gathered = GatheredCasts.of(calls, moving);
    ConstantFills fills = new ConstantFills(backend, gathered, pinned);
    ConstantCasts casts = new ConstantCasts(backend, fills.calls(), changing);
    Fusion fusion = new Fusion(backend, casts, changing);
    List<Call> fused = fusion.result();
    Constants constants = new Constants(backend, fused, changing);
    Slices slices = new Slices(backend.pool(), fused, pinned, constants::isConstant, cacheBytes);
    List<Buffer> made = new ArrayList<>(fills.made());
    made.addAll(casts.made());
    made.addAll(fusion.made());
    List<Buffer> held = new ArrayList<>(slices.held());
    List<Call> ready = readied(slices.calls(), constants, made, held);
    return new Program(backend, ready, pinned, slices.views(), held, constants.made());
  }

  /**
   * {@code calls} on constant weights. Weights that were folded or rounded, and then copied on into
   * the backend's form, have served: each is let go as soon as its last reader has its copy, so
   * that all of them never stand beside all copies.
   *
   * @param made such weights
   * @param held gets those that calls still read
   */
  private static List<Call> readied(
      List<Call> calls, Constants constants, List<Buffer> made, List<Buffer> held) {
    IdentityHashMap<Buffer, Integer> last = new IdentityHashMap<>();
    for (int i = 0; i < calls.size(); i++) {
      for (Buffer buffer : calls.get(i).reads()) {
        last.put(buffer, i);
      }
    }
    Set<Buffer> open = Collections.newSetFromMap(new IdentityHashMap<>());
    open.addAll(made);
    Set<Buffer> read = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Call> ready = new ArrayList<>();
    for (int i = 0; i < calls.size(); i++) {
      Call call = constants.with(calls.get(i));
      ready.add(call);
      read.addAll(call.reads());
      for (Buffer buffer : calls.get(i).reads()) {
        if (!read.contains(buffer) && last.getOrDefault(buffer, -1) == i && open.remove(buffer)) {
          buffer.release();
        }
      }
    }
    for (Buffer buffer : open) {
      if (read.contains(buffer)) {
        held.add(buffer);
      } else {
        buffer.release();
      }
    }
    return ready;
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
