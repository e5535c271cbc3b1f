package dev.thaw.diagnose;

import static dev.thaw.tensor.Op.reads;
import static dev.thaw.tensor.Op.wrt;

import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.Check;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.models.Mlp;
import dev.thaw.nn.Activation;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Observer;
import dev.thaw.nn.Parameter;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.GradientSlot;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Watches a model: what flows forward and backward at each layer on the batches given to {@link
 * #sample}, how far each layer moves in the steps put between {@link #beforeStep} and {@link
 * #afterStep}, and how far it is from where the watch began.
 *
 * <p>A sample leaves the model as it was: no parameter moves, no gradient stays, norms that would
 * move their running statistics use those of the batch, and dropout draws from numbers of its own.
 * It costs one eager step and makes recorded steps stale, so a training takes samples rarely: every
 * few hundred steps ({@code train.Checkup}).
 */
public final class GradientHealth {
  /** Examples a ReLU unit must have been 0 on before it is called dead. */
  public static final int DEAD_EXAMPLES = 1024;

  private final Module model;
  private final Map<String, float[]> start = new LinkedHashMap<>();
  private final Map<String, LayerMeter> layers = new LinkedHashMap<>();
  private final Map<String, float[]> before = new LinkedHashMap<>();
  private final Map<String, Double> updates = new LinkedHashMap<>();
  private final Map<String, Double> distances = new LinkedHashMap<>();
  private Precision precision = Precision.FP32;
  private @Nullable String nonFinite;
  private double lossSum;
  private int samples;
  private long examples;

  /** Begins the watch: copies the parameters to the host, to know later how far they moved. */
  public GradientHealth(Module model) {
    this.model = model;
    model.parameters().forEach((name, p) -> start.put(name, p.values()));
    Check.that(!start.isEmpty(), "gradient health: the model has no parameter");
  }

  /**
   * Runs batches in {@code precision}, that of the training that is watched.
   *
   * @throws IllegalArgumentException when the model's device cannot compute so
   */
  public GradientHealth precision(Precision precision) {
    precision.check(Devices.get(device()));
    this.precision = precision;
    return this;
  }

  // ---- samples ----

  /**
   * Runs one batch forward and backward, cross-entropy being the loss.
   *
   * @return the loss, which may be not finite
   * @throws IllegalArgumentException when the batch itself holds values that are not finite
   */
  public double sample(Batch batch) {
    try (Scope scope = Scope.open();
        var on = device().use();
        var math = precision.on(Devices.get(device()))) {
      Tensor x = batch.x();
      long bad = Measured.of(x).nonFinite();
      Check.that(
          bad == 0,
          "gradient health: %d of the batch's %d values are not finite; look at the data",
          bad,
          x.shape().elements());
      Tensor y = batch.y();
      return sample(batch.size(), () -> Functional.crossEntropy(precision.call(model, x), y));
    }
  }

  /**
   * Runs {@code loss} forward and backward.
   *
   * @param size how many examples are behind it
   * @param loss calls the model and makes a scalar of what comes out
   * @return the loss, which may be not finite
   * @throws IllegalStateException when gradients of a step lie in the parameters: a sample is taken
   *     between steps
   */
  public double sample(int size, Supplier<Tensor> loss) {
    Map<GradientSlot, Boolean> slots = slots();
    Watch watch = new Watch();
    List<BatchNorm> norms = stillNorms();
    try (Scope scope = Scope.open();
        var on = device().use();
        var numbers = new Generator(samples).use();
        var watching = model.observe("*", watch)) {
      noteParameters();
      Tensor result = loss.get();
      double value = result.item();
      note(Double.isFinite(value), "the loss");
      if (result.requiresGrad() && Double.isFinite(value)) {
        result.backward();
      }
      for (LayerMeter layer : layers.values()) {
        String bad = layer.endSample();
        note(bad == null, String.valueOf(bad));
      }
      lossSum += value;
      samples++;
      examples += size;
      return value;
    } finally {
      norms.forEach(norm -> norm.policy(BnPolicy.TRAIN_ALL));
      slots.forEach(
          (slot, hadPlace) -> {
            if (hadPlace) {
              slot.clear();
            } else {
              slot.release();
            }
          });
    }
  }

  private Device device() {
    return model.parameters().values().iterator().next().value().device();
  }

  /** Every parameter's gradient, and whether it had a place of its own before. */
  private Map<GradientSlot, Boolean> slots() {
    Map<GradientSlot, Boolean> slots = new LinkedHashMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              GradientSlot slot = p.value().slot();
              if (slot.isWritten()) {
                throw new IllegalStateException(
                    "gradient health: "
                        + name
                        + " holds a gradient; take samples between steps, after zeroGrad");
              }
              slots.put(slot, slot.buffer() != null);
            });
    return slots;
  }

  /** Norms that would move their running statistics use the batch's without keeping them. */
  private List<BatchNorm> stillNorms() {
    List<BatchNorm> norms = new ArrayList<>();
    for (Module module : model.modules().values()) {
      if (module instanceof BatchNorm norm && norm.policy() == BnPolicy.TRAIN_ALL) {
        norms.add(norm.policy(BnPolicy.BATCH_STATS));
      }
    }
    return norms;
  }

  private void noteParameters() {
    model
        .parameters()
        .forEach((name, p) -> note(Measured.of(p.value()).nonFinite() == 0, "parameter " + name));
  }

  private void note(boolean finite, String where) {
    if (!finite && nonFinite == null) {
      nonFinite = where;
    }
  }

  /** Sees every module's output, in the order in which they are made. */
  private final class Watch implements Observer {
    private final Map<String, Module> modules = model.modules();
    private final Map<String, Integer> calls = new HashMap<>();
    private @Nullable LayerMeter layer;
    private @Nullable Buffer last;

    @Override
    public Tensor activation(String name, Tensor y) {
      Module module = modules.get(name);
      if (module == null || y.buffer() == last || !y.dtype().isFloating()) {
        // A module that hands on what its last part made, or a view of it: seen already.
        return y;
      }
      last = y.buffer();
      Map<String, Parameter> own = own(name, module);
      if (own.isEmpty()) {
        LayerMeter above = layer;
        long bad = above == null ? Measured.of(y).nonFinite() : above.behind(module, y);
        note(bad == 0, name.isEmpty() ? "the model's output" : name);
        return y;
      }
      int call = calls.merge(name, 1, Integer::sum);
      String key = call == 1 ? name : name + "#" + call;
      LayerMeter here = layers.computeIfAbsent(key, k -> new LayerMeter(k, module, own));
      layer = here;
      note(here.output(y) == 0, key);
      if (!y.requiresGrad()) {
        return y;
      }
      return y.detach()
          .madeBy(
              "observe",
              wrt(
                  y,
                  reads(),
                  dy -> {
                    note(here.flow(dy) == 0, "the gradient at " + key);
                    return dy;
                  }));
    }
  }

  /** Parameters that lie in the module itself, by full name. */
  private static Map<String, Parameter> own(String path, Module module) {
    Map<String, Parameter> own = new LinkedHashMap<>();
    String prefix = path.isEmpty() ? "" : path + ".";
    module
        .parameters()
        .forEach(
            (name, p) -> {
              if (name.indexOf('.') < 0) {
                own.put(prefix + name, p);
              }
            });
    return own;
  }

  // ---- steps ----

  /** Copies the trainable parameters to the host; the next optimizer step is the one measured. */
  public void beforeStep() {
    before.clear();
    model
        .parameters()
        .forEach(
            (name, p) -> {
              if (!p.isFrozen()) {
                before.put(name, p.values());
              }
            });
  }

  /**
   * Measures how far the parameters moved since {@link #beforeStep}: the real update, after rate,
   * momentum and decay. Parameters that started at 0 are left out: anything is far for them. Notes
   * how far each layer is from the start, too.
   */
  public void afterStep() {
    Map<String, Parameter> now = model.parameters();
    model
        .modules()
        .forEach(
            (name, module) -> {
              double moved = 0;
              double size = 0;
              double away = 0;
              double origin = 0;
              for (String full : own(name, module).keySet()) {
                Parameter parameter = now.get(full);
                float[] first = start.get(full);
                if (parameter == null || first == null) {
                  continue;
                }
                float[] was = startedAtZero(first) ? null : before.get(full);
                float[] is = parameter.values();
                for (int i = 0; i < is.length; i++) {
                  away += ((double) is[i] - first[i]) * ((double) is[i] - first[i]);
                  origin += (double) first[i] * first[i];
                  moved += was == null ? 0 : Math.abs((double) is[i] - was[i]);
                  size += was == null ? 0 : Math.abs((double) was[i]);
                }
              }
              if (size > 0) {
                updates.put(name, Math.log10(moved / size));
              }
              if (origin > 0) {
                distances.put(name, Math.sqrt(away / origin));
              }
            });
    before.clear();
  }

  private static boolean startedAtZero(float[] values) {
    for (float v : values) {
      if (v != 0) {
        return false;
      }
    }
    return true;
  }

  // ---- what was seen ----

  /** Whether every value met so far was finite. */
  public boolean isFinite() {
    return nonFinite == null;
  }

  /** Forgets samples and steps; the start that distances are measured from stays. */
  public void forget() {
    layers.clear();
    updates.clear();
    distances.clear();
    nonFinite = null;
    lossSum = 0;
    samples = 0;
    examples = 0;
  }

  /** Everything seen since the watch began; costs the ranks of the features kept. */
  public HealthReport report() {
    addUnseen();
    try (var on = device().use()) {
      List<LayerHealth> healths = new ArrayList<>();
      List<Double> norms = new ArrayList<>();
      List<Integer> widths = new ArrayList<>();
      List<LayerMeter> weighted =
          layers.values().stream().filter(l -> l.hasWeight() && l.wasPassed()).toList();
      LayerMeter head = weighted.isEmpty() ? null : weighted.get(weighted.size() - 1);
      boolean heRelu = isReluMlp();
      for (LayerMeter layer : layers.values()) {
        LayerHealth health = layer.health(updates, distances);
        healths.add(health);
        // The head's own output has a gradient of another making: the loss's.
        if (layer != head && layer.hasWeight() && !Double.isNaN(health.flowNorm())) {
          norms.add(health.flowNorm());
          if (heRelu && layer.module instanceof Linear linear) {
            widths.add(linear.outFeatures());
          }
        }
      }
      Trend trend = Trend.of(norms);
      double z = Double.NaN;
      if (widths.size() >= 2) {
        z = trend.againstHeRelu(widths.subList(0, widths.size() - 1));
      }
      double loss = samples == 0 ? Double.NaN : lossSum / samples;
      return new HealthReport(loss, examples, healths, trend, z, nonFinite);
    }
  }

  /** Layers that no sample has passed, but whose weights were watched. */
  private void addUnseen() {
    model
        .modules()
        .forEach(
            (name, module) -> {
              Map<String, Parameter> own = own(name, module);
              if (!own.isEmpty()) {
                layers.computeIfAbsent(name, k -> new LayerMeter(k, module, own));
              }
            });
  }

  private boolean isReluMlp() {
    boolean relu = model instanceof Mlp;
    for (Module module : model.modules().values()) {
      relu &= !(module instanceof Activation a) || a.name().equals("relu");
    }
    return relu;
  }
}
