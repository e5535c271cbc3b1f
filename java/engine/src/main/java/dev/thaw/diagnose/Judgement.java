package dev.thaw.diagnose;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Makes verdicts from evidence. The limits are those that tell nets that train from nets that do
 * not; the package's page has the table.
 */
final class Judgement {
  /** Decades by which gradients may fade from the last hidden layer to the first. */
  static final double FADED = 2;

  /** Decades by which they may grow. */
  static final double GROWN = 1.2;

  /** Below this share of what chance gives, a rank has collapsed. */
  static final double COLLAPSED = 0.2;

  /** Below this share it is worth a note. */
  static final double THIN = 0.5;

  /** A loss that many times the first, or what knowing nothing costs, diverges. */
  static final double DIVERGED = 3;

  /** Narrower matrices have too few directions to speak of a collapse. */
  private static final int FEWEST_DIRECTIONS = 8;

  private static final double SIGMAS = 3;
  private static final double SEVERAL = 0.05;
  private static final double MANY = 0.2;
  private static final double SLOW = -4;
  private static final double FAST = -2;

  private final Evidence evidence;
  private final HealthReport health;

  Judgement(Evidence evidence) {
    this.evidence = evidence;
    this.health = evidence.health();
  }

  List<Verdict> verdicts() {
    List<Verdict> found = new ArrayList<>();
    exploding(found);
    vanishing(found);
    collapsed(found);
    frozen(found);
    if (found.isEmpty()) {
      found.add(healthy());
    }
    return found;
  }

  // ---- exploding ----

  private void exploding(List<Verdict> found) {
    List<String> reasons = new ArrayList<>();
    List<String> layers = new ArrayList<>();
    String where = health.nonFinite();
    if (where != null) {
      reasons.add("the first value that is not finite is in " + where);
      layers.addAll(names(where));
    }
    Trend trend = health.trend();
    boolean grows = trend.layers() >= 2 && -trend.decades() > GROWN;
    if (grows) {
      reasons.add(
          line(
              "gradient norms grow %.1f decades from the last hidden layer to the first (limit"
                  + " %.1f): %.2f a layer over %d layers%s",
              -trend.decades(), GROWN, -trend.slope(), trend.layers(), chance()));
    }
    ShortTraining training = evidence.training();
    boolean diverges = training != null && diverges(training);
    if (training != null && diverges) {
      reasons.add(
          line(
              "in %d steps at rate %.3g the loss went from %.4g to %.4g, %d steps were skipped",
              training.steps(),
              training.rate(),
              training.firstLoss(),
              training.lastLoss(),
              training.skipped()));
    }
    if (reasons.isEmpty()) {
      return;
    }
    String remedy =
        grows || where != null
            ? start()
                + " to keep norms level, or add normalisation; clip the gradient norm"
                + " (--clip-norm 1) and lower the rate, with warm-up"
            : "lower the rate tenfold, warm it up, or clip the gradient norm (--clip-norm 1)";
    found.add(new Verdict(Verdict.Kind.EXPLODING, reasons, layers, remedy));
  }

  /** The layer that a phrase such as "the gradient of fc1.weight" is about. */
  private List<String> names(String where) {
    return health.layers().stream()
        .map(LayerHealth::name)
        .filter(
            name -> where.endsWith(" " + name) || where.contains(name + ".") || where.equals(name))
        .toList();
  }

  private boolean diverges(ShortTraining training) {
    double nothing = evidence.classes() > 1 ? Math.log(evidence.classes()) : 0;
    double usual = Math.max(training.firstLoss(), nothing);
    return !Double.isFinite(training.lastLoss())
        || training.skipped() > 0
        || training.lastLoss() > DIVERGED * usual;
  }

  // ---- vanishing ----

  private void vanishing(List<Verdict> found) {
    List<String> reasons = new ArrayList<>();
    List<String> layers = new ArrayList<>();
    Trend trend = health.trend();
    boolean fades = trend.layers() >= 2 && trend.decades() > FADED;
    double top = 0;
    for (LayerHealth layer : health.layers()) {
      top = Double.isNaN(layer.flowNorm()) ? top : Math.max(top, layer.flowNorm());
    }
    List<String> silent = new ArrayList<>();
    for (LayerHealth layer : health.layers()) {
      if (layer.isFrozen()) {
        continue;
      }
      if (layer.gradientNorm() == 0) {
        silent.add(layer.name());
      }
      if (fades && layer.flowNorm() < top * Math.pow(10, -FADED)) {
        layers.add(layer.name());
      }
    }
    if (fades) {
      reasons.add(
          line(
              "gradient norms fade %.1f decades from the last hidden layer to the first (limit"
                  + " %.1f): %.2f a layer over %d layers%s",
              Math.min(trend.decades(), 99), FADED, trend.slope(), trend.layers(), chance()));
    }
    if (!silent.isEmpty()) {
      reasons.add("no gradient at all in " + listed(silent) + ", which are not frozen");
      silent.stream().filter(name -> !layers.contains(name)).forEach(layers::add);
    }
    if (reasons.isEmpty()) {
      return;
    }
    List<String> frozen = health.frozen();
    if (!frozen.isEmpty()) {
      reasons.add("frozen layers are not counted: " + listed(frozen));
    }
    found.add(new Verdict(Verdict.Kind.VANISHING, reasons, layers, openUp()));
  }

