package dev.thaw.train;

import dev.thaw.backend.Backend;
import dev.thaw.backend.CrossEntropyOptions;
import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import dev.thaw.transfer.FreezeContract;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Trains a classifier: batches, loss, backward, step, validation, until the epochs are over, early
 * stopping ends it, or somebody asks it to stop. What is frozen is held to its bytes after every
 * epoch.
 */
public final class Trainer {
  /** Skipped steps in a row after which a training is given up. */
  static final int MOST_SKIPPED = 10;

  private final Module model;
  private final Optimizer optimizer;
  private final BatchSource batches;
  private final TrainingOptions options;
  private final Audience audience = new Audience();
  private final Generator generator;
  private final Best best = new Best();
  private final Position position = new Position();
  private @Nullable BatchSource validation;
  private @Nullable Path checkpoint;
  private long checkpointEvery;
  private volatile boolean stopping;
  private @Nullable PlannedStep planned;
  private @Nullable FreezeContract contract;
  private boolean planning = true;
  private Precision precision = Precision.FP32;
  private @Nullable Made untold;
  private boolean graphs = true;

  /**
   * A step that was made, and what is to be heard of it.
   *
   * @param loss waits for it
   * @param report waits for it
   */
  private record Made(
      long step,
      long total,
      int epoch,
      double rate,
      int examples,
      DoubleSupplier loss,
      Supplier<Optimizer.Report> report) {}

  /**
   * How a training ended.
   *
   * @param steps optimizer steps made
   * @param epochs whole epochs made
   * @param loss mean over the last epoch's steps
   * @param validation of the weights the model has now, or null without validation
   * @param seconds of wall time
   * @param stepSeconds of them in batches and steps: validation and listeners aside
   * @param peakBytes most memory in use at once on the device, listeners aside
   * @param skipped steps skipped for gradients that were not finite
   * @param interrupted whether it was asked to stop before its end
   */
  public record Result(
      long steps,
      int epochs,
      double loss,
      Evaluation.@Nullable Result validation,
      double seconds,
      double stepSeconds,
      long peakBytes,
      long skipped,
      boolean interrupted) {}

  /** A training of {@code model} by {@code optimizer} on {@code batches}. */
  public Trainer(Module model, Optimizer optimizer, BatchSource batches, TrainingOptions options) {
    this.model = model;
    this.optimizer = optimizer;
    this.batches = batches;
    this.options = options;
    this.generator = new Generator(options.seed());
    optimizer.clip(options.clip());
  }

  /** Evaluates on {@code source} after every epoch. */
  public Trainer validate(BatchSource source) {
    validation = source;
    return this;
  }

  /** Tells {@code listener} what happens. */
  public Trainer listen(Listener listener) {
    audience.add(listener);
    return this;
  }

  /**
   * Writes a checkpoint to {@code file} after every {@code steps} steps, and when asked to stop.
   */
  public Trainer checkpoint(Path file, long steps) {
    checkpoint = file;
    checkpointEvery = steps;
    return this;
  }

  /**
   * Goes on from a checkpoint that a training with the same model, data and options wrote.
   *
   * @throws IOException when the file is no checkpoint of this training; says what differs
   */
  public Trainer resume(Path file) throws IOException {
    Checkpoint.read(file, this);
    return this;
  }

  /**
   * Computes in {@code precision}, validation included. Weights, their gradients and the
   * optimizer's moments stay float32.
   *
   * @throws IllegalArgumentException when the model's device cannot compute so
   */
  public Trainer precision(Precision precision) {
    precision.check(Devices.get(Evaluation.deviceOf(model)));
    this.precision = precision;
    return this;
  }

  /** Runs every step op by op, as written, also where a recording of it could be replayed. */
  public Trainer eager() {
    planning = false;
    return this;
  }

  /**
   * Queues every call of a step by itself, also on a device that could take the whole step as one
   * (a CUDA graph).
   */
  public Trainer withoutGraphs() {
    graphs = false;
    return this;
  }

  /** Steps made so far. */
  public long step() {
    return position.step;
  }

  /**
   * Asks a running training to finish its step, write its checkpoint and return; any thread may.
   */
  public void stop() {
    stopping = true;
  }

  /** Steps of the whole training. */
  public long totalSteps() {
    long perEpoch = (batches.batches() + options.accumulate() - 1L) / options.accumulate();
    long all = perEpoch * options.epochs();
    return options.maxSteps() > 0 ? Math.min(all, options.maxSteps()) : all;
  }

