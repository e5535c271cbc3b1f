package dev.thaw.plain;

import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StepState;
import dev.thaw.backend.UpdateKernels;
import dev.thaw.backend.UpdateRule;
import dev.thaw.backend.Writes;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.memory.Pool;
import dev.thaw.memory.Purpose;
import java.util.Arrays;
import java.util.List;

/** θ −= η · direction(g): each {@link UpdateRule} over the segments that are active. */
final class PlainUpdate implements UpdateKernels {
  private final Pool pool;

  PlainUpdate(Pool pool) {
    this.pool = pool;
  }

  /** The segments, which of them take part, and how often each has been updated. */
  private static final class Table implements SegmentTable {
    final List<Segment> segments;
    final boolean[] active;
    final Buffer steps;

    Table(List<Segment> segments, Pool pool) {
      this.segments = List.copyOf(segments);
      active = new boolean[segments.size()];
      Arrays.fill(active, true);
      steps = pool.allocate(DType.INT32, segments.size(), Purpose.OPTIMIZER);
      Arrays.fill(PlainStorage.ints(steps), 0);
    }

    @Override
    public Buffer steps() {
      return steps;
    }

    @Override
    public void setActive(int i, boolean active) {
      this.active[i] = active;
    }

    @Override
    public DType dtype() {
      return segments.isEmpty() ? DType.FLOAT32 : segments.get(0).value().dtype();
    }

    @Override
    public long activeElements() {
      long elements = 0;
      for (int i = 0; i < active.length; i++) {
        elements += active[i] ? segments.get(i).value().elements() : 0;
      }
      return elements;
    }

    @Override
    public void close() {
      steps.release();
    }
  }

  @Override
  public SegmentTable table(List<Segment> segments) {
    return new Table(segments, pool);
  }

  @Override
  public void norm(@Writes Buffer squares, @Writes Buffer state, SegmentTable table) {
    Table t = (Table) table;
    double[] s = Reals.read(state);
    double[] sums = new double[t.segments.size()];
    double all = 0;
    int bad = 0;
    for (int i = 0; i < sums.length; i++) {
      if (t.active[i]) {
        for (double g : Reals.read(t.segments.get(i).gradient())) {
          double scaled = g * s[StepState.GRADIENT_SCALE];
          sums[i] += scaled * scaled;
          bad += Double.isFinite(g) ? 0 : 1;
        }
        all += sums[i];
      }
    }
    double norm = Math.sqrt(all);
    double limit = s[StepState.MAX_NORM];
    s[StepState.GRADIENT_NORM] = norm;
    s[StepState.NON_FINITE] = bad;
    s[StepState.SKIP] = Double.isFinite(norm) ? 0 : 1;
    s[StepState.CLIP_SCALE] = limit > 0 && norm > limit ? limit / norm : 1;
    Reals.write(squares, sums);
    Reals.write(state, s);
  }

  @Override
  public void step(UpdateRule rule, SegmentTable table, Buffer state) {
    Table t = (Table) table;
    double[] s = Reals.read(state);
    if (s[StepState.SKIP] != 0) {
      return;
    }
    int[] steps = PlainStorage.ints(t.steps);
    for (int i = 0; i < t.segments.size(); i++) {
      if (t.active[i]) {
        steps[i]++;
        move(rule, t.segments.get(i), s, steps[i]);
      }
    }
  }

  private static void move(UpdateRule rule, Segment segment, double[] state, int t) {
    double[] theta = Reals.read(segment.value());
    double[] g = gradient(segment, state);
    double[] first = Reals.read(segment.moments().get(0));
    double[] second = rule.moments() > 1 ? Reals.read(segment.moments().get(1)) : first;
    Group group = Group.of(state, segment.group());
    switch (rule) {
      case SGD -> sgd(theta, g, first, group, t);
      case ADAM -> {
        decayThroughGradient(theta, g, group);
        adam(theta, g, first, second, group, t);
      }
      case ADAMW -> {
        for (int i = 0; i < theta.length; i++) {
          theta[i] -= group.rate * group.decay * theta[i];
        }
        adam(theta, g, first, second, group, t);
      }
      case RMSPROP -> rmsprop(theta, g, first, second, group);
    }
    Reals.write(segment.value(), theta);
    Reals.write(segment.moments().get(0), first);
    if (rule.moments() > 1) {
      Reals.write(segment.moments().get(1), second);
    }
  }