  private String openUp() {
    String others = ", or add normalisation or residual connections";
    boolean byChance = Math.abs(health.z()) < SIGMAS;
    return switch (evidence.activation()) {
      case "sigmoid", "softplus" -> "use ReLU with He's start (activation=relu, init=he)" + others;
      case "tanh" -> "start from Xavier's or orthogonal weights (init=xavier)" + others;
      default ->
          byChance
              ? "layers this narrow lose gradients by chance alone: make them wider" + others
              : start() + others;
    };
  }

  /** What to start from, for this activation. */
  private String start() {
    return switch (evidence.activation()) {
      case "tanh", "sigmoid" -> "start from Xavier's or orthogonal weights (init=xavier)";
      default -> "start from He's weights (init=he) or orthogonal ones";
    };
  }

  /** How the trend stands to a random ReLU net, where that applies. */
  private String chance() {
    double z = health.z();
    if (Double.isNaN(z)) {
      return "";
    }
    return Math.abs(z) < SIGMAS
        ? line(", within what chance does to He's ReLU nets of this width (z = %.1f)", z)
        : line(", %.0f deviations from He's ReLU nets", Math.abs(z));
  }

  // ---- rank ----

  private void collapsed(List<Verdict> found) {
    List<String> reasons = new ArrayList<>();
    List<String> layers = new ArrayList<>();
    JacobianProfile jacobian = evidence.jacobian();
    if (jacobian != null && jacobian.last().quotient() < COLLAPSED) {
      JacobianProfile.Depth last = jacobian.last();
      reasons.add(
          line(
              "%.1f of %d directions of the input reach depth %d, chance leaves %.1f: q = %.2f"
                  + " (limit %.1f)",
              last.rank().effective(),
              last.rank().width(),
              last.depth(),
              last.expected(),
              last.quotient(),
              COLLAPSED));
      jacobian.depths().stream()
          .filter(d -> d.quotient() < COLLAPSED)
          .findFirst()
          .ifPresent(
              d -> {
                reasons.add("it is lost at " + d.layer() + " or just before");
                layers.add(d.layer());
              });
    }
    for (Map.Entry<String, Rank> e : evidence.weights().entrySet()) {
      Rank rank = e.getValue();
      if (rank.width() >= FEWEST_DIRECTIONS
          && rank.share() < COLLAPSED * RankNull.LINEAR.share(1)) {
        reasons.add(
            line(
                "%s has an effective rank of %.1f of %d, a random one has %.0f or more",
                e.getKey(),
                rank.effective(),
                rank.width(),
                RankNull.LINEAR.share(1) * rank.width()));
        layers.add(e.getKey().substring(0, Math.max(0, e.getKey().lastIndexOf('.'))));
      }
    }
    LayerHealth penultimate = health.penultimate();
    Rank features = penultimate == null ? null : penultimate.features();
    if (penultimate != null && features != null && evidence.classes() > 2) {
      double needed = (evidence.classes() - 1) / 4.0;
      if (features.effective() < needed) {
        reasons.add(
            line(
                "the features behind %s have an effective rank of %.1f; to tell %d classes apart"
                    + " takes %d",
                penultimate.name(),
                features.effective(),
                evidence.classes(),
                evidence.classes() - 1));
        layers.add(penultimate.name());
      }
    }
    if (!reasons.isEmpty()) {
      String remedy =
          "start from orthogonal or He's weights, no two rows alike; add normalisation, residual"
              + " connections, or connections from the input to every layer";
      found.add(
          new Verdict(
              Verdict.Kind.RANK_COLLAPSED, reasons, layers.stream().distinct().toList(), remedy));
    }
  }

  // ---- frozen, healthy ----

