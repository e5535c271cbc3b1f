package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Normalisation;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.nn.Module;
import dev.thaw.optim.Grouping;
import dev.thaw.tensor.Generator;
import dev.thaw.transfer.HeadSwap;
import dev.thaw.transfer.LayerwiseRates;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Carries a trained model over to other examples. */
@Command(
    name = "finetune",
    description = {
      "Swap the head of a trained model, freeze a part of it, and train the rest.",
      "The head is kept where the data are those of the file's last training, and cut to some of"
          + " its classes by --keep-classes, which needs no --data."
    })
final class Finetune extends TrainingCommand {
  @Option(names = "--from", required = true, paramLabel = "FILE", description = "A saved model.")
  private Path from;

  @Option(
      names = "--keep-classes",
      paramLabel = "A,B,..",
      split = ",",
      description = "Keep the head's rows of these classes, in this order, and drop the others.")
  private @Nullable List<String> kept;

  @Option(
      names = "--head-lr",
      paramLabel = "X",
      description =
          "Peak rate of the head; by default --lr, else 1/10 of the rate of the pre-training."
              + " Without --lr all else moves by 1/100 of it.")
  private @Nullable Double headRate;

  @Option(
      names = "--layer-decay",
      paramLabel = "X",
      description = "Times which the rate falls from each block to the one below it, in (0, 1].")
  private @Nullable Double layerDecay;

  @Mixin private FreezeOptions freezing;

  @Override
  Map<String, Object> run() throws IOException {
    running.check();
    learning.check(backend());
    try (Device.Use on = backend().device().use();
        Device.Use numbers = new Generator(data.seed()).use()) {
      ModelFile.Loaded loaded = ModelFile.load(from);
      try (Module model = loaded.module()) {
        if (!data.isGiven()) {
          return cut(model, loaded.card());
        }
        return tune(model, loaded.card());
      }
    }
  }

  /** Without examples only the head can be cut, which takes no training. */
  private Map<String, Object> cut(Module model, ModelCard card) throws IOException {
    Check.that(kept != null, "Missing required option: '--data=D'");
    List<String> classes = java.util.Objects.requireNonNull(kept);
    new HeadSwap(model).keepClasses(card.classes(), classes);
    Map<String, Object> history =
        fields("kind", "keep-classes", "classes", classes, "parent", ModelFile.sha256(from));
    ModelFile.save(running.out(), model, card.withClasses(classes).trained(history));
    print("kept %d of %d classes, without training", classes.size(), card.classes().size());
    print("saved %s", running.out());
    Map<String, Object> json = fields("out", running.out().toString());
    json.putAll(history);
    return json;
  }

  private Map<String, Object> tune(Module model, ModelCard card) throws IOException {
    DataParts parts =
        data.open(
            learning.validation(),
            running.patience() > 0,
            kept == null ? List.of() : kept,
            pictureOf(card));
    checkShape(card, parts);
    Normalisation normalisation = learning.normalisation(parts.train(), card);
    List<String> classes = parts.train().classes();
    boolean swapped = swap(model, card, parts);
    HeadSwap head = new HeadSwap(model);
    String strategy = freezing.apply(model, head.path(), this);
    if (freezing.adaptsStatistics() && !running.resume()) {
      DataLoader.Options loading = DataLoader.Options.training(data.batch(), data.seed());
      try (DataLoader batches = new DataLoader(parts.train(), normalisation, loading)) {
        FreezeOptions.adapt(model, batches, this);
      }
    }
    Map<String, Object> origin =
        fields("kind", "finetune", "strategy", strategy, "parent", ModelFile.sha256(from));
    ModelCard next =
        new ModelCard(
            card.architecture(),
            card.example(),
            classes,
            LearningOptions.decimals(normalisation.mean()),
            LearningOptions.decimals(normalisation.std()),
            card.history());
    String rule = optimizing.rule(Rates.rule(card));
    Rates rates = Rates.of(card, rule, optimizing.rate(), headRate);
    say(rates.toString());
    origin.put("rate", rates.rest());
    origin.put("head_rate", rates.head());
    Start start =
        new Start(model, swapped, next, rule, grouping(model, head.path(), rule, rates), origin);
    return train(start, parts, normalisation);
  }

  private static void checkShape(ModelCard card, DataParts parts) {
    Check.that(
        card.example().equals(exampleOf(parts.train().shape())),
        "%s: examples are %s, the model reads %s",
        parts.name(),
        parts.train().shape(),
        card.example());
  }

  /** Puts the head for {@code parts} in place; returns whether it knows nothing yet. */
  private boolean swap(Module model, ModelCard card, DataParts parts) {
    HeadSwap head = new HeadSwap(model);
    List<String> classes = parts.train().classes();
    if (kept != null) {
      head.keepClasses(card.classes(), kept);
      say("head %s: rows of %d classes kept", head.path(), kept.size());
      return false;
    }
    boolean same =
        parts.name().equals(card.lastTraining().get("data")) && classes.equals(card.classes());
    if (same) {
      say("head %s kept: the data are those of the last training", head.path());
      return false;
    }
    int before = head.classes();
    head.replaceHead(classes.size());
    say("head %s: %d classes for the %d before", head.path(), classes.size(), before);
    return true;
  }

  private Grouping grouping(Module model, String head, String rule, Rates rates) {
    Grouping rest = Grouping.of(optimizing.group(rule, rates.rest()));
    if (layerDecay != null) {
      rest = new LayerwiseRates(model, head, layerDecay, rest);
    }
    return Grouping.of(head, Grouping.of(optimizing.group(rule, rates.head())), rest);
  }
}
