package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Normalisation;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.models.Zoo;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Schedule;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.train.TrainingOptions;
import dev.thaw.transfer.Freeze;
import dev.thaw.transfer.HeadSwap;
import dev.thaw.transfer.Strategy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What the demo does: a net is trained on one data set and saved; then it learns another from few
 * examples, its head swapped, with more or less of it frozen, and once from random weights with the
 * same number of steps.
 *
 * @param console hears of the progress
 * @param source to pre-train on
 * @param target to fine-tune on, pictures of the same shape
 * @param epochs of the pre-training
 * @param steps of each training on the target
 * @param seed of everything random
 * @param folder where the models are saved
 */
record Story(
    Subcommand console,
    DataParts source,
    DataParts target,
    int epochs,
    long steps,
    long seed,
    Path folder) {
  private static final String ARCHITECTURE = "seed-cnn";
  private static final int SOURCE_BATCH = 32;
  private static final int TARGET_BATCH = 10;

  /** Of a net that starts at random. */
  private static final double RATE = 0.02;

  /** Of a new head on features that know something: they are large, and few examples mislead. */
  private static final double HEAD_RATE = RATE / 4;

  /** Of what was learned before and is to be kept, by and large. */
  private static final double GENTLE_RATE = RATE / 10;

  /** Layers that {@code partial} trains: the linear ones, which combine what convolutions see. */
  private static final int UPPER_LAYERS = 2;

  private static final double DECAY = 5e-4;

  /** How much of the pre-trained net moves. */
  private enum Way {
    FULL("whole net"),
    PARTIAL("upper layers"),
    HEAD("head only");

    final String title;

    Way(String title) {
      this.title = title;
    }

    void freeze(Module model, String head) {
      switch (this) {
        case FULL -> Strategy.FULL.apply(model, head, BnPolicy.EVAL);
        case PARTIAL -> new Freeze(model).allButLast(UPPER_LAYERS);
        case HEAD -> Strategy.HEAD.apply(model, head, BnPolicy.EVAL);
      }
    }

    String word() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  /** The training that all others but one start from. */
  Run pretrain() throws IOException {
    Normalisation normalisation = Normalisation.measure(source.train());
    ModelCard card = card(source, normalisation);
    console.say("1. pre-training on %,d examples of %s", source.train().size(), source.name());
    try (var numbers = new Generator(seed).use();
        Module model = Zoo.create(ARCHITECTURE, card.example(), card.classes().size())) {
      Run run =
          train("pretrain", "pre-training", model, source, normalisation, everywhere(RATE), 0);
      Map<String, Object> origin = origin("pretrain", RATE, batch(source, SOURCE_BATCH));
      save(file("pretrained"), model, card, origin, source, run);
      return run;
    }
  }

  /** The same net on the target, from random weights. */
  Run scratch() throws IOException {
    Normalisation normalisation = Normalisation.measure(target.train());
    ModelCard card = card(target, normalisation);
    console.say("2. from scratch on %,d examples of %s", target.train().size(), target.name());
    try (var numbers = new Generator(seed).use();
        Module model = Zoo.create(ARCHITECTURE, card.example(), card.classes().size())) {
      Run run =
          train("scratch", "from scratch", model, target, normalisation, everywhere(RATE), steps);
      Map<String, Object> origin = origin("pretrain", RATE, batch(target, TARGET_BATCH));
      save(file("scratch"), model, card, origin, target, run);
      return run;
    }
  }

  /** The pre-trained net on the target, with a new head, once for each way. */
  List<Run> finetune() throws IOException {
    List<Run> runs = new java.util.ArrayList<>();
    for (Way way : Way.values()) {
      console.say("%d. fine-tuning, %s", 3 + way.ordinal(), way.title);
      runs.add(finetune(way));
    }
    return runs;
  }

  private Run finetune(Way way) throws IOException {
    try (var numbers = new Generator(seed).use()) {
      ModelFile.Loaded loaded = ModelFile.load(file("pretrained"));
      // Preprocessing belongs to the weights: the file's, not the new data's.
      Normalisation normalisation = LearningOptions.of(loaded.card());
      try (Module model = loaded.module()) {
        HeadSwap head = new HeadSwap(model);
        head.replaceHead(target.train().classes().size());
        way.freeze(model, head.path());
        Grouping rates = Grouping.of(head.path(), everywhere(HEAD_RATE), everywhere(GENTLE_RATE));
        Run run = train(way.word(), way.title, model, target, normalisation, rates, steps);
        ModelCard card = loaded.card().withClasses(target.train().classes());
        Map<String, Object> origin = origin("finetune", GENTLE_RATE, batch(target, TARGET_BATCH));
        origin.put("head_rate", HEAD_RATE);
        origin.put("strategy", way.word());
        origin.put("parent", ModelFile.sha256(file("pretrained")));
        save(file(way.word()), model, card, origin, target, run);
        return run;
      }
    }
  }

  /** How all are trained, in a line. */
  static String recipe() {
    return String.format(
        java.util.Locale.ROOT,
        "SGD with momentum 0.9 and cosine; peak rate %s from random weights, %s for a new head, %s"
            + " for what was pre-trained; batches of %d to pre-train, of %d after",
        RATE,
        HEAD_RATE,
        GENTLE_RATE,
        SOURCE_BATCH,
        TARGET_BATCH);
  }

  private static Grouping everywhere(double rate) {
    return Grouping.of(Sgd.group(rate, 0.9, DECAY, false));
  }

  /**
   * One training.
   *
   * @param most steps, 0 for the epochs of the pre-training
   */
  private Run train(
      String strategy,
      String title,
      Module model,
      DataParts parts,
      Normalisation normalisation,
      Grouping rates,
      long most)
      throws IOException {
    int batch = batch(parts, most == 0 ? SOURCE_BATCH : TARGET_BATCH);
    long perEpoch = (parts.train().size() + batch - 1L) / batch;
    int passes = most == 0 ? epochs : (int) Math.min(1 << 30, (most + perEpoch - 1) / perEpoch);
    Schedule schedule = (step, total) -> Schedule.cosine().warmUp(total / 20).factor(step, total);
    TrainingOptions options = new TrainingOptions(passes, most, 1, schedule, Clip.NONE, 0, 0, seed);
    try (Optimizer optimizer = new Sgd(model, rates)) {
      TrainingJob.Outcome outcome =
          new TrainingJob(console, model, true, parts, normalisation)
              .run(
                  new TrainingJob.Recipe(
                      optimizer,
                      options,
                      DataLoader.Options.training(batch, seed),
                      Precision.FP32,
                      true),
                  TrainingJob.Traces.EXAMINED);
      return Run.of(strategy, title, model, outcome);
    }
  }

  /** No more than there is. */
  private static int batch(DataParts parts, int most) {
    return Math.min(parts.train().size(), most);
  }

  private static ModelCard card(DataParts parts, Normalisation normalisation) {
    Shape example = TrainingCommand.exampleOf(parts.train().shape());
    return new ModelCard(
        ARCHITECTURE,
        example,
        parts.train().classes(),
        LearningOptions.decimals(normalisation.mean()),
        LearningOptions.decimals(normalisation.std()),
        List.of());
  }

  private Path file(String name) {
    return folder.resolve(name + ".safetensors");
  }

  private static void save(
      Path file, Module model, ModelCard card, Map<String, Object> origin, DataParts parts, Run run)
      throws IOException {
    Map<String, Object> history = Subcommand.fields();
    history.putAll(origin);
    history.putAll(TrainingCommand.history(parts, run.outcome()));
    ModelFile.save(file, model, card.trained(history));
  }

  /** How a net was trained whose every layer had {@code rate} at its peak. */
  private Map<String, Object> origin(String kind, double rate, int batch) {
    return Subcommand.fields(
        "kind",
        kind,
        "rate",
        rate,
        "optimizer",
        "sgd",
        "schedule",
        "cosine",
        "batch",
        batch,
        "seed",
        seed);
  }
}
