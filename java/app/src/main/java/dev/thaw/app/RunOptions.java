package dev.thaw.app;

import dev.thaw.memory.Check;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How long a training goes, and what it leaves behind. */
final class RunOptions {
  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The model, written when the training has ended well.")
  private @Nullable Path out;

  @Option(
      names = "--epochs",
      paramLabel = "N",
      description = "Passes over the data; by default 3, or as many as --steps takes.")
  private @Nullable Integer epochs;

  @Option(names = "--steps", paramLabel = "N", description = "Optimizer steps at most.")
  private @Nullable Long steps;

  @Option(
      names = "--early-stopping",
      paramLabel = "N",
      description =
          "End after N epochs without a better validation loss and put the best weights back;"
              + " without --val or --holdout a tenth of the examples is held out.")
  private int patience;

  @Option(
      names = "--log",
      paramLabel = "FILE",
      description = "CSV, a line a step: step,epoch,loss,lr,grad_norm.")
  private @Nullable Path log;

  @Option(
      names = "--report",
      paramLabel = "FILE.html",
      description =
          "A page with curves, verdicts, gradients, ranks and filters; the looks at the layers"
              + " that it takes change nothing in the training.")
  private @Nullable Path report;

  @Option(
      names = "--checkpoint",
      paramLabel = "FILE",
      description = "Where the training can be resumed from; by default OUT.checkpoint.")
  private @Nullable Path checkpoint;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "STEPS",
      description =
          "Write it this often; with --checkpoint alone once an epoch, else only at Ctrl-C.")
  private @Nullable Long every;

  @Option(
      names = "--resume",
      description = "Go on from the checkpoint, with the options of the first start.")
  private boolean resume;

  /**
   * Refuses, before hours of training, what could not be written or read after them.
   *
   * @throws IllegalArgumentException naming the option
   */
  void check() {
    Check.that(out != null, "Missing required option: '--out=FILE'");
    checkFile("--out", out);
    checkFile("--log", log);
    checkFile("--report", report);
    checkFile("--checkpoint", checkpoint);
    checkAbove0("--epochs", epochs);
    checkAbove0("--steps", steps);
    checkAbove0("--checkpoint-every", every);
    Check.that(patience >= 0, "--early-stopping: %d is negative", patience);
    Check.that(
        !resume || Files.isRegularFile(checkpoint()),
        "--resume: there is no checkpoint %s; name it with --checkpoint, or start anew",
        checkpoint());
  }

  private static void checkAbove0(String option, @Nullable Number value) {
    if (value != null) {
      Check.that(value.longValue() > 0, "%s: %s is not above 0", option, value);
    }
  }

  static void checkFile(String option, @Nullable Path file) {
    if (file == null) {
      return;
    }
    Check.that(!Files.isDirectory(file), "%s: %s is a folder, name a file", option, file);
    Path folder = java.util.Objects.requireNonNull(file.toAbsolutePath().getParent());
    Check.that(
        Files.isDirectory(folder),
        "%s: %s cannot be written, there is no folder %s",
        option,
        file,
        folder);
    Check.that(
        Files.isWritable(Files.exists(file) ? file : folder),
        "%s: %s cannot be written, access is denied",
        option,
        file);
  }

  Path out() {
    return java.util.Objects.requireNonNull(out);
  }

  /** Epochs of {@code stepsPerEpoch} steps. */
  int epochs(long stepsPerEpoch) {
    if (epochs == null) {
      return steps == null ? 3 : (int) Math.min(1 << 30, (steps - 1) / stepsPerEpoch + 1);
    }
    return epochs;
  }

  /** Steps at most, 0 for no limit. */
  long steps() {
    return steps == null ? 0 : steps;
  }

  int patience() {
    return patience;
  }

  @Nullable Path log() {
    return log;
  }

  /** Where the page about the training goes, or null. */
  @Nullable Path report() {
    return report;
  }

  Path checkpoint() {
    Path file = out();
    return checkpoint == null
        ? file.resolveSibling(file.getFileName() + ".checkpoint")
        : checkpoint;
  }

  /** Whether the checkpoint's place was chosen by the user, who then expects to find it there. */
  boolean namesCheckpoint() {
    return checkpoint != null;
  }

  /** Steps between checkpoints, 0 for none but the one at Ctrl-C. */
  long checkpointEvery(long stepsPerEpoch) {
    return every != null ? every : checkpoint != null ? stepsPerEpoch : 0;
  }

  boolean resume() {
    return resume;
  }
}
