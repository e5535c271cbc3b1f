package dev.thaw.app;

import dev.thaw.data.Normalisation;
import dev.thaw.memory.Check;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.nn.Module;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.Optimizer;
import dev.thaw.tensor.Shape;
import dev.thaw.train.Evaluation;
import dev.thaw.train.TrainingOptions;
import dev.thaw.transfer.Layers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;

/** What pretrain and finetune share: their options, and everything from the table to the file. */
abstract class TrainingCommand extends Subcommand {
  @Mixin DataOptions data;
  @Mixin LearningOptions learning;
  @Mixin OptimizerOptions optimizing;
  @Mixin RunOptions running;

  /**
   * What is trained from where.
   *
   * @param model with its freeze flags set
   * @param headIsNew whether the model's answers are still those of chance
   * @param card as the file will say, without this training
   * @param rule name of the optimizer
   * @param grouping rates of the parameters
   * @param origin what the history says beside the run itself: kind, rates, parent
   */
  record Start(
      Module model,
      boolean headIsNew,
      ModelCard card,
      String rule,
      Grouping grouping,
      Map<String, Object> origin) {}

  /** Trains, saves the model when that ended well, and says what came of it. */
  final Map<String, Object> train(Start start, DataParts parts, Normalisation normalisation)
      throws IOException {
    int batch = data.batch();
    long batches = (parts.train().size() + batch - 1L) / batch;
    long stepsPerEpoch = (batches + optimizing.accumulate() - 1) / optimizing.accumulate();
    TrainingOptions options =
        new TrainingOptions(
            running.epochs(stepsPerEpoch),
            running.steps(),
            optimizing.accumulate(),
            optimizing.schedule(),
            optimizing.clip(),
            0,
            running.patience(),
            data.seed());
    say(
        "%s on %,d examples of %s, %d classes; %s",
        start.card.architecture(),
        parts.train().size(),
        parts.name(),
        parts.train().classes().size(),
        normalisation);
    TrainingJob job = new TrainingJob(this, start.model, start.headIsNew, parts, normalisation);
    TrainingJob.Traces traces =
        new TrainingJob.Traces(
            running.log(),
            running.checkpoint(),
            running.checkpointEvery(stepsPerEpoch),
            running.resume(),
            running.report() != null);
    TrainingJob.Outcome outcome;
    try (Optimizer optimizer =
        OptimizerOptions.optimizer(start.rule, start.model, start.grouping)) {
      outcome =
          job.run(
              new TrainingJob.Recipe(
                  optimizer,
                  options,
                  learning.loading(batch, data.seed()),
                  learning.precision(),
                  learning.graphs()),
              traces);
    }
    Map<String, Object> history = history(start, parts, outcome);
    ModelFile.save(running.out(), start.model, start.card.trained(history));
    if (running.resume() && !running.namesCheckpoint()) {
      Files.deleteIfExists(running.checkpoint()); // nobody asked for it but the interrupted run
    }
    Path page = running.report();
    if (page != null) {
      write(page, start, parts, outcome, history);
    }
    return report(start, parts, outcome, history);
  }

  private void write(
      Path page,
      Start start,
      DataParts parts,
      TrainingJob.Outcome outcome,
      Map<String, Object> history)
      throws IOException {
    Run run = Run.of(name(), start.card.architecture(), start.model, outcome);
    String story =
        String.format(
            Locale.ROOT,
            "%s learned from %,d examples of %s, %d classes, in %,d steps of %,d examples. Verdict:"
                + " %s.",
            start.card.architecture(),
            parts.train().size(),
            parts.name(),
            parts.train().classes().size(),
            outcome.result().steps(),
            data.batch() * optimizing.accumulate(),
            run.verdictWord());
    List<String> facts = new ArrayList<>();
    history.forEach(
        (key, value) -> {
          if (!key.equals("classes") && !key.equals("metric")) {
            facts.add(key + ": " + value);
          }
        });
    facts.add("looks at the layers: " + run.findings().cost());
    facts.add(Report.machine(backend()));
    List<Run> one = List.of(run);
    new Report(start.card.architecture() + " on " + parts.name() + ", " + name())
        .story(List.of(story))
        .table("The run", one, null)
        .verdicts(one)
        .curves("How it learned", "", one)
        .layers(one)
        .filters(one)
        .facts(facts)
        .write(page);
  }