  /**
   * Trains.
   *
   * @throws IllegalStateException when nothing is trainable, or frozen bytes changed
   * @throws TrainingStopped when ten steps in a row were skipped or the loss is not finite
   * @throws IOException when data cannot be read or a checkpoint cannot be written
   */
  public Result run() throws IOException {
    Backend backend = Devices.get(Evaluation.deviceOf(model));
    long start = System.nanoTime();
    Evaluation.Result last = null;
    double loss = Double.NaN;
    audience.start(backend.pool());
    try (var on = backend.device().use();
        var math = precision.on(backend);
        var numbers = generator.use()) {
      optimizer.zeroGrad();
      FreezeContract frozen = new FreezeContract(model);
      contract = frozen;
      model.train();
      batches.allowBytes(backend.isBehindBus());
      long total = totalSteps();
      boolean over = position.step >= total;
      while (!over && !stopping) {
        long epochStart = System.nanoTime();
        boolean whole = epoch(total);
        frozen.check();
        if (!whole) {
          break;
        }
        loss = position.epochLoss / Math.max(1, position.epochSteps);
        position.epoch++;
        position.batch = 0;
        position.epochLoss = 0;
        position.epochSteps = 0;
        if (validation != null) {
          last = evaluate(validation);
          best.note(model, last.loss());
        }
        double seconds = (System.nanoTime() - epochStart) * 1e-9;
        Listener.Epoch end =
            new Listener.Epoch(position.epoch, options.epochs(), loss, last, seconds);
        tell(listener -> listener.epoch(end));
        over = position.step >= total || position.epoch >= options.epochs();
        if (!over && options.patience() > 0 && best.since() >= options.patience()) {
          audience.note(
              "early stopping: no better validation loss for "
                  + best.since()
                  + " epochs; the weights of the best epoch are put back");
          over = true;
        }
      }
      if (options.patience() > 0 && validation != null && best.since() > 0 && !stopping) {
        best.putBack(model);
        last = evaluate(validation);
      }
      if (stopping && checkpoint != null) {
        Checkpoint.write(checkpoint, this);
      }
      model.eval();
    } finally {
      untold = null;
      dropPlan();
    }
    double seconds = (System.nanoTime() - start) * 1e-9;
    return new Result(
        position.step,
        position.epoch,
        loss,
        last,
        seconds,
        seconds - audience.secondsAside(),
        audience.peakBytes(backend.pool()),
        position.skipped,
        stopping);
  }

  private Evaluation.Result evaluate(BatchSource examples) throws IOException {
    long begin = System.nanoTime();
    Evaluation.Result result = Evaluation.of(model, examples, precision);
    audience.setAside(begin);
    return result;
  }

  /** One epoch from the present position; returns whether it came to its end. */
  private boolean epoch(long total) throws IOException {
    batches.seek(position.epoch, position.batch);
    int inStep = 0;
    int examples = 0;
    double sum = 0;
    Batch batch = batches.next();
    while (batch != null && position.step < total) {
      int left = batches.batches() - batch.number();
      int parts = Math.min(options.accumulate(), left + inStep);
      examples += batch.size();
      inStep++;
      position.batch = batch.number() + 1;
      optimizer.factor(options.schedule().factor(position.step, total));
      optimizer.gradientScale(1.0 / parts);
      DoubleSupplier loss = null;
      if (parts == 1 && planning) {
        loss = plannedStep(batch);
      } else {
        sum += forwardBackward(batch) / parts;
        if (inStep == parts) {
          Movement movement = position.step == 0 ? new Movement(model) : null;
          optimizer.step();
          moved(movement);
          double all = sum;
          loss = () -> all;
        }
      }
      if (loss != null) {
        optimizer.zeroGrad();
        made(total, loss, examples, batch);
        inStep = 0;
        examples = 0;
        sum = 0;
        if (stopping) {
          tellLast(batch);
          return false;
        }
      }
      Batch last = batch;
      batch = batches.next();
      if (batch == null || position.step >= total) {
        tellLast(last);
      }
    }
    return true;
  }

  /** One step from its recording; a batch of another size, the last of an epoch, op by op. */
  private DoubleSupplier plannedStep(Batch batch) {
    if (planned != null && planned.isStale()) {
      dropPlan();
    }
    // The last batch of an epoch may be shorter than the others.
    boolean whole = batch.number() < batches.batches() - 1 || batches.batches() == 1;
    if (planned == null && whole) {
      planned = new PlannedStep(this, batch, graphs);
      if (!planned.record()) {
        audience.note("steps run op by op: " + planned.obstacle());
        dropPlan();
        planning = false;
      }
    }
    Movement movement = position.step == 0 ? new Movement(model) : null;
    DoubleSupplier loss;
    if (planned != null && planned.fits(batch)) {
      loss = planned.run(batch);
    } else {
      double value = forwardBackward(batch);
      optimizer.step();
      loss = () -> value;
    }
    if (movement == null) {
      return loss;
    }
    double first = loss.getAsDouble();
    checkLoss(first, position.step + 1, batch);
    moved(movement);
    return () -> first;
  }

