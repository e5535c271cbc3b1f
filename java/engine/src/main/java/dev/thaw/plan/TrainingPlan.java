package dev.thaw.plan;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Backend.Replay;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A training step as one list of prepared calls over one arena: forward, backward and update,
 * recorded from an eager step. What changes from step to step - batch, rates, random numbers - it
 * reads from buffers, so a replay is the eager step with other contents.
 *
 * <p>Made for one batch shape and one state of freezing; drop it when either changes.
 */
public final class TrainingPlan implements AutoCloseable {
  private final Backend home;
  private final Program program;
  private final Plan plan;
  private boolean capturing = true;
  private @Nullable Replay captured;

  private TrainingPlan(Backend home, Program program, Plan plan) {
    this.home = home;
    this.program = program;
    this.plan = plan;
  }

  /**
   * What recording a step gave.
   *
   * @param plan ready to run, or null where the step cannot be planned
   * @param obstacle why it cannot, or null
   */
  public record Outcome(@Nullable TrainingPlan plan, @Nullable String obstacle) {}

  /**
   * Notes what {@code step} would compute, without computing it, and prepares that. The step makes
   * and drops its own tensors; what it reads and writes beyond them must stay where it is. So an
   * optimizer's {@code zeroGrad} comes before, which gives gradients their places.
   *
   * @param home the backend it runs on
   * @param model that is trained: what is frozen of it is constant, all else may change
   */
  public static Outcome record(Backend home, Module model, Runnable step) {
    return record(home, model, step, home.cacheBytes());
  }

  /** The same; what is frozen is sliced where it moves much more than {@code cacheBytes}. */
  static Outcome record(Backend home, Module model, Runnable step, long cacheBytes) {
    Recording recording = Recording.of(home);
    try (recording;
        Scope scope = Scope.open()) {
      step.run();
    }
    if (recording.obstacle() != null) {
      return new Outcome(null, recording.obstacle());
    }
    Program program =
        Program.of(home, recording.calls(), List.of(), trained(model)::contains, cacheBytes);
    try {
      return new Outcome(new TrainingPlan(home, program, program.instance()), null);
    } catch (OutOfMemoryError e) {
      program.close();
      throw e;
    }
  }

  /** What changes though no call names it as written: the optimizer knows it by its table. */
  static Set<Buffer> trained(Module model) {
    Set<Buffer> trained = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Parameter p : model.parameters().values()) {
      if (!p.isFrozen()) {
        trained.add(p.value().buffer());
      }
    }
    return trained;
  }

  /** Runs every step call by call, also where the device could note the whole of it as one. */
  public TrainingPlan callByCall() {
    capturing = false;
    return this;
  }

  /**
   * One step. The first one runs call by call: libraries choose their algorithms in it. Where the
   * device can, it is then noted as one unit, and the next ones cost one call.
   */
  public void run() {
    if (captured != null) {
      captured.run();
      return;
    }
    plan.run();
    if (capturing) {
      capturing = false;
      captured = home.capture(plan::run);
    }
  }

  /** Whether steps now run as one unit. */
  public boolean isCaptured() {
    return captured != null;
  }

  /** Bytes of the arena that activations and gradients share. */
  public long arenaBytes() {
    return plan.arenaBytes();
  }

  /** How often each kernel is called in a step. */
  public Map<String, Integer> kernels() {
    return plan.kernels();
  }

  /** The kernel calls of a step in order, each with its sizes and the least it has to do. */
  public List<KernelCall> calls() {
    return plan.explain();
  }

  /**
   * Seconds that each of {@link #calls} takes the device, the median of {@code runs}. Calls are
   * repeated for it one by one, so parameters and losses are of no use behind it.
   */
  public double[] seconds(int runs) {
    return new Timing(home, plan, runs).seconds();
  }

  /** Frees the arena. */
  @Override
  public void close() {
    if (captured != null) {
      captured.close();
      captured = null;
    }
    plan.close();
    program.close();
  }
}
