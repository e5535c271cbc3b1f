package dev.thaw.optim;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Backend.Reading;
import dev.thaw.backend.Devices;
import dev.thaw.backend.Segment;
import dev.thaw.backend.SegmentTable;
import dev.thaw.backend.StepState;
import dev.thaw.backend.UpdateRule;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.GradientSlot;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Moves the trainable parameters of a module. It asks the module, not a list made once: a frozen
 * parameter drops out, a thawed or new one joins at the next step, moments of what stays are kept.
 *
 * <p>Gradients and moments lie in arenas over the trainable parameters only, so a step is one
 * launch over a table of segments. A parameter that no rule reached since {@link #zeroGrad} is left
 * alone: no decay, no moments, no step count.
 */
public abstract class Optimizer implements AutoCloseable {
  /** A trainable parameter, its place in the arenas and the name it was found under. */
  private record Entry(
      String name, Parameter parameter, Buffer gradient, List<Buffer> moments, int group) {}

  private static final int ALIGNMENT = 64;

  private final Module model;
  private final UpdateRule rule;
  private final Grouping grouping;
  private Clip clip = Clip.NONE;
  private double factor = 1;
  private double gradientScale = 1;

  private @Nullable Backend home;
  private List<Entry> entries = List.of();
  private List<ParameterGroup> groups = List.of();
  private boolean[] active = new boolean[0];
  private @Nullable SegmentTable table;
  private @Nullable Settings settings;
  private @Nullable Buffer squares;
  private double callBase;
  private long layoutOf = -1;

  /** An optimizer of {@code model} by {@code rule}. */
  protected Optimizer(Module model, UpdateRule rule, Grouping grouping) {
    this.model = model;
    this.rule = rule;
    this.grouping = grouping;
  }

  /** The rule by which parameters move. */
  public final UpdateRule rule() {
    return rule;
  }

  /** Sets limits on gradients and weights from the next step on. */
  public final void clip(Clip limits) {
    clip = limits;
  }

  /** Multiplies every group's base rate from the next step on: what a schedule sets. */
  public final void factor(double value) {
    Check.that(value >= 0, "optimizer: rate factor %s is negative", value);
    factor = value;
  }

  /** Multiplies gradients before all else: 1 / batches accumulated. */
  public final void gradientScale(double value) {
    gradientScale = value;
  }

  /** The groups in use, largest rates as a schedule has set them. */
  public final List<ParameterGroup> groups() {
    layOut();
    return groups.stream().map(g -> g.at(g.name(), g.rate() * factor)).toList();
  }

  /**
   * The rate by which the next step moves the parameter of that name; 0 where it is not trained.
   */
  public final double rateOf(String name) {
    layOut();
    for (Entry entry : entries) {
      if (entry.name.equals(name)) {
        return groups.get(entry.group).rate() * factor;
      }
    }
    return 0;
  }

  /** Names of the parameters that a step would move. */
  public final List<String> trainable() {
    layOut();
    return entries.stream().map(Entry::name).toList();
  }

  /** Forgets all gradients; touches no memory. */
  public final void zeroGrad() {
    layOut();
    for (Entry entry : entries) {
      entry.parameter.value().slot().clear();
    }
  }

  /**
   * Moves every trainable parameter that has a gradient; the whole step is skipped when a gradient
   * is not finite.
   *
   * @throws IllegalStateException when every parameter is frozen
   */
  public final void step() {
    layOut();
    SegmentTable segments = java.util.Objects.requireNonNull(table);
    for (int i = 0; i < active.length; i++) {
      boolean reached = entries.get(i).parameter.value().slot().isWritten();
      if (reached != active[i]) {
        active[i] = reached;
        segments.setActive(i, reached);
      }
    }
    prepare();
    Backend backend = Devices.routed(requireHome());
    Buffer device = state();
    backend.update().norm(java.util.Objects.requireNonNull(squares), device, segments);
    backend.update().step(rule, segments, device);
    if (clip.weightNorm() > 0) {
      for (Entry entry : entries) {
        if (entry.parameter.shape().rank() > 1) {
          int rows = entry.parameter.shape().dim(0);
          int columns = (int) (entry.parameter.shape().elements() / rows);
          Buffer value = entry.parameter.value().buffer();
          backend.update().maxNorm(value, rows, columns, clip.weightNorm());
        }
      }
    }
  }

  /**
   * What the last step found.
   *
   * @param gradientNorm of all trainable gradients together, before clipping
   * @param nonFinite how many gradient elements were NaN or infinite
   * @param skipped whether nothing was moved for that
   */
  public record Report(double gradientNorm, long nonFinite, boolean skipped) {}

  /** Reads the last step's report; waits for the device. */
  public final Report report() {
    return laterReport().get();
  }

  /** Begins to read the last step's report; {@code get} waits for it, once. */
  public final Supplier<Report> laterReport() {
    if (settings == null) {
      return () -> new Report(0, 0, false);
    }
    Buffer device = settings.found;
    Reading reading = requireHome().read(device);
    return () -> {
      // In the Java heap: what direct memory each step took would wait for a collection.
      ByteBuffer bytes = ByteBuffer.allocate((int) device.bytes()).order(ByteOrder.nativeOrder());
      reading.to(bytes);
      return new Report(
          bytes.getDouble(8 * StepState.GRADIENT_NORM),
          (long) bytes.getDouble(8 * StepState.NON_FINITE),
          bytes.getDouble(8 * StepState.SKIP) != 0);
    };
  }

  /** Norms of the gradients in the last step, by parameter; waits for the device. */
  public final Map<String, Double> gradientNorms() {
    Map<String, Double> norms = new LinkedHashMap<>();
    if (squares != null && !squares.isClosed()) {
      ByteBuffer bytes = ByteBuffer.allocate(8 * entries.size()).order(ByteOrder.nativeOrder());
      requireHome().download(bytes, squares);
      for (int i = 0; i < entries.size(); i++) {
        norms.put(entries.get(i).name, active[i] ? Math.sqrt(bytes.getDouble(8 * i)) : 0);
      }
    }
    return norms;
  }

  /**
   * Writes what changes from step to step - rates, limits, the first random call - to the device's
   * state. Done by {@link #step}; before the replay of a recorded step, by hand.
   */
  public final void prepare() {
    layOut();
    Settings to = java.util.Objects.requireNonNull(settings);
    to.set(StepState.MAX_NORM, clip.norm());
    to.set(StepState.CLIP_VALUE, clip.value());
    to.set(StepState.GRADIENT_SCALE, gradientScale);
    to.set(StepState.CALL_BASE, callBase);
    for (int g = 0; g < groups.size(); g++) {
      ParameterGroup group = groups.get(g);
      int at = StepState.GROUPS + g * StepState.GROUP_SLOTS;
      to.set(at + StepState.RATE, group.rate() * factor);
      to.set(at + StepState.WEIGHT_DECAY, group.weightDecay());
      to.set(at + StepState.BETA1, group.beta1());
      to.set(at + StepState.BETA2, group.beta2());
      to.set(at + StepState.EPS, group.eps());
      to.set(at + StepState.NESTEROV, group.nesterov() ? 1 : 0);
    }
    to.write();
  }

  /** The {@link StepState} buffer on the device. */
  public final Buffer state() {
    layOut();
    return java.util.Objects.requireNonNull(settings).all;
  }

  /** Number of the first random call of the coming step, for ops that count from the state. */
  public final void callBase(long call) {
    callBase = call;
  }

  // ---- layout ----

  /** Lays the arenas out anew when a freeze flag, a policy or a head has changed since. */
  private void layOut() {
    if (layoutOf == Parameter.changes()) {
      return;
    }
    long changes = Parameter.changes();
    Map<Parameter, String> trainable = trainableNow();
    if (trainable.isEmpty()) {
      int all = (int) model.parameters().values().stream().distinct().count();
      throw new IllegalStateException(
          "nothing would be trained: all "
              + all
              + " parameters are frozen; thaw the head, or freeze fewer");
    }
    if (sameAs(trainable)) {
      layoutOf = changes;
      return;
    }
    IdentityHashMap<Parameter, Entry> before = new IdentityHashMap<>();
    int[] steps = stepCounts();
    IdentityHashMap<Parameter, Integer> stepsOf = new IdentityHashMap<>();
    for (int i = 0; i < entries.size(); i++) {
      before.put(entries.get(i).parameter, entries.get(i));
      stepsOf.put(entries.get(i).parameter, steps[i]);
    }
    List<Entry> old = entries;
    try {
      build(trainable, before);
      int[] counts = new int[entries.size()];
      for (int i = 0; i < counts.length; i++) {
        counts[i] = stepsOf.getOrDefault(entries.get(i).parameter, 0);
      }
      // Only now: after a refusal the next call must not find the old layout and move frozen
      // values.
      layoutOf = changes;
      setStepCounts(counts);
    } finally {
      if (entries != old) {
        release(old);
      }
    }
  }

  private Map<Parameter, String> trainableNow() {
    Map<Parameter, String> trainable = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, parameter) -> {
              if (!parameter.isFrozen()) {
                trainable.putIfAbsent(parameter, name);
              }
            });
    return trainable;
  }

  private boolean sameAs(Map<Parameter, String> trainable) {
    if (trainable.size() != entries.size()) {
      return false;
    }
    int i = 0;
    for (Parameter parameter : trainable.keySet()) {
      Entry entry = entries.get(i++);
      // Frozen and thawed again since: then its gradient has lost its place.
      if (entry.parameter != parameter || parameter.value().slot().buffer() != entry.gradient) {
        return false;
      }
    }
    return true;
  }

  private void build(Map<Parameter, String> trainable, IdentityHashMap<Parameter, Entry> before) {
    Backend backend = Devices.get(trainable.keySet().iterator().next().value().device());
    if (Devices.routed(backend) != backend) {
      throw new IllegalStateException(
          "optimizer: a step is being recorded whose gradients have no fixed place yet, so that every"
              + " replay would copy them there; call zeroGrad() before it is recorded");
    }
    home = backend;
    List<ParameterGroup> used = new ArrayList<>();
    List<Entry> laid = new ArrayList<>();
    long total = 0;
    for (Parameter parameter : trainable.keySet()) {
      total += aligned(parameter);
    }
    DType dtype = trainable.keySet().iterator().next().value().dtype();
    Buffer gradients = backend.pool().allocate(dtype, total, Purpose.GRADIENTS);
    List<Buffer> moments = new ArrayList<>();
    try {
      for (int m = 0; m < rule.moments(); m++) {
        Buffer moment = backend.pool().allocate(dtype, total, Purpose.OPTIMIZER);
        moments.add(moment);
        backend.index().fill(moment, 0);
      }
    } catch (OutOfMemoryError e) {
      gradients.release();
      moments.forEach(Buffer::release);
      throw e;
    }
    List<Segment> segments = new ArrayList<>();
    long at = 0;
    for (Map.Entry<Parameter, String> e : trainable.entrySet()) {
      Parameter parameter = e.getKey();
      Check.that(
          Devices.get(parameter.value().device()) == backend && parameter.value().dtype() == dtype,
          "optimizer: %s is %s on %s, others are %s on %s",
          e.getValue(),
          parameter.value().dtype(),
          parameter.value().device(),
          dtype,
          backend.device());
      ParameterGroup group = grouping.of(e.getValue(), parameter);
      if (!used.contains(group)) {
        used.add(group);
      }
      long n = parameter.shape().elements();
      Buffer gradient = gradients.slice(at, n);
      List<Buffer> own = new ArrayList<>();
      for (int m = 0; m < moments.size(); m++) {
        Buffer moment = moments.get(m).slice(at, n);
        Entry known = before.get(parameter);
        if (known != null) {
          copy(backend, moment, known.moments.get(m));
        }
        own.add(moment);
      }
      parameter.value().slot().place(gradient);
      laid.add(new Entry(e.getValue(), parameter, gradient, own, used.indexOf(group)));
      segments.add(new Segment(parameter.value().buffer(), gradient, own, used.indexOf(group)));
      at += aligned(parameter);
    }
    Check.that(
        used.size() <= StepState.MAX_GROUPS,
        "optimizer: %d parameter groups, at most %d",
        used.size(),
        StepState.MAX_GROUPS);
    // The slices hold the arenas from here on.
    gradients.release();
    moments.forEach(Buffer::release);
    closeTable();
    entries = laid;
    groups = used;
    active = new boolean[laid.size()];
    java.util.Arrays.fill(active, true);
    table = backend.update().table(segments);
    squares = backend.pool().allocate(DType.FLOAT64, laid.size(), Purpose.OPTIMIZER);
    if (settings == null) {
      settings = new Settings(backend);
    }
    settings.groups(used.size());
  }

  private static long aligned(Parameter parameter) {
    long step = ALIGNMENT / parameter.value().dtype().bytes();
    return (parameter.shape().elements() + step - 1) / step * step;
  }

  private static void copy(Backend backend, Buffer to, Buffer from) {
    dev.thaw.backend.Strided walk = new dev.thaw.backend.Strided(0, new int[] {1});
    backend.index().copy(to, walk, from, walk, new int[] {(int) from.elements()});
  }

  private void closeTable() {
    if (table != null) {
      table.close();
      table = null;
    }
    if (squares != null) {
      squares.release();
      squares = null;
    }
  }

  private static void release(List<Entry> old) {
    for (Entry entry : old) {
      GradientSlot slot = entry.parameter.value().slot();
      if (slot.buffer() == entry.gradient) {
        slot.release();
      }
      entry.gradient.release();
      entry.moments.forEach(Buffer::release);
    }
  }

  // ---- state in checkpoints ----

  /** Moments by parameter name, each as long as the parameter; for a checkpoint. */
  public final Map<String, List<Buffer>> moments() {
    layOut();
    Map<String, List<Buffer>> all = new LinkedHashMap<>();
    entries.forEach(e -> all.put(e.name, e.moments));
    return all;
  }

  /** How often each trainable parameter was updated, in the order of {@link #trainable}. */
  public final int[] stepCounts() {
    int[] counts = new int[entries.size()];
    if (table != null) {
      ByteBuffer bytes = ByteBuffer.allocate(4 * counts.length).order(ByteOrder.nativeOrder());
      requireHome().download(bytes, table.steps());
      bytes.asIntBuffer().get(counts);
    }
    return counts;
  }

  /** Sets the update counts, in the order of {@link #trainable}. */
  public final void setStepCounts(int[] counts) {
    layOut();
    Check.that(
        counts.length == entries.size(),
        "optimizer: %d step counts for %d parameters",
        counts.length,
        entries.size());
    ByteBuffer bytes = ByteBuffer.allocate(4 * counts.length).order(ByteOrder.nativeOrder());
    bytes.asIntBuffer().put(counts);
    requireHome().upload(java.util.Objects.requireNonNull(table).steps(), bytes);
  }

  private Backend requireHome() {
    return java.util.Objects.requireNonNull(home, "optimizer: nothing laid out yet");
  }

  /** Frees arenas, table and state; the module keeps its parameters. */
  @Override
  public final void close() {
    closeTable();
    release(entries);
    entries = List.of();
    active = new boolean[0];
    layoutOf = -1;
    if (settings != null) {
      settings.close();
      settings = null;
    }
  }
}