  private void dropPlan() {
    if (planned != null) {
      planned.close();
      planned = null;
    }
  }

  private double forwardBackward(Batch batch) {
    try (Scope scope = Scope.open()) {
      Tensor loss = loss(batch.x(), batch.y());
      double value = loss.item();
      checkLoss(value, position.step + 1, batch);
      loss.backward();
      return value;
    }
  }

  /** Mean cross-entropy of the model's logits. */
  Tensor loss(Tensor x, Tensor y) {
    CrossEntropyOptions how =
        new CrossEntropyOptions(options.smoothing(), CrossEntropyOptions.DEFAULT.ignored());
    return Functional.crossEntropy(precision.call(model, x), y, null, how);
  }

  private void checkLoss(double loss, long step, Batch batch) {
    if (!Double.isFinite(loss)) {
      try (Scope scope = Scope.open()) {
        throw new TrainingStopped(
            String.format(
                java.util.Locale.ROOT,
                "training: the loss is %s at step %d; %s; lower the rate, clip the norm or look at"
                    + " the data",
                loss,
                step,
                NonFinite.first(model, batch.x(), precision)));
      }
    }
  }

  private void moved(@Nullable Movement movement) {
    if (movement != null && !optimizer.report().skipped()) {
      movement.check(optimizer, options.clip());
    }
  }

  /** Counts a step, and tells of it now, or of the one before while this one runs. */
  private void made(long total, DoubleSupplier loss, int examples, Batch batch) throws IOException {
    position.step++;
    Made before = untold;
    untold =
        new Made(
            position.step,
            total,
            position.epoch + 1,
            optimizer.groups().get(0).rate(),
            examples,
            loss,
            optimizer.laterReport());
    if (before != null) {
      tell(before, batch);
    }
    boolean due = checkpoint != null && checkpointEvery > 0 && position.step % checkpointEvery == 0;
    if (due || planned == null || !planned.runsByItself() || audience.looksAtTheModel()) {
      tellLast(batch);
    }
    if (due && checkpoint != null) {
      Checkpoint.write(checkpoint, this);
    }
  }

  private void tellLast(Batch batch) throws IOException {
    Made last = untold;
    untold = null;
    if (last != null) {
      tell(last, batch);
    }
  }

  /** Waits for what a step found, and tells it. */
  private void tell(Made made, Batch batch) throws IOException {
    double loss = made.loss.getAsDouble();
    checkLoss(loss, made.step, batch);
    Optimizer.Report report = made.report.get();
    position.epochLoss += loss;
    position.epochSteps++;
    position.skipped += report.skipped() ? 1 : 0;
    position.skippedInARow = report.skipped() ? position.skippedInARow + 1 : 0;
    Listener.Step done =
        new Listener.Step(
            made.step,
            made.total,
            made.epoch,
            loss,
            made.rate,
            report.gradientNorm(),
            made.examples,
            report.skipped());
    tell(listener -> listener.step(done));
    if (report.skipped()) {
      audience.note(
          "step "
              + made.step
              + " skipped: "
              + report.nonFinite()
              + " gradient elements are not finite");
    }
    if (position.skippedInARow >= MOST_SKIPPED) {
      throw new TrainingStopped(
          "training: "
              + MOST_SKIPPED
              + " steps in a row were skipped for gradients that are not finite, the last was step "
              + made.step
              + "; lower the rate or look at the data");
    }
  }

  private void tell(Audience.Word word) throws IOException {
    Pool pool = Devices.get(Evaluation.deviceOf(model)).pool();
    // A listener may freeze and thaw.
    audience.tell(
        pool,
        word,
        () -> {
          if (contract != null) {
            contract.follow();
          }
        });
  }

  Module model() {
    return model;
  }

  Optimizer optimizer() {
    return optimizer;
  }

  Precision precision() {
    return precision;
  }

  TrainingOptions options() {
    return options;
  }

  Generator generator() {
    return generator;
  }

  Best best() {
    return best;
  }

  Position position() {
    return position;
  }
}
