package dev.thaw.train;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Backend.Reading;
import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.memory.Buffer;
import dev.thaw.nn.Parameter;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.DoubleSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A training step for batches of one shape, recorded once: each step fills the batch's fixed
 * buffers and replays it.
 */
final class PlannedStep implements AutoCloseable {
  private final Trainer trainer;
  private final Backend backend;
  private final StepInput input;
  private final boolean graphs;
  private final long structure;
  private long changes;
  private @Nullable Buffer loss;
  private @Nullable TrainingPlan plan;
  private @Nullable String obstacle;
  private int callsPerStep;

  /**
   * A step for batches like {@code first}.
   *
   * @param graphs whether the device may note the whole of it as one
   */
  PlannedStep(Trainer trainer, Batch first, boolean graphs) {
    this.graphs = graphs;
    this.trainer = trainer;
    this.structure = trainer.model().structure();
    this.changes = Parameter.changes();
    this.backend = Devices.current();
    this.input = new StepInput(backend, first);
  }

  /** Whether something was frozen, thawed or replaced since: then another recording is due. */
  boolean isStale() {
    // The counter is the JVM's: another training may have moved it.
    if (changes != Parameter.changes()) {
      changes = Parameter.changes();
      return structure != trainer.model().structure();
    }
    return false;
  }

  boolean fits(Batch batch) {
    return input.fits(batch);
  }

  /** Why the step cannot be replayed, or null. */
  @Nullable String obstacle() {
    return obstacle;
  }

  /**
   * Notes the step without running it.
   *
   * @return whether it can be replayed; else {@link #obstacle} says why not
   */
  boolean record() {
    Generator generator = trainer.generator();
    int base = generator.call();
    // Random ops count from 0 within the step and add the state's base: the same numbers as eager.
    generator.countFrom(trainer.optimizer().state());
    generator.seek(0);
    TrainingPlan.Outcome outcome;
    try {
      outcome = TrainingPlan.record(backend, trainer.model(), this::step);
      callsPerStep = generator.call();
    } finally {
      generator.countFrom(null);
      generator.seek(base);
    }
    trainer.optimizer().zeroGrad();
    plan = outcome.plan() == null || graphs ? outcome.plan() : outcome.plan().callByCall();
    obstacle = outcome.obstacle();
    return plan != null;
  }

  /** One step on {@code batch}; the result gives the loss before it, once, and waits for it. */
  DoubleSupplier run(Batch batch) {
    input.fill(batch);
    Generator generator = trainer.generator();
    trainer.optimizer().callBase(generator.call());
    trainer.optimizer().prepare();
    java.util.Objects.requireNonNull(plan, "planned step: nothing recorded").run();
    generator.seek(generator.call() + callsPerStep);
    return value();
  }

  private void step() {
    Tensor x = input.x(trainer.precision().ofPictures());
    Tensor result = trainer.loss(x, input.y());
    loss = result.buffer().hold();
    result.backward();
    trainer.optimizer().step();
  }

  private DoubleSupplier value() {
    Reading reading = backend.read(java.util.Objects.requireNonNull(loss));
    return () -> {
      ByteBuffer one = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder());
      reading.to(one);
      return one.getFloat(0);
    };
  }

  /** Whether the device works through a step by itself while the next one is prepared. */
  boolean runsByItself() {
    return plan != null && plan.isCaptured();
  }

  @Override
  public void close() {
    if (plan != null) {
      plan.close();
    }
    if (loss != null) {
      loss.release();
    }
    input.close();
  }
}
