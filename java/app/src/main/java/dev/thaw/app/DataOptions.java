package dev.thaw.app;

import dev.thaw.data.Dataset;
import dev.thaw.data.Idx;
import dev.thaw.data.Part;
import dev.thaw.memory.Check;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which examples, and how many at a time. */
final class DataOptions {
  /** Held out where a data set has no test part and nothing else was said. */
  private static final double USUAL_SHARE = 0.1;

  @Option(
      names = "--data",
      paramLabel = "D",
      description =
          "A folder that is recognised by what it holds, a name below THAW_DATA, or embedded.")
  private @Nullable String data;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Use N of the examples, drawn by a hash; of a training, N to learn from.")
  private @Nullable Integer limit;

  @Option(
      names = "--per-class",
      paramLabel = "N",
      description = "Use at most N examples of each class.")
  private @Nullable Integer perClass;

  @Option(
      names = "--holdout",
      paramLabel = "SHARE",
      description =
          "Hold out a share of the examples by a seeded hash; 0.1 where there is no test part.")
  private @Nullable Double holdout;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "64",
      description = "Examples a batch (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of everything random (default: ${DEFAULT-VALUE}).")
  private long seed;

  /** Whether examples were named. */
  boolean isGiven() {
    return data != null;
  }

  int batch() {
    Check.that(batch > 0, "--batch: %d is not above 0", batch);
    return batch;
  }

  long seed() {
    return seed;
  }

  /**
   * The parts of a training.
   *
   * @param validation the value of {@code --val}, or null
   * @param watchesItself whether validation must not be the test part: it decides something
   * @param classes those to keep, in this order; empty for all
   */
  DataParts open(@Nullable String validation, boolean watchesItself, List<String> classes)
      throws IOException {
    DataParts all = parts(required());
    Dataset train = all.train();
    @Nullable Dataset watched = all.validation();
    @Nullable Dataset test = all.test();
    if (!classes.isEmpty()) {
      train = train.only(classes);
      watched = watched == null ? null : watched.only(classes);
      test = test == null ? null : test.only(classes);
    }
    if (validation != null) {
      watched = whole(validation).only(train.classes());
    } else if (holdout != null || (watched == null && (test == null || watchesItself))) {
      Dataset.Split split = train.holdout(holdout == null ? USUAL_SHARE : holdout, seed);
      train = split.rest();
      watched = split.held();
    }
    return new DataParts(all.name(), some(train), watched, test);
  }

  /** What an evaluation looks at: the share held out, else the test part, else everything. */
  Dataset evaluated() throws IOException {
    DataParts all = parts(required());
    if (holdout != null) {
      return some(all.train().holdout(holdout, seed).held());
    }
    return some(all.test() != null ? all.test() : all.train());
  }

  private String required() {
    Check.that(data != null, "Missing required option: '--data=D'");
    return java.util.Objects.requireNonNull(data);
  }

  private Dataset some(Dataset from) {
    Dataset some = perClass == null ? from : from.perClass(perClass);
    return limit == null ? some : some.limit(limit);
  }

  /** Every part that is not trained on, else all of it. */
  private static Dataset whole(String name) throws IOException {
    DataParts parts = parts(name);
    if (parts.validation() != null) {
      return parts.validation();
    }
    return parts.test() != null ? parts.test() : parts.train();
  }

  private static DataParts parts(String name) throws IOException {
    Path folder = DataPlaces.find(name);
    return new DataParts(
        folder.getFileName().toString(),
        Idx.open(folder, Part.TRAIN),
        null,
        Idx.open(folder, Part.TEST));
  }
}
