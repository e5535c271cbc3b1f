package dev.thaw.app;

import dev.thaw.backend.Backend;
import dev.thaw.data.Data;
import dev.thaw.data.Dataset;
import dev.thaw.data.Part;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The whole story on data that the engine draws itself, or on two data sets of one's own. */
@Command(
    name = "demo",
    description = {
      "Pre-train a small net, save it, swap its head, and fine-tune it on few examples of"
          + " something else: the whole net, its upper layers, the head only, against training"
          + " from scratch. Compares them and writes a report with curves, gradients and ranks.",
      "By default on letters and digits that the engine draws itself."
    })
final class Demo extends Subcommand {
  private static final int TESTED = 1000;
  private static final int WATCHED = 200;

  @Option(
      names = "--data",
      paramLabel = "D",
      defaultValue = "embedded",
      description = "Pictures to pre-train on (default: embedded, which are letters).")
  private String data;

  @Option(
      names = "--target",
      paramLabel = "D",
      defaultValue = "embedded:digits",
      description = "Pictures to fine-tune on, fitted to the others' size (default: digits).")
  private String target;

  @Option(
      names = "--size",
      paramLabel = "HxWxC",
      description = "Fit pictures to this size, such as 64x64x3; by default --data's own.")
  private @Nullable String size;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "4000",
      description = "Pre-train on N examples (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Option(
      names = "--per-class",
      paramLabel = "N",
      defaultValue = "10",
      description = "Fine-tune on N examples of each class (default: ${DEFAULT-VALUE}).")
  private int perClass;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      defaultValue = "3",
      description = "Of the pre-training (default: ${DEFAULT-VALUE}).")
  private int epochs;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "150",
      description = "Of each training on the target (default: ${DEFAULT-VALUE}).")
  private long steps;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of everything random (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Keep the five models, and the report, in this folder.")
  private @Nullable Path out;

  @Option(
      names = "--report",
      paramLabel = "FILE",
      description = "The report (default: report.html, in the folder of --out if there is one).")
  private @Nullable Path report;

  @Override
  Map<String, Object> run() throws IOException {
    Check.that(limit > 0, "--limit: %d is not above 0", limit);
    Check.that(perClass > 0, "--per-class: %d is not above 0", perClass);
    Check.that(epochs > 0, "--epochs: %d is not above 0", epochs);
    Check.that(steps > 0, "--steps: %d is not above 0", steps);
    Backend backend = backend();
    if (out != null) {
      Check.that(!Files.isRegularFile(out), "--out: %s is a file, name a folder", out);
      Files.createDirectories(out);
    }
    Path page = page();
    RunOptions.checkFile("--report", page);
    try (Device.Use on = backend.device().use()) {
      DataParts source = source();
      DataParts few = target(source.train().shape());
      if (out != null) {
        return tell(source, few, out, page);
      }
      Path folder = Files.createTempDirectory("thaw-demo");
      try {
        return tell(source, few, folder, page);
      } finally {
        delete(folder);
      }
    }
  }

  private Path page() {
    Path name = Path.of("report.html");
    return report != null ? report : out != null ? out.resolve(name) : name;
  }

  private Map<String, Object> tell(DataParts source, DataParts few, Path folder, Path page)
      throws IOException {
    Story story = new Story(this, source, few, epochs, steps, seed, folder);
    Run first = story.pretrain();
    Run scratch = story.scratch();
    List<Run> tuned = story.finetune();
    Conclusion conclusion = new Conclusion(scratch, tuned);
    List<Run> compared = new ArrayList<>(List.of(scratch));
    compared.addAll(tuned);
    table(first, compared);
    print("");
    print("%s", conclusion.transfer());
    print("%s", conclusion.freezing());
    report(first, compared, conclusion, source, few, page);
    print("report: %s", page);
    return fields(
        "runs", compared.stream().map(Run::toMap).toList(),
        "pretraining", first.toMap(),
        "best", conclusion.best().strategy(),
        "verdict", conclusion.toString(),
        "report", page.toString());
  }

  private void table(Run first, List<Run> runs) {
    print(
        "pre-trained: %.1f %% of %,d unseen examples right, %.1f s, %s, %s",
        100 * first.accuracy(),
        first.examples(),
        first.outcome().result().stepSeconds(),
        Conclusion.mebibytes(first.outcome().result().peakBytes()),
        first.verdictWord());
    print("");
    print(
        "%-13s %8s %8s %12s %12s %10s %10s  %s",
        "strategy",
        "accuracy",
        "seconds",
        "peak memory",
        "trainable",
        "body moved",
        "head moved",
        "verdict");
    for (Run run : runs) {
      var result = run.outcome().result();
      print(
          "%-13s %6.1f %% %8.2f %12s %,12d %8.1f %% %8.1f %%  %s",
          run.title(),
          100 * run.accuracy(),
          result.stepSeconds(),
          Conclusion.mebibytes(result.peakBytes()),
          run.trainable(),
          100 * run.findings().body(),
          100 * run.findings().head(),
          run.verdictWord());
    }
    for (Run run : runs) {
      print("");
      run.findings().verdicts().forEach(v -> print("%s: %s", run.title(), v));
    }
  }

  private void report(
      Run first,
      List<Run> compared,
      Conclusion conclusion,
      DataParts source,
      DataParts few,
      Path page)
      throws IOException {
    String story =
        String.format(
            Locale.ROOT,
            "A small convolutional net learned %s, %d classes, and was saved; it gets %.1f %% of"
                + " unseen ones right. Then its head, the last layer, was exchanged for a new one"
                + " with %d classes, and the net learned %s from %,d examples in %,d steps: once"
                + " with every layer free to move, once with the convolutions frozen, once with"
                + " all but the head frozen. To compare, a net of the same shape learned the same"
                + " examples from random weights, in as many steps.",
            subject(source),
            source.train().classes().size(),
            100 * first.accuracy(),
            few.train().classes().size(),
            subject(few),
            few.train().size(),
            compared.get(0).outcome().result().steps());
    List<Run> all = new ArrayList<>(compared);
    all.add(first);
    new Report("Pre-train, swap the head, fine-tune")
        .story(List.of(story, conclusion.transfer(), conclusion.freezing()))
        .table("The runs on " + subject(few), compared, conclusion.best())
        .verdicts(compared)
        .curves(
            "How they learn",
            "Where the features of the pre-training fit the new examples, loss falls sooner and"
                + " stays lower on those that nothing was learned from.",
            compared)
        .layers(compared)
        .filters(all)
        .curves("The pre-training before", pretrained(first), List.of(first))
        .facts(facts(first, source, few))
        .write(page);
  }

  private static String pretrained(Run first) {
    var result = first.outcome().result();
    return String.format(
        Locale.ROOT,
        "%,d steps in %.1f s with at most %s; %.1f %% of %,d unseen examples right; %s.",
        result.steps(),
        result.stepSeconds(),
        Conclusion.mebibytes(result.peakBytes()),
        100 * first.accuracy(),
        first.examples(),
        first.verdictWord());
  }

  private List<String> facts(Run first, DataParts source, DataParts few) {
    return List.of(
        String.format(
            Locale.ROOT,
            "to learn: %,d examples of %s and %,d of %s; to watch and to test, at most %,d and"
                + " %,d others of each",
            source.train().size(),
            source.name(),
            few.train().size(),
            few.name(),
            WATCHED,
            TESTED),
        "net: seed-cnn, two convolutions and two linear layers, "
            + String.format(Locale.ROOT, "%,d parameters", first.parameters()),
        Story.recipe() + "; seed " + seed,
        "looks at the layers during the pre-training: " + first.findings().cost(),
        Report.machine(backend()));
  }

  /** What the demo calls a set's examples. */
  private static String subject(DataParts parts) {
    return switch (parts.name()) {
      case "embedded", "embedded:letters" -> "letters";
      case "embedded:digits" -> "digits";
      default -> parts.name();
    };
  }

  // ---- data ----

  private DataParts source() throws IOException {
    DataParts all = parts(data, size == null ? null : TrainingCommand.pictureSize(size));
    Shape shape = all.train().shape();
    Check.that(
        shape.rank() == 3 && (shape.dim(2) == 1 || shape.dim(2) == 3),
        "%s: examples are %s, the demo's net reads pictures [height, width, 1 or 3]",
        all.name(),
        shape);
    return new DataParts(all.name(), all.train().limit(limit), all.validation(), all.test());
  }

  private DataParts target(Shape picture) throws IOException {
    DataParts all = parts(target, picture);
    return new DataParts(all.name(), all.train().perClass(perClass), all.validation(), all.test());
  }

  /** A set's training part, some examples to watch and some more for the last word. */
  private DataParts parts(String words, @Nullable Shape picture) throws IOException {
    Data all = Data.open(DataOptions.place(words), new Data.Options(picture, 0, seed));
    Dataset train = all.train();
    Dataset unseen;
    if (all.has(Part.TEST) || all.has(Part.VALIDATION)) {
      unseen = all.test();
    } else {
      Dataset.Split split = train.holdout(0.2, seed);
      train = split.rest();
      unseen = split.held();
    }
    double watched = WATCHED / (double) (TESTED + WATCHED);
    Dataset.Split split = unseen.limit(TESTED + WATCHED).holdout(watched, seed);
    return new DataParts(DataOptions.name(words), train, split.held(), split.rest());
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }
}
