package dev.thaw.train;

import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.diagnose.Evidence;
import dev.thaw.diagnose.GradientHealth;
import dev.thaw.diagnose.GradientSpikes;
import dev.thaw.diagnose.HealthReport;
import dev.thaw.diagnose.LossCurves;
import dev.thaw.diagnose.Verdict;
import dev.thaw.memory.Check;
import dev.thaw.nn.Module;
import dev.thaw.plan.Precision;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Looks after a training: every some steps what flows through the layers, how far the step moved
 * them and how far they are from the start; every step the gradient's norm; every epoch whether the
 * validation loss parts from the training loss.
 *
 * <p>The training goes on as it would without: a look uses a batch of its own, leaves no gradient,
 * moves no statistics and draws from random numbers of its own. It costs about two eager steps,
 * copies of the trainable parameters on the host, and, where steps are replayed from a recording, a
 * new recording; {@link #cost} says how much in all.
 */
public final class Checkup implements Listener {
  /**
   * One look.
   *
   * @param step after which it was taken, counted from 1
   * @param health of the layers
   * @param verdicts the most pressing first
   */
  public record Look(long step, HealthReport health, List<Verdict> verdicts) {
    /** Copies the list. */
    public Look {
      verdicts = List.copyOf(verdicts);
    }
  }

  private final BatchSource batches;
  private final long every;
  private final Consumer<String> say;
  private final GradientHealth health;
  private final GradientSpikes spikes = new GradientSpikes();
  private final LossCurves curves = new LossCurves();
  private final List<Look> looks = new ArrayList<>();
  private Verdict.Kind last = Verdict.Kind.HEALTHY;
  private boolean watching;
  private long begin;
  private long spent;

  /**
   * A checkup of {@code model}, whose weights now are the start that distances are measured from.
   *
   * @param batches to look at, not those of the training: both would read on from the other's place
   * @param every steps between looks, at least 2
   * @param say hears a line when a verdict changes or a gradient spikes
   */
  public Checkup(Module model, BatchSource batches, long every, Consumer<String> say) {
    Check.that(every >= 2, "checkup: every %d steps, at least 2", every);
    this.batches = batches;
    this.every = every;
    this.say = say;
    this.health = new GradientHealth(model);
    batches.seek(0, 0);
  }

  /** Looks at what flows in {@code precision}: that of the training. */
  public Checkup precision(Precision precision) {
    health.precision(precision);
    return this;
  }

  @Override
  public void step(Step step) throws IOException {
    long now = System.nanoTime();
    begin = begin == 0 ? now : begin;
    spikes.note(step.step(), step.gradientNorm()).ifPresent(say);
    boolean due = step.step() % every == 0 || step.step() == step.total();
    if (due) {
      look(step.step());
    }
    // The next step is the one whose update will be measured.
    if ((step.step() + 1) % every == 0 || step.step() + 1 == step.total()) {
      health.beforeStep();
      watching = true;
    }
    spent += System.nanoTime() - now;
  }

  private void look(long step) throws IOException {
    if (watching) {
      health.afterStep();
      watching = false;
    }
    Batch batch = batches.next();
    if (batch == null) {
      batches.seek(0, 0);
      batch = batches.next();
    }
    Check.that(batch != null, "checkup: there is no batch to look at");
    health.sample(java.util.Objects.requireNonNull(batch));
    HealthReport report = health.report();
    List<Verdict> verdicts = Evidence.of(report).verdicts();
    looks.add(new Look(step, report, verdicts));
    health.forget();
    Verdict first = verdicts.get(0);
    if (first.kind() != last) {
      last = first.kind();
      say.accept("step " + step + ": " + first.kind() + ", " + first.evidence().get(0));
    }
  }

  @Override
  public void epoch(Epoch epoch) {
    if (epoch.validation() != null) {
      curves.note(epoch.loss(), epoch.validation().loss());
    }
  }

  /** Every look so far. */
  public List<Look> looks() {
    return List.copyOf(looks);
  }

  /**
   * What is to be said of the whole training, the most pressing first: overfitting, and the
   * verdicts of the last look.
   */
  public List<Verdict> verdicts() {
    List<Verdict> all = new ArrayList<>();
    if (!looks.isEmpty()) {
      all.addAll(looks.get(looks.size() - 1).verdicts());
    }
    Optional<Verdict> overfitting = curves.overfitting(LossCurves.USUAL_PATIENCE);
    overfitting.ifPresent(
        verdict -> {
          all.removeIf(v -> v.kind() == Verdict.Kind.HEALTHY);
          all.add(verdict);
        });
    all.sort((a, b) -> a.kind().compareTo(b.kind()));
    return all;
  }

  /** How many steps had a gradient far larger than usual. */
  public int spikes() {
    return spikes.spikes();
  }

  /** What the looks cost so far: {@code 3 looks took 0.21 s, 1.4 % of the training}. */
  public String cost() {
    double seconds = spent * 1e-9;
    double all = Math.max(1e-9, (System.nanoTime() - begin) * 1e-9);
    return String.format(
        Locale.ROOT,
        "%d looks took %.2f s, %.1f %% of the training",
        looks.size(),
        seconds,
        begin == 0 ? 0 : 100 * seconds / all);
  }
}