  /** What a parameter group says, read from {@link StepState}. */
  private record Group(
      double rate, double decay, double beta1, double beta2, double eps, boolean nesterov) {
    static Group of(double[] state, int group) {
      int at = StepState.GROUPS + group * StepState.GROUP_SLOTS;
      return new Group(
          state[at + StepState.RATE],
          state[at + StepState.WEIGHT_DECAY],
          state[at + StepState.BETA1],
          state[at + StepState.BETA2],
          state[at + StepState.EPS],
          state[at + StepState.NESTEROV] != 0);
    }
  }

  /** g · GRADIENT_SCALE · CLIP_SCALE, clipped to ±CLIP_VALUE. */
  private static double[] gradient(Segment segment, double[] state) {
    double[] g = Reals.read(segment.gradient());
    double scale = state[StepState.GRADIENT_SCALE] * state[StepState.CLIP_SCALE];
    double limit = state[StepState.CLIP_VALUE];
    for (int i = 0; i < g.length; i++) {
      g[i] *= scale;
      if (limit > 0) {
        g[i] = Math.min(Math.max(g[i], -limit), limit);
      }
    }
    return g;
  }

  /** g += λθ. */
  private static void decayThroughGradient(double[] theta, double[] g, Group group) {
    for (int i = 0; i < g.length; i++) {
      g[i] += group.decay * theta[i];
    }
  }

  /** g += λθ; v = μv + g, at the first step g; θ −= η · (Nesterov: g + μv, else v). */
  private static void sgd(double[] theta, double[] g, double[] v, Group group, int t) {
    decayThroughGradient(theta, g, group);
    double mu = group.beta1;
    for (int i = 0; i < theta.length; i++) {
      v[i] = t == 1 ? g[i] : mu * v[i] + g[i];
      theta[i] -= group.rate * (group.nesterov ? g[i] + mu * v[i] : v[i]);
    }
  }

  /** m = β₁m + (1 − β₁)g; v = β₂v + (1 − β₂)g²; θ −= η · m̂ / (√v̂ + ε), m̂ = m / (1 − β₁ᵗ). */
  private static void adam(double[] theta, double[] g, double[] m, double[] v, Group group, int t) {
    double correction1 = 1 - Math.pow(group.beta1, t);
    double correction2 = 1 - Math.pow(group.beta2, t);
    for (int i = 0; i < theta.length; i++) {
      m[i] = group.beta1 * m[i] + (1 - group.beta1) * g[i];
      v[i] = group.beta2 * v[i] + (1 - group.beta2) * g[i] * g[i];
      theta[i] -= group.rate * (m[i] / correction1) / (Math.sqrt(v[i] / correction2) + group.eps);
    }
  }

  /** g += λθ; v = αv + (1 − α)g²; u = μu + g / (√v + ε); θ −= ηu. Moments: v, u. */
  private static void rmsprop(double[] theta, double[] g, double[] v, double[] u, Group group) {
    decayThroughGradient(theta, g, group);
    for (int i = 0; i < theta.length; i++) {
      v[i] = group.beta1 * v[i] + (1 - group.beta1) * g[i] * g[i];
      u[i] = group.beta2 * u[i] + g[i] / (Math.sqrt(v[i]) + group.eps);
      theta[i] -= group.rate * u[i];
    }
  }

  @Override
  public void maxNorm(@Writes Buffer value, int rows, int columns, double limit) {
    double[] w = Reals.read(value);
    for (int i = 0; i < rows; i++) {
      double squares = 0;
      for (int j = 0; j < columns; j++) {
        squares += w[i * columns + j] * w[i * columns + j];
      }
      double norm = Math.sqrt(squares);
      for (int j = 0; norm > limit && j < columns; j++) {
        w[i * columns + j] *= limit / norm;
      }
    }
    Reals.write(value, w);
  }
}
