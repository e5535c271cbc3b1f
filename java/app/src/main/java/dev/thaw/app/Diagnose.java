package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.Normalisation;
import dev.thaw.diagnose.Diagnosis;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Adam;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.ParameterGroup;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Says what the gradients of a model say: verdicts, their evidence, remedies. */
@Command(
    name = "diagnose",
    description =
        "Verdicts on a model - vanishing, exploding, rank-collapsed, frozen, healthy - with their"
            + " evidence and remedies. Looks at 1,024 examples, or --limit N where that is fewer.")
final class Diagnose extends Subcommand {
  @Option(names = "--from", paramLabel = "FILE", description = "A saved model.")
  private @Nullable Path from;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description =
          "A fresh model instead: a name that `thaw models` lists, or"
              + " mlp:depth=30,activation=sigmoid.")
  private @Nullable String architecture;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "20",
      description =
          "Train so many steps, and take them back, to see how far each layer moves (default:"
              + " ${DEFAULT-VALUE}).")
  private int steps;

  @Option(
      names = "--optimizer",
      paramLabel = "RULE",
      description =
          "Of those steps: sgd, adam or adamw; by default sgd, or what the file was trained with.")
  private @Nullable String rule;

  @Option(
      names = "--lr",
      paramLabel = "X",
      description =
          "Of those steps; by default what the file was trained with, else 0.05 for sgd, 0.001"
              + " for adam and adamw.")
  private @Nullable Double rate;

  @Mixin private DataOptions data;

  @Override
  Map<String, Object> run() throws IOException {
    Check.that(
        (from == null) != (architecture == null), "say --from FILE or --model NAME, one of them");
    Check.that(steps >= 0, "--steps: %d is negative", steps);
    if (rate != null) {
      Check.that(rate >= 0, "--lr: %s is negative", rate);
    }
    try (Device.Use on = backend().device().use();
        Device.Use numbers = new Generator(data.seed()).use()) {
      return from == null
          ? fresh(java.util.Objects.requireNonNull(architecture))
          : saved(java.util.Objects.requireNonNull(from));
    }
  }

  private Map<String, Object> saved(Path file) throws IOException {
    ModelFile.Loaded loaded = ModelFile.load(file);
    try (Module model = loaded.module()) {
      ModelCard card = loaded.card();
      Shape picture = TrainingCommand.pictureOf(card);
      Dataset examples = data.open(null, false, card.classes(), picture).train();
      Check.that(
          card.example().equals(TrainingCommand.exampleOf(examples.shape())),
          "%s: examples are %s, the model reads %s",
          examples.name(),
          examples.shape(),
          card.example());
      String name = rule(Rates.rule(card));
      return diagnose(
          file.toString(), model, examples, LearningOptions.of(card), name, rate(card, name));
    }
  }

  private Map<String, Object> fresh(String spec) throws IOException {
    Dataset examples = data.open(null, false, List.of(), null).train();
    Shape example = TrainingCommand.exampleOf(examples.shape());
    try (Module model = Zoo.create(spec, example, examples.classes().size())) {
      String name = rule("sgd");
      double usual = rate == null ? OptimizerOptions.defaultRate(name) : rate;
      return diagnose(spec, model, examples, Normalisation.measure(examples), name, usual);
    }
  }

  private String rule(String otherwise) {
    String name = rule == null ? otherwise : rule;
    Check.that(
        name.equals("sgd") || name.equals("adam") || name.equals("adamw"),
        "--optimizer: '%s' is unknown, say sgd, adam or adamw",
        name);
    return name;
  }

  /** What was asked for, else the rate of the first training by this rule, else the usual one. */
  private double rate(ModelCard card, String name) {
    Map<String, Object> first = card.history().isEmpty() ? Map.of() : card.history().get(0);
    boolean known = name.equals(first.get("optimizer"));
    if (rate != null) {
      return rate;
    }
    return known && first.get("rate") instanceof Number trained
        ? trained.doubleValue()
        : OptimizerOptions.defaultRate(name);
  }

  private Map<String, Object> diagnose(
      String what,
      Module model,
      Dataset examples,
      Normalisation normalisation,
      String name,
      double usedRate)
      throws IOException {
    Grouping grouping = Grouping.of(group(name, usedRate));
    Diagnosis.Options options =
        new Diagnosis.Options(
            Math.min(Diagnosis.Options.DEFAULT.examples(), examples.size()),
            steps,
            m -> OptimizerOptions.optimizer(name, m, grouping));
    say(
        "%s on %,d of %,d examples of %s",
        what, options.examples(), examples.size(), examples.name());
    DataLoader.Options loading = DataLoader.Options.training(data.batch(), data.seed());
    Diagnosis diagnosis;
    try (DataLoader batches = new DataLoader(examples, normalisation, loading)) {
      diagnosis = Diagnosis.of(model, batches, options);
    }
    print("%s", diagnosis.toString().stripTrailing());
    Map<String, Object> json = fields("model", what, "data", examples.name());
    json.put("optimizer", name);
    json.putAll(diagnosis.toMap());
    return json;
  }

  private static ParameterGroup group(String name, double peak) {
    return switch (name) {
      case "sgd" -> Sgd.group(peak, 0.9, 5e-4, false);
      case "adam" -> Adam.group(peak, 0);
      default -> AdamW.group(peak, 0.01);
    };
  }
}