  private Map<String, Object> history(Start start, DataParts parts, TrainingJob.Outcome outcome) {
    Map<String, Object> history = fields();
    history.putAll(start.origin);
    history.put("optimizer", start.rule);
    history.put("schedule", optimizing.scheduleName());
    history.put("batch", data.batch() * optimizing.accumulate());
    history.put("seed", data.seed());
    history.put("precision", learning.precision().toString());
    history.putAll(history(parts, outcome));
    return history;
  }

  /** What a model's file says of any training: data, length, and what came of it. */
  static Map<String, Object> history(DataParts parts, TrainingJob.Outcome outcome) {
    Map<String, Object> history =
        fields(
            "data", parts.name(),
            "classes", parts.train().classes(),
            "examples", parts.train().size(),
            "epochs", outcome.result().epochs(),
            "steps", outcome.result().steps());
    Evaluation.@Nullable Result tested = outcome.tested();
    if (tested != null) {
      history.put(
          "metric",
          fields(
              "on", outcome.testedOn(),
              "examples", tested.examples(),
              "accuracy", tested.accuracy(),
              "loss", tested.loss()));
    }
    history.put("seconds", outcome.result().seconds());
    return history;
  }

  private Map<String, Object> report(
      Start start, DataParts parts, TrainingJob.Outcome outcome, Map<String, Object> history) {
    var result = outcome.result();
    double rate = outcome.curves().images() / result.seconds();
    Evaluation.@Nullable Result tested = outcome.tested();
    if (tested != null) {
      print(
          "%s on %s: accuracy %.2f %% of %,d %s examples, loss %.4f",
          start.card.architecture(),
          parts.name(),
          100 * tested.accuracy(),
          tested.examples(),
          outcome.testedOn(),
          tested.loss());
    }
    print(
        "%d epochs, %,d steps, %.1f s, %.0f examples/s, peak %.1f MiB%s",
        result.epochs(),
        result.steps(),
        result.seconds(),
        rate,
        result.peakBytes() / 1048576.0,
        result.skipped() == 0 ? "" : ", " + result.skipped() + " steps skipped");
    print("saved %s", running.out());
    Map<String, Object> json = fields("out", running.out().toString());
    if (running.report() != null) {
      print("report: %s", running.report());
      json.put("report", running.report().toString());
    }
    json.put("model", start.card.architecture());
    json.putAll(history);
    json.put("parameters", start.model.parameterCount());
    json.put("trainable", trainable(start.model));
    json.put("first_loss", outcome.firstLoss());
    json.put("loss", result.loss());
    json.put("accuracy", tested == null ? null : tested.accuracy());
    json.put("examples_per_second", rate);
    json.put("peak_bytes", result.peakBytes());
    json.put("skipped", result.skipped());
    List<Map<String, Object>> layers = new ArrayList<>();
    for (Layers.Layer layer : Layers.of(start.model)) {
      layers.add(fields("name", layer.name(), "state", layer.state(), "parameters", layer.size()));
    }
    json.put("layers", layers);
    return json;
  }

  /** Number of elements that training may move. */
  static long trainable(Module model) {
    return model.parameters().values().stream()
        .distinct()
        .filter(p -> !p.isFrozen())
        .mapToLong(p -> p.shape().elements())
        .sum();
  }

  /** What {@code --size 64x64x3} means. */
  static Shape pictureSize(String size) {
    Check.that(
        size.matches("\\d{1,5}x\\d{1,5}x[13]"), "--size: '%s' is no size, say 64x64x3", size);
    String[] hwc = size.split("x", -1);
    return Shape.of(Integer.parseInt(hwc[0]), Integer.parseInt(hwc[1]), Integer.parseInt(hwc[2]));
  }

  /** The size that pictures must have for a model, or null where it reads no pictures. */
  static @Nullable Shape pictureOf(ModelCard card) {
    Shape e = card.example();
    boolean picture = e.rank() == 4 && (e.dim(3) == 1 || e.dim(3) == 3);
    return picture ? Shape.of(e.dim(1), e.dim(2), e.dim(3)) : null;
  }

  /** An example as a model reads it: a batch of one. */
  static Shape exampleOf(Shape shape) {
    int[] dims = new int[shape.rank() + 1];
    dims[0] = 1;
    System.arraycopy(shape.dims(), 0, dims, 1, shape.rank());
    return Shape.of(dims);
  }
}
