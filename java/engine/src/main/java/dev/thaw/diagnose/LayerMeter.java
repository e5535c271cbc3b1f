package dev.thaw.diagnose;

import dev.thaw.memory.Scope;
import dev.thaw.nn.Activation;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Adds up what passes one layer, from its output to the next layer's. Everything stays on the
 * device but a few numbers, the tanh and sigmoid values that are compared with limits, and at most
 * {@value #FEATURE_ROWS} rows of features.
 */
final class LayerMeter {
  /** Rows of features kept in all, and of one sample. */
  static final int FEATURE_ROWS = 512;

  private static final int ROWS_A_SAMPLE = 64;

  /** Wider features are not kept: they would take more memory than the net. */
  private static final int MOST_FEATURES = 4096;

  private static final double SATURATED = 0.97;

  final String name;
  final Module module;

  /** Its own parameters, by full name. */
  final Map<String, Parameter> parameters;

  private double activationSquares;
  private long activationElements;
  private double flowSquares;
  private int flowSamples;
  private double gradientSquares;
  private int gradientSamples;
  private long saturated;
  private long bounded;
  private boolean @Nullable [] alive;
  private long examples;
  private final List<float[]> features = new ArrayList<>();
  private float @Nullable [] latest;
  private int featureWidth;
  private int latestWidth;
  private int featureRows;

  LayerMeter(String name, Module module, Map<String, Parameter> parameters) {
    this.name = name;
    this.module = module;
    this.parameters = parameters;
  }

  /** Whether it holds a weight, not just a scale and a shift. */
  boolean hasWeight() {
    return parameters.values().stream().anyMatch(p -> p.shape().rank() >= 2);
  }

  /** Whether a sample came through. */
  boolean wasPassed() {
    return activationElements > 0;
  }

  /** The layer's own output; returns how many values are not finite. */
  long output(Tensor y) {
    Measured m = Measured.of(y);
    activationSquares += m.norm() * m.norm();
    activationElements += y.shape().elements() - m.nonFinite();
    keepFeatures(y);
    return m.nonFinite();
  }

  /** Something that works on the layer's output: an activation, a pool, a sum. */
  long behind(Module by, Tensor y) {
    Measured m = Measured.of(y);
    keepFeatures(y);
    String function = by instanceof Activation a ? a.name() : "";
    if (function.equals("tanh") || function.equals("sigmoid")) {
      double high = SATURATED;
      double low = function.equals("tanh") ? -SATURATED : 1 - SATURATED;
      for (float v : y.toFloats()) {
        saturated += v < low || v > high ? 1 : 0;
      }
      bounded += y.shape().elements();
    } else if (function.equals("relu")) {
      noteAlive(y);
    }
    return m.nonFinite();
  }

  /** A unit is a channel: alive when any example, anywhere, makes it differ from 0. */
  private void noteAlive(Tensor y) {
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad()) {
      float[] largest = y.detach().reshape(-1, y.dim(-1)).max(0).toFloats();
      if (alive == null || alive.length != largest.length) {
        alive = new boolean[largest.length];
        examples = 0;
      }
      for (int i = 0; i < largest.length; i++) {
        alive[i] |= largest[i] != 0;
      }
      examples += y.dim(0);
    }
  }

  /** What the next layer will read is what came last: earlier rows of this sample give way. */
  private void keepFeatures(Tensor y) {
    int width = y.rank() < 2 ? 0 : y.dim(-1);
    if (featureRows >= FEATURE_ROWS || width < 2 || width > MOST_FEATURES) {
      return;
    }
    long rows = y.shape().elements() / width;
    int kept = (int) Math.min(rows, Math.min(ROWS_A_SAMPLE, FEATURE_ROWS - featureRows));
    long[] index = new long[kept];
    for (int i = 0; i < kept; i++) {
      // One of each of as many equal stretches, not always at the same place in it.
      index[i] = i * rows / kept + (i * 7919L) % Math.max(1, rows / kept);
    }
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad();
        var there = y.device().use()) {
      Tensor matrix = y.detach().reshape((int) rows, width);
      latest = Functional.take(matrix, Tensor.of(index, kept), 0).toFloats();
      latestWidth = width;
    }
  }

  /** The gradient by the layer's output; returns how many values are not finite. */
  long flow(Tensor dy) {
    Measured m = Measured.of(dy);
    flowSquares += m.norm() * m.norm();
    flowSamples++;
    return m.nonFinite();
  }

  /** Ends a sample: reads the gradients of the parameters; the first bad one is returned. */
  @Nullable String endSample() {
    if (latest != null && (featureWidth == latestWidth || features.isEmpty())) {
      featureWidth = latestWidth;
      features.add(latest);
      featureRows += latest.length / latestWidth;
    }
    latest = null;
    String bad = null;
    boolean reached = false;
    for (Map.Entry<String, Parameter> e : parameters.entrySet()) {
      Tensor gradient = e.getValue().value().grad();
      if (gradient != null) {
        Measured m = Measured.of(gradient);
        gradientSquares += m.norm() * m.norm();
        reached = true;
        if (m.nonFinite() > 0 && bad == null) {
          bad = "the gradient of " + e.getKey();
        }
      }
    }
    gradientSamples += reached ? 1 : 0;
    return bad;
  }

  /**
   * What was seen.
   *
   * @param updates log10 of the last update over the parameters, by module
   * @param distances from the start after it, by module
   */
  LayerHealth health(Map<String, Double> updates, Map<String, Double> distances) {
    long frozen = parameters.values().stream().filter(Parameter::isFrozen).count();
    double square = 0;
    for (Parameter p : parameters.values()) {
      double norm = Measured.of(p.value()).norm();
      square += norm * norm;
    }
    return new LayerHealth(
        name,
        module.getClass().getSimpleName(),
        frozen == 0 ? "trained" : frozen == parameters.size() ? "frozen" : "partly",
        gradientSamples > 0 || frozen == parameters.size() && flowSamples > 0,
        Math.sqrt(square),
        gradientSamples == 0 ? Double.NaN : Math.sqrt(gradientSquares / gradientSamples),
        activationElements == 0 ? Double.NaN : Math.sqrt(activationSquares / activationElements),
        flowSamples == 0 ? Double.NaN : Math.sqrt(flowSquares / flowSamples),
        updates.getOrDefault(name, Double.NaN),
        distances.getOrDefault(name, Double.NaN),
        bounded == 0 ? Double.NaN : saturated / (double) bounded,
        dead(),
        rank());
  }

  private double dead() {
    if (alive == null || examples < GradientHealth.DEAD_EXAMPLES) {
      return Double.NaN;
    }
    int dead = 0;
    for (boolean a : alive) {
      dead += a ? 0 : 1;
    }
    return dead / (double) alive.length;
  }

  private @Nullable Rank rank() {
    if (featureRows < 2) {
      return null;
    }
    float[] all = new float[featureRows * featureWidth];
    int at = 0;
    for (float[] rows : features) {
      System.arraycopy(rows, 0, all, at, rows.length);
      at += rows.length;
    }
    float largest = 0;
    for (float v : all) {
      if (!Float.isFinite(v)) {
        return null;
      }
      largest = Math.max(largest, Math.abs(v));
    }
    // Rank knows no unit, and sums of features near the largest float overflow. A power of two
    // changes no bit of the fractions.
    int exponent = Math.max(Math.getExponent(largest), Float.MIN_EXPONENT);
    for (int i = 0; i < all.length; i++) {
      all[i] = Math.scalb(all[i], -exponent);
    }
    try (Scope scope = Scope.open()) {
      return RankMeter.ofFeatures(Tensor.of(all, featureRows, featureWidth));
    }
  }
}
