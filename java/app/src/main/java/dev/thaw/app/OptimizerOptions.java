package dev.thaw.app;

import dev.thaw.memory.Check;
import dev.thaw.nn.Module;
import dev.thaw.optim.Adam;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.ParameterGroup;
import dev.thaw.optim.Schedule;
import dev.thaw.optim.Sgd;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How parameters move: rule, rates, decay, schedule and limits. */
final class OptimizerOptions {
  private static final double SGD_RATE = 0.05;
  private static final double ADAM_RATE = 1e-3;

  @Option(
      names = "--optimizer",
      paramLabel = "RULE",
      description = "sgd, adam or adamw; by default sgd, or what the file was pre-trained with.")
  private @Nullable String rule;

  @Option(
      names = "--lr",
      paramLabel = "X",
      description = "Peak rate; by default 0.05 for sgd, 0.001 for adam and adamw.")
  private @Nullable Double rate;

  @Option(names = "--momentum", paramLabel = "X", description = "Of sgd; by default 0.9.")
  private @Nullable Double momentum;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      description =
          "By default 0.01 for adamw, 0 for adam and for sgd by name, 0.0005 where no rule is"
              + " named; never on biases and norms.")
  private @Nullable Double weightDecay;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      defaultValue = "cosine",
      description = "constant, cosine or one-cycle (default: ${DEFAULT-VALUE}).")
  private String schedule;

  @Option(
      names = "--warmup",
      paramLabel = "X",
      description = "Share of all steps over which the rate rises; by default 0.05, constant: 0.")
  private @Nullable Double warmup;

  @Option(
      names = "--clip-norm",
      paramLabel = "X",
      description = "Limit of the norm of all gradients together.")
  private double clipNorm;

  @Option(
      names = "--clip-value",
      paramLabel = "X",
      description = "Limit of each element of a gradient, both signs.")
  private double clipValue;

  @Option(
      names = "--max-norm",
      paramLabel = "X",
      description = "Limit of the norm of each output unit's weights, after a step.")
  private double maxNorm;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      defaultValue = "1",
      description = "Batches whose gradients make one step (default: ${DEFAULT-VALUE}).")
  private int accumulate;

  /** The rule asked for, else {@code otherwise}. */
  String rule(String otherwise) {
    String name = rule == null ? otherwise : rule;
    Check.that(
        name.equals("sgd") || name.equals("adam") || name.equals("adamw"),
        "--optimizer: '%s' is unknown, say sgd, adam or adamw",
        name);
    Check.that(
        momentum == null || name.equals("sgd"), "--momentum: %s has none, only sgd does", name);
    return name;
  }

  /** The rate asked for, or null. */
  @Nullable Double rate() {
    return rate;
  }

  /** What a rule is started with where nothing is said. */
  static double defaultRate(String rule) {
    return rule.equals("sgd") ? SGD_RATE : ADAM_RATE;
  }

  /** Settings of parameters that move by {@code rule} at {@code peak}. */
  ParameterGroup group(String rule, double peak) {
    double decay =
        weightDecay != null
            ? weightDecay
            : switch (rule) {
              // By name it is what everyone knows by it; unnamed it is the recipe of this place.
              case "sgd" -> rule == null ? 5e-4 : 0;
              case "adamw" -> 0.01;
              default -> 0;
            };
    return switch (rule) {
      case "sgd" -> Sgd.group(peak, momentum == null ? 0.9 : momentum, decay, false);
      case "adam" -> Adam.group(peak, decay);
      default -> AdamW.group(peak, decay);
    };
  }

  /** An optimizer of {@code model} by {@code rule}. */
  static Optimizer optimizer(String rule, Module model, Grouping grouping) {
    return switch (rule) {
      case "sgd" -> new Sgd(model, grouping);
      case "adam" -> new Adam(model, grouping);
      default -> new AdamW(model, grouping);
    };
  }

  /** The schedule with its warm-up; one that is asked to be constant is. */
  Schedule schedule() {
    Schedule main = Schedule.named(schedule);
    double share = warmup != null ? warmup : schedule.equals("constant") ? 0 : 0.05;
    Check.that(share >= 0 && share < 1, "--warmup: %s is no share in [0, 1)", share);
    return (step, total) -> main.warmUp(Math.round(share * total)).factor(step, total);
  }

  /** The schedule's name, for the history. */
  String scheduleName() {
    return schedule;
  }

  Clip clip() {
    return new Clip(clipNorm, clipValue, maxNorm);
  }

  int accumulate() {
    return accumulate;
  }
}
