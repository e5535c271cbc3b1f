package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.Normalisation;
import dev.thaw.memory.Check;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.train.CsvLog;
import dev.thaw.train.Evaluation;
import dev.thaw.train.Listener;
import dev.thaw.train.ProgressBar;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import dev.thaw.transfer.Layers;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One training, from the table of its layers to the measured result: what pretrain, finetune and
 * the demo have in common. It saves no model; whoever runs it does, when it ended well.
 */
final class TrainingJob {
  /** Examples a batch under which a batch's own statistics are too uncertain to learn from. */
  private static final int FEW_FOR_NORMS = 16;

  private static final int EVALUATION_BATCH = 256;

  /**
   * How it is done.
   *
   * @param optimizer moves the model's parameters; the caller closes it
   * @param options length, schedule, limits, seed
   * @param loading batches of the training part
   */
  record Recipe(Optimizer optimizer, TrainingOptions options, DataLoader.Options loading) {}

  /**
   * What it leaves on the way.
   *
   * @param log CSV, or null
   * @param checkpoint where it can be resumed from, or null
   * @param every steps between checkpoints, 0 for none but when it is stopped
   * @param resume whether it goes on from the checkpoint
   */
  record Traces(@Nullable Path log, @Nullable Path checkpoint, long every, boolean resume) {
    static final Traces NONE = new Traces(null, null, 0, false);
  }

  /**
   * How it ended.
   *
   * @param result of the trainer
   * @param tested the model as it is now on {@code testedOn}, or null without such examples
   * @param testedOn what the examples are: test, validation
   * @param curves of this run
   */
  record Outcome(
      Trainer.Result result, Evaluation.@Nullable Result tested, String testedOn, Curves curves) {
    /** Loss of the very first batch, before anything moved; NaN where the run was resumed. */
    double firstLoss() {
      boolean fromStart = !curves.steps().isEmpty() && curves.steps().get(0).step() == 1;
      return fromStart ? curves.steps().get(0).loss() : Double.NaN;
    }
  }

  private final Subcommand console;
  private final Module model;
  private final boolean headIsNew;
  private final DataParts data;
  private final Normalisation normalisation;

  /**
   * A training of {@code model} on {@code data}.
   *
   * @param headIsNew whether the model's answers are still those of chance
   */
  TrainingJob(
      Subcommand console,
      Module model,
      boolean headIsNew,
      DataParts data,
      Normalisation normalisation) {
    this.console = console;
    this.model = model;
    this.headIsNew = headIsNew;
    this.data = data;
    this.normalisation = normalisation;
  }

  /**
   * Trains.
   *
   * @throws IllegalArgumentException when nothing is trainable
   * @throws Interruption.Stopped after Ctrl-C, once the checkpoint is written
   */
  Outcome run(Recipe recipe, Traces traces) throws IOException {
    console.say(Layers.table(model).stripTrailing());
    checkTrainable(recipe.optimizer);
    warnOfSmallBatches(recipe.loading.batchSize());
    Curves curves = new Curves();
    DataLoader.Options order = DataLoader.Options.evaluation(EVALUATION_BATCH);
    @Nullable Dataset watched = data.validation() != null ? data.validation() : data.test();
    try (DataLoader train = new DataLoader(data.train(), normalisation, recipe.loading);
        @Nullable DataLoader watch =
            watched == null ? null : new DataLoader(watched, normalisation, order)) {
      Trainer trainer = new Trainer(model, recipe.optimizer, train, recipe.options);
      if (watch != null) {
        trainer.validate(watch);
      }
      if (traces.checkpoint != null) {
        trainer.checkpoint(traces.checkpoint, traces.every);
        if (traces.resume) {
          trainer.resume(traces.checkpoint);
          console.say("resumed from %s at step %d", traces.checkpoint, trainer.step());
        }
      }
      trainer.listen(new ProgressBar(console.err(), Terminal.isOne())).listen(curves);
      if (headIsNew) {
        trainer.listen(new FirstLoss());
      }
      Trainer.Result result = run(trainer, traces.log);
      if (result.interrupted()) {
        throw stopped(traces, trainer.step());
      }
      return tested(result, watch, watched, curves);
    }
  }

  private static Trainer.Result run(Trainer trainer, @Nullable Path log) throws IOException {
    try (Interruption.Watch watch = Interruption.during(trainer::stop)) {
      if (log == null) {
        return trainer.run();
      }
      try (CsvLog csv = new CsvLog(log, trainer.step())) {
        return trainer.listen(csv).run();
      }
    }
  }

  private Outcome tested(
      Trainer.Result result, @Nullable DataLoader watch, @Nullable Dataset watched, Curves curves)
      throws IOException {
    @Nullable Dataset test = data.test();
    if (test != null && watched != test) {
      DataLoader.Options order = DataLoader.Options.evaluation(EVALUATION_BATCH);
      try (DataLoader loader = new DataLoader(test, normalisation, order)) {
        return new Outcome(result, Evaluation.of(model, loader), "test", curves);
      }
    }
    Evaluation.@Nullable Result known = result.validation();
    if (known == null && watch != null) {
      known = Evaluation.of(model, watch); // nothing was left to train when it was resumed
    }
    return new Outcome(result, known, test == null ? "validation" : "test", curves);
  }

  private static void checkTrainable(Optimizer optimizer) {
    try {
      optimizer.trainable();
    } catch (IllegalStateException nothing) {
      // The words asked for it, so they are what is wrong.
      throw new IllegalArgumentException(nothing.getMessage(), nothing);
    }
  }

  private void warnOfSmallBatches(int batch) {
    boolean learns =
        model.modules().values().stream()
            .anyMatch(m -> m instanceof BatchNorm norm && norm.policy() != BnPolicy.EVAL);
    if (learns && batch < FEW_FOR_NORMS) {
      console.say(
          "batch norms use the statistics of batches of %d, which are uncertain under %d: use"
              + " larger batches, or --bn eval where the model was pre-trained",
          batch, FEW_FOR_NORMS);
    }
  }

  /** A head that knows nothing answers each class alike, which costs ln C: a test of itself. */
  private final class FirstLoss implements Listener {
    @Override
    public void step(Step step) {
      if (step.step() == 1) {
        int classes = data.train().classes().size();
        console.say(
            "first loss %.4f; a head that knows nothing starts near ln %d = %.4f",
            step.loss(), classes, Math.log(classes));
      }
    }
  }

  private Interruption.Stopped stopped(Traces traces, long step) {
    Check.that(traces.checkpoint != null, "stopped at step %d", step);
    return new Interruption.Stopped(
        String.format(
            Locale.ROOT,
            "stopped after step %d; to go on: %s",
            step,
            console.resumeCommand(java.util.Objects.requireNonNull(traces.checkpoint))));
  }
}
