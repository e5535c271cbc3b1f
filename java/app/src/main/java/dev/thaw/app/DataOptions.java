package dev.thaw.app;

import dev.thaw.data.Data;
import dev.thaw.data.Dataset;
import dev.thaw.data.Part;
import dev.thaw.memory.Check;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which examples, and how many at a time. */
final class DataOptions {
  private static final String EMBEDDED = "embedded";

  /** Held out where a data set has no test part and nothing else was said. */
  private static final double USUAL_SHARE = 0.1;

  @Option(
      names = "--data",
      paramLabel = "D",
      description =
          "A folder or .npz that is recognised by what it holds, a name below THAW_DATA, or the"
              + " letters that the engine draws itself: embedded; embedded:digits are others.")
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
   * @param target [h, w, c] to which pictures are fitted, or null for their own
   */
  DataParts open(
      @Nullable String validation,
      boolean watchesItself,
      List<String> classes,
      @Nullable Shape target)
      throws IOException {
    Data all = data(required(), target);
    Dataset train = all.train();
    @Nullable Dataset watched = all.has(Part.VALIDATION) ? all.part(Part.VALIDATION) : null;
    @Nullable Dataset test = all.has(Part.TEST) ? all.part(Part.TEST) : null;
    if (!classes.isEmpty()) {
      train = train.only(classes);
      watched = watched == null ? null : watched.only(classes);
      test = test == null ? null : test.only(classes);
    }
    if (validation != null) {
      watched = unlearned(data(validation, target)).only(train.classes());
    } else if (holdout != null || (watched == null && (test == null || watchesItself))) {
      Dataset.Split split = train.holdout(holdout == null ? USUAL_SHARE : holdout, seed);
      train = split.rest();
      watched = split.held();
    }
    return new DataParts(name(required()), some(train), watched, test);
  }

  /**
   * What an evaluation looks at: the share held out, else what a training does not learn from, else
   * everything.
   *
   * @param target [h, w, c] to which pictures are fitted, or null for their own
   */
  Dataset evaluated(@Nullable Shape target) throws IOException {
    Data all = data(required(), target);
    return some(holdout != null ? all.train().holdout(holdout, seed).held() : unlearned(all));
  }

  private String required() {
    Check.that(data != null, "Missing required option: '--data=D'");
    return java.util.Objects.requireNonNull(data);
  }

  private Dataset some(Dataset from) {
    Dataset some = perClass == null ? from : from.perClass(perClass);
    return limit == null ? some : some.limit(limit);
  }

  private static Dataset unlearned(Data data) throws IOException {
    return data.has(Part.TEST) || data.has(Part.VALIDATION) ? data.test() : data.train();
  }

  private Data data(String words, @Nullable Shape target) throws IOException {
    return Data.open(place(words), new Data.Options(target, 0, seed));
  }

  /** The path as it is written, else a folder of that name below THAW_DATA, else as written. */
  static String place(String words) {
    boolean drawn = words.equals(EMBEDDED) || words.startsWith(EMBEDDED + ":");
    return drawn ? words : DataPlaces.find(words).toString();
  }

  /** A set's name in histories: without the folder it happens to lie in on this machine. */
  static String name(String words) {
    Path last = Path.of(words).toAbsolutePath().normalize().getFileName();
    return words.startsWith(EMBEDDED) || last == null ? words : last.toString();
  }
}
