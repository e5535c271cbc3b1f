package dev.thaw.app;

import dev.thaw.data.BatchSource;
import dev.thaw.memory.Check;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.transfer.AdaptStats;
import dev.thaw.transfer.Freeze;
import dev.thaw.transfer.Strategy;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What a fine-tune leaves as it is. */
final class FreezeOptions {
  @Option(
      names = "--strategy",
      paramLabel = "NAME",
      description =
          "full: train every layer (default); partial: the last of four equal shares of the"
              + " layers; head: the head alone.")
  private @Nullable String strategy;

  @Option(
      names = "--freeze",
      paramLabel = "PATTERN",
      description = "Freeze what matches, * for anything: conv*, layer1.*; may be repeated.")
  private List<String> patterns = new ArrayList<>();

  @Option(
      names = "--freeze-to",
      paramLabel = "NAME|N",
      description = "Freeze up to and including this layer or block, or the first N layers.")
  private @Nullable String freezeTo;

  @Option(names = "--train-last", paramLabel = "N", description = "Train the last N layers only.")
  private @Nullable Integer trainLast;

  @Option(
      names = "--bn",
      paramLabel = "POLICY",
      description =
          "Batch norms: eval (running statistics, constant), train-all, batch-stats, or adapt-stats"
              + " (re-estimated on the new data first, then constant). By default eval where"
              + " frozen, train-all elsewhere.")
  private @Nullable String norms;

  /** Whether the statistics are to be re-estimated before the first epoch. */
  boolean adaptsStatistics() {
    return "adapt-stats".equals(norms);
  }

  /**
   * Freezes and thaws {@code model} as the words say.
   *
   * @return the strategy's name, or what stands in its place, for the history
   */
  String apply(Module model, String head, Subcommand console) {
    int boundaries =
        (strategy == null ? 0 : 1) + (freezeTo == null ? 0 : 1) + (trainLast == null ? 0 : 1);
    Check.that(
        boundaries <= 1, "--strategy, --freeze-to and --train-last exclude each other, give one");
    BnPolicy frozen = policy();
    Freeze freeze = new Freeze(model, frozen);
    String said;
    if (freezeTo != null) {
      model.unfreeze();
      if (freezeTo.matches("\\d{1,6}")) {
        freeze.first(Integer.parseInt(freezeTo));
      } else {
        freeze.upTo(freezeTo);
      }
      said = "freeze-to " + freezeTo;
    } else if (trainLast != null) {
      freeze.allButLast(trainLast);
      said = "train-last " + trainLast;
    } else {
      Strategy chosen = strategy == null ? Strategy.FULL : Strategy.named(strategy);
      console.say("strategy %s", chosen.apply(model, head, frozen));
      said = chosen.name().toLowerCase(Locale.ROOT);
    }
    for (String pattern : patterns) {
      freeze.matching(pattern);
      said += ", freeze " + pattern;
    }
    if (norms != null && !adaptsStatistics()) {
      forEachNorm(model, norm -> norm.policy(frozen));
    }
    return said;
  }

  private BnPolicy policy() {
    if (norms == null || adaptsStatistics()) {
      return BnPolicy.EVAL;
    }
    for (BnPolicy policy : BnPolicy.values()) {
      if (policy.toString().equals(norms)) {
        return policy;
      }
    }
    throw new IllegalArgumentException(
        "--bn: '" + norms + "' is unknown, say eval, train-all, batch-stats or adapt-stats");
  }

  private static void forEachNorm(Module model, java.util.function.Consumer<BatchNorm> then) {
    for (Module module : model.modules().values()) {
      if (module instanceof BatchNorm norm) {
        then.accept(norm);
      }
    }
  }

  /** Re-estimates the running statistics of {@code model}, one pass over {@code batches}. */
  static void adapt(Module model, BatchSource batches, Subcommand console) throws IOException {
    int seen = AdaptStats.run(model, batches);
    console.say("running statistics re-estimated over %d batches; norms then use them", seen);
  }
}