  private void frozen(List<Verdict> found) {
    List<String> frozen = health.frozen();
    if (frozen.isEmpty()) {
      return;
    }
    int all = health.layers().size();
    if (frozen.size() == all) {
      found.add(
          new Verdict(
              Verdict.Kind.FROZEN,
              List.of(line("all %d layers are frozen: no gradient is computed", all)),
              frozen,
              "thaw the head, or freeze fewer layers; a run with nothing to train is refused"));
      return;
    }
    long passing = health.layers().stream().filter(l -> l.isFrozen() && l.reached()).count();
    String evidenceLine =
        line(
            "%d of %d layers are frozen by their flag, not by vanished gradients: %s; %s",
            frozen.size(),
            all,
            listed(frozen),
            passing == 0
                ? "no trained layer lies below them, so none passes a gradient on"
                : passing + " of them pass gradients on to trained layers below");
    String remedy =
        "nothing to do where that is the plan; to train them, thaw them (--strategy full, or"
            + " --train-last N)";
    found.add(new Verdict(Verdict.Kind.FROZEN, List.of(evidenceLine), frozen, remedy));
  }

  private Verdict healthy() {
    List<String> reasons = new ArrayList<>();
    Trend trend = health.trend();
    if (trend.layers() >= 2) {
      reasons.add(
          line(
              "gradient norms change %.1f decades over %d hidden layers (from -%.1f to %.1f is"
                  + " well)",
              trend.decades(), trend.layers(), GROWN, FADED));
    }
    JacobianProfile jacobian = evidence.jacobian();
    if (jacobian != null) {
      reasons.add(
          line(
              "%.1f directions of the input reach depth %d, chance leaves %.1f: q = %.2f",
              jacobian.last().rank().effective(),
              jacobian.last().depth(),
              jacobian.last().expected(),
              jacobian.last().quotient()));
    }
    ShortTraining training = evidence.training();
    if (training != null) {
      reasons.add(
          line(
              "%d steps at rate %.3g: loss %.4f to %.4f",
              training.steps(), training.rate(), training.firstLoss(), training.lastLoss()));
    }
    if (reasons.isEmpty()) {
      reasons.add(line("every value on %d examples is finite", health.examples()));
    }
    return new Verdict(Verdict.Kind.HEALTHY, reasons, List.of(), "none needed");
  }

  // ---- what is worth a look ----

  List<String> warnings() {
    List<String> lines = new ArrayList<>();
    Trend trend = health.trend();
    if (trend.layers() >= 2 && trend.decades() > 0.75 * FADED && trend.decades() <= FADED) {
      lines.add(
          line("gradient norms fade %.1f decades, near the limit of %.1f", trend.decades(), FADED));
    }
    JacobianProfile jacobian = evidence.jacobian();
    if (jacobian != null) {
      double q = jacobian.last().quotient();
      if (q >= COLLAPSED && q < THIN) {
        lines.add(line("the Jacobian has %.0f %% of the rank that chance leaves", 100 * q));
      }
    }
    for (LayerHealth layer : health.layers()) {
      if (layer.saturated() > SEVERAL) {
        lines.add(
            line(
                "%.0f %% of the values behind %s are saturated%s",
                100 * layer.saturated(), layer.name(), much(layer.saturated())));
      }
      if (layer.dead() > SEVERAL) {
        lines.add(
            line(
                "%.0f %% of the units behind %s are 0 on all %d examples%s",
                100 * layer.dead(), layer.name(), health.examples(), much(layer.dead())));
      }
      if (!layer.isFrozen()
          && !layer.reached()
          && health.examples() > 0
          && health.nonFinite() == null) {
        lines.add(
            layer.name()
                + " is trained, but no gradient reaches it: the loss does not depend on it");
      }
    }
    updates(lines);
    return lines;
  }

  private void updates(List<String> lines) {
    List<String> still = new ArrayList<>();
    List<String> slow = new ArrayList<>();
    List<String> fast = new ArrayList<>();
    for (LayerHealth layer : health.layers()) {
      double update = layer.update();
      String entry = line("%s %.1f", layer.name(), update);
      if (update == Double.NEGATIVE_INFINITY) {
        still.add(layer.name());
      } else if (update < SLOW) {
        slow.add(entry);
      } else if (update > FAST) {
        fast.add(entry);
      }
    }
    String usual = " (log10 of a step over the parameters; usual is -3)";
    if (!still.isEmpty()) {
      lines.add("a step moves nothing in " + listed(still));
    }
    if (!slow.isEmpty()) {
      lines.add("a step hardly moves " + listed(slow) + usual);
    }
    if (!fast.isEmpty()) {
      lines.add("a step moves much of " + listed(fast) + usual + "; a lower rate is calmer");
    }
  }

  private static String much(double share) {
    return share > MANY ? ", which is many" : "";
  }

  private static String listed(List<String> names) {
    int shown = 8;
    return names.size() <= shown
        ? String.join(", ", names)
        : String.join(", ", names.subList(0, shown)) + " and " + (names.size() - shown) + " more";
  }

  private static String line(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
