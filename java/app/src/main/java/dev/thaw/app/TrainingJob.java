package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.Normalisation;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.plan.Precision;
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

  /** The last look, at examples that nothing was learned from; it is not part of the training. */
  private static final int EVALUATION_BATCH = 256;

  /**
   * How it is done.
   *
   * @param optimizer moves the model's parameters; the caller closes it
   * @param options length, schedule, limits, seed
   * @param loading batches of the training part
   * @param precision what the model computes in
   * @param graphs whether a device that can may take a whole step as one
   */
  record Recipe(
      Optimizer optimizer,
      TrainingOptions options,
      DataLoader.Options loading,
      Precision precision,
      boolean graphs) {}

  /**
   * What it leaves on the way.
   *
   * @param log CSV, or null
   * @param checkpoint where it can be resumed from, or null
   * @param every steps between checkpoints, 0 for none but when it is stopped
   * @param resume whether it goes on from the checkpoint
   * @param examined whether its layers are looked at, for a report
   */
  record Traces(
      @Nullable Path log, @Nullable Path checkpoint, long every, boolean resume, boolean examined) {
    /** Looked at, and nothing else is left. */
    static final Traces EXAMINED = new Traces(null, null, 0, false, true);
  }

  /**
   * How it ended.
   *
   * @param result of the trainer
   * @param tested the model as it is now on {@code testedOn}, or null without such examples
   * @param testedOn what the examples are: test, validation
   * @param curves of this run
   * @param findings about its layers, or null where it was not examined
   */
  record Outcome(
      Trainer.Result result,
      Evaluation.@Nullable Result tested,
      String testedOn,
      Curves curves,
      Examination.@Nullable Findings findings) {
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
    // Batches as in training: watching never takes more memory than learning does.
    DataLoader.Options order = DataLoader.Options.evaluation(recipe.loading.batchSize());
    @Nullable Dataset watched = data.validation() != null ? data.validation() : data.test();
    try (DataLoader train = new DataLoader(data.train(), normalisation, recipe.loading);
        @Nullable DataLoader watch =
            watched == null ? null : new DataLoader(watched, normalisation, order)) {
      Trainer trainer = new Trainer(model, recipe.optimizer, train, recipe.options);
      trainer.precision(recipe.precision);
      if (!recipe.graphs) {
        trainer.withoutGraphs();
      }
      if (watch != null) {
        trainer.validate(watch);
      }
      ProgressBar bar = new ProgressBar(console.err(), Terminal.isOne());
      trainer.listen(bar).listen(curves);
      if (headIsNew) {
        trainer.listen(new FirstLoss());
      }
      // Before it is resumed: distances are from where the training began.
      try (@Nullable Examination examination = examination(traces, trainer, bar)) {
        if (examination != null) {
          trainer.listen(examination.checkup().precision(recipe.precision));
        }
        prepare(trainer, traces);
        Trainer.Result result = run(trainer, traces.log);
        if (result.interrupted()) {
          throw stopped(traces, trainer.step());
        }
        Tested tested = tested(result, recipe.precision, watch, watched);
        return new Outcome(
            result,
            tested.result,
            tested.on,
            curves,
            examination == null ? null : examination.findings());
      }
    }
  }

  private @Nullable Examination examination(Traces traces, Trainer trainer, ProgressBar bar) {
    return traces.examined
        ? new Examination(model, data.train(), normalisation, trainer.totalSteps(), bar::note)
        : null;
  }

  private void prepare(Trainer trainer, Traces traces) throws IOException {
    if (traces.checkpoint == null) {
      return;
    }
    trainer.checkpoint(traces.checkpoint, traces.every);
    if (traces.resume) {
      trainer.resume(traces.checkpoint);
      console.say("resumed from %s at step %d", traces.checkpoint, trainer.step());
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

  private record Tested(Evaluation.@Nullable Result result, String on) {}

  private Tested tested(
      Trainer.Result result,
      Precision precision,
      @Nullable DataLoader watch,
      @Nullable Dataset watched)
      throws IOException {
    @Nullable Dataset test = data.test();
    if (test != null && watched != test) {
      DataLoader.Options order = DataLoader.Options.evaluation(EVALUATION_BATCH);
      try (DataLoader loader = new DataLoader(test, normalisation, order)) {
        return new Tested(Evaluation.of(model, loader, precision), "test");
      }
    }
    Evaluation.@Nullable Result known = result.validation();
    if (known == null && watch != null) {
      // Nothing was left to train when it was resumed.
      known = Evaluation.of(model, watch, precision);
    }
    return new Tested(known, test == null ? "validation" : "test");
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
    public boolean looksAtTheModel() {
      return false;
    }

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
    String what = String.format(Locale.ROOT, "stopped after step %d; ", step);
    return new Interruption.Stopped(
        traces.checkpoint == null
            ? what + "nothing is kept, start it again"
            : what + "to go on: " + console.resumeCommand(traces.checkpoint));
  }
}
