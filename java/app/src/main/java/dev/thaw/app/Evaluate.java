package dev.thaw.app;

import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.nn.Module;
import dev.thaw.plan.Precision;
import dev.thaw.train.Evaluation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures a saved model on labelled examples. */
@Command(
    name = "evaluate",
    description = "Accuracy, loss and confusion of a saved model on the test part of a data set.")
final class Evaluate extends Subcommand {
  /** Beyond this many classes the table of confusions is left to the JSON. */
  private static final int MOST_COLUMNS = 20;

  @Option(names = "--from", required = true, paramLabel = "FILE", description = "A saved model.")
  private Path from;

  @Mixin private DataOptions data;
  @Mixin private PrecisionOption computing;

  @Override
  Map<String, Object> run() throws IOException {
    Precision precision = computing.precision();
    precision.check(backend());
    try (Device.Use on = backend().device().use()) {
      ModelFile.Loaded loaded = ModelFile.load(from);
      try (Module model = loaded.module()) {
        Dataset examples =
            inOrderOf(loaded.card(), data.evaluated(TrainingCommand.pictureOf(loaded.card())));
        long start = System.nanoTime();
        Evaluation.Result result;
        try (DataLoader batches =
            new DataLoader(
                examples,
                LearningOptions.of(loaded.card()),
                DataLoader.Options.evaluation(data.batch()))) {
          result = Evaluation.of(model, batches, precision);
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        return report(loaded.card(), examples, result, seconds);
      }
    }
  }

  /** The examples whose classes the model knows, with the model's numbers. */
  private Dataset inOrderOf(ModelCard card, Dataset all) {
    Check.that(
        card.example().equals(TrainingCommand.exampleOf(all.shape())),
        "%s: examples are %s, the model reads %s",
        all.name(),
        all.shape(),
        card.example());
    Check.that(
        all.classes().containsAll(card.classes()),
        "%s: the model's classes are %s, the data's %s",
        all.name(),
        card.classes(),
        all.classes());
    if (all.classes().equals(card.classes())) {
      return all;
    }
    Dataset known = all.only(card.classes());
    say("%d of %d examples are of the model's classes", known.size(), all.size());
    return known;
  }

  private Map<String, Object> report(
      ModelCard card, Dataset examples, Evaluation.Result result, double seconds) {
    print(
        "%s on %s: accuracy %.2f %% of %,d examples, loss %.4f",
        card.architecture(),
        examples.name(),
        100 * result.accuracy(),
        result.examples(),
        result.loss());
    print("%.1f s, %.0f examples/s", seconds, result.examples() / seconds);
    int[][] confusion = result.confusion();
    if (card.classes().size() <= MOST_COLUMNS) {
      table(card.classes(), confusion);
    }
    List<List<Integer>> rows = new ArrayList<>();
    for (int[] row : confusion) {
      rows.add(Arrays.stream(row).boxed().toList());
    }
    return fields(
        "model", card.architecture(),
        "data", examples.name(),
        "examples", result.examples(),
        "accuracy", result.accuracy(),
        "loss", result.loss(),
        "classes", card.classes(),
        "confusion", rows,
        "seconds", seconds);
  }

  /** Rows are what the examples are, columns what the model says. */
  private void table(List<String> classes, int[][] confusion) {
    StringBuilder head = new StringBuilder(String.format("%-12s", "is \\ said"));
    classes.forEach(name -> head.append(String.format(" %6s", cut(name, 6))));
    print(head + "  right");
    for (int i = 0; i < confusion.length; i++) {
      StringBuilder row = new StringBuilder(String.format("%-12s", cut(classes.get(i), 12)));
      long all = 0;
      for (int count : confusion[i]) {
        row.append(String.format(" %6d", count));
        all += count;
      }
      double right = all == 0 ? Double.NaN : 100.0 * confusion[i][i] / all;
      print("%s %5.1f %%", row, right);
    }
  }

  private static String cut(String text, int length) {
    return text.length() <= length ? text : text.substring(0, length);
  }
}
