package dev.thaw.transfer;

import dev.thaw.backend.Devices;
import dev.thaw.memory.Check;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Conv2d;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Observer;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Exchanges a model's head in place; everything else stays, to the byte. The head is the last
 * linear layer, or 1 x 1 convolution, on the way to the output, found by running one example: it
 * needs no name and works on any model that knows its example's shape.
 */
public final class HeadSwap {
  private final Module model;
  private final String path;

  /**
   * Finds the head of {@code model}.
   *
   * @throws IllegalArgumentException when there is none, or several; lists them
   */
  public HeadSwap(Module model) {
    this.model = model;
    this.path = find(model);
  }

  /** Full name of the head. */
  public String path() {
    return path;
  }

  /** The head itself: a {@link Linear} or a 1 x 1 {@link Conv2d}. */
  public Module head() {
    return model.module(path);
  }

  /** Number of classes the head tells apart. */
  public int classes() {
    return weight().shape().dim(0);
  }

  private static String find(Module model) {
    Shape example = model.example();
    Check.that(
        example != null,
        "head: this model does not know its example's shape; replace(\"name\", module) instead");
    IdentityHashMap<Tensor, String> outputs = new IdentityHashMap<>();
    boolean training = model.isTraining();
    List<Module.Observation> watches = new java.util.ArrayList<>();
    try (Scope scope = Scope.open();
        var on = deviceOf(model).use()) {
      model.eval();
      for (Map.Entry<String, Module> e : model.modules().entrySet()) {
        if (isHead(e.getValue())) {
          watches.add(model.observe(e.getKey(), noting(outputs)));
        }
      }
      int[] dims = java.util.Objects.requireNonNull(example).dims();
      // The picture asks for a gradient, so the tape shows the whole way, frozen or not.
      Tensor y = model.call(Tensor.zeros(dims).requiresGrad(true));
      Set<String> heads = new LinkedHashSet<>();
      for (Tensor output : Tape.nearest(y, outputs.keySet())) {
        heads.add(java.util.Objects.requireNonNull(outputs.get(output)));
      }
      Check.that(!heads.isEmpty(), "head: no linear layer or 1 x 1 convolution before the output");
      Check.that(
          heads.size() == 1,
          "head: several layers lead to the output, %s; replace(\"name\", module) the one you mean",
          heads);
      return heads.iterator().next();
    } finally {
      watches.forEach(Module.Observation::close);
      model.train(training);
    }
  }

  private static Observer noting(Map<Tensor, String> outputs) {
    return new Observer() {
      @Override
      public Tensor activation(String name, Tensor y) {
        outputs.put(y, name);
        return y;
      }
    };
  }

  private static boolean isHead(Module module) {
    return module instanceof Linear
        || (module instanceof Conv2d conv
            && conv.options().groups() == 1
            && conv.weight().shape().dim(1) == 1
            && conv.weight().shape().dim(2) == 1);
  }

  private static dev.thaw.memory.Device deviceOf(Module model) {
    return model.parameters().values().iterator().next().value().device();
  }

  /**
   * Puts a fresh head for {@code classes} classes in place of the old one.
   *
   * @return the new head
   */
  public Module replaceHead(int classes) {
    Check.that(classes > 0, "replaceHead: %d classes", classes);
    return put(classes);
  }

  /**
   * Keeps the rows of the classes {@code kept}, in that order, and drops the rest: the logits of
   * kept classes are what they were, and no training is needed.
   *
   * @param labels the names of the present classes, in order
   * @throws IllegalArgumentException when a name is unknown or named twice; lists the classes
   */
  public Module keepClasses(List<String> labels, List<String> kept) {
    checkLabels(labels);
    int[] rows = new int[kept.size()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = labels.indexOf(kept.get(i));
      Check.that(rows[i] >= 0, "keepClasses: no class '%s'; there are %s", kept.get(i), labels);
      Check.that(kept.indexOf(kept.get(i)) == i, "keepClasses: '%s' is named twice", kept.get(i));
    }
    Check.that(rows.length > 0, "keepClasses: no class is kept; there are %s", labels);
    return put(rows.length, rows);
  }

  /**
   * Adds fresh rows for {@code added} behind those of the present classes, which stay as they are.
   *
   * @param labels the names of the present classes, in order
   * @throws IllegalArgumentException when a name is already there
   */
  public Module addClasses(List<String> labels, List<String> added) {
    checkLabels(labels);
    for (String label : added) {
      Check.that(!labels.contains(label), "addClasses: '%s' is already a class", label);
    }
    Check.that(
        !added.isEmpty() && added.stream().distinct().count() == added.size(),
        "addClasses: %s names no class, or one twice",
        added);
    int[] rows = new int[labels.size()];
    Arrays.setAll(rows, i -> i);
    return put(labels.size() + added.size(), rows);
  }

  private void checkLabels(List<String> labels) {
    Check.that(
        labels.size() == classes(),
        "head: %d class names for %d classes: %s",
        labels.size(),
        classes(),
        labels.stream().limit(12).collect(Collectors.joining(", ")));
  }

  private Parameter weight() {
    return head() instanceof Linear linear ? linear.weight() : ((Conv2d) head()).weight();
  }

  private @Nullable Parameter bias() {
    return head() instanceof Linear linear ? linear.bias() : ((Conv2d) head()).bias();
  }

  /** A head of {@code classes} rows; row i starts as the old head's row {@code rows[i]}. */
  private Module put(int classes, int... rows) {
    float[] oldWeight = weight().values();
    Parameter oldBiases = bias();
    float[] oldBias = oldBiases == null ? new float[0] : oldBiases.values();
    Module fresh = fresh(classes, oldBiases != null);
    int columns = (int) (weight().shape().elements() / weight().shape().dim(0));
    fresh.to(deviceOf(model), weight().value().dtype());
    model.replace(path, fresh);
    float[] newWeight = weight().values();
    Parameter newBiases = bias();
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(oldWeight, rows[i] * columns, newWeight, i * columns, columns);
    }
    weight().set(newWeight);
    if (newBiases != null) {
      float[] newBias = newBiases.values();
      for (int i = 0; i < rows.length; i++) {
        newBias[i] = oldBias[rows[i]];
      }
      newBiases.set(newBias);
    }
    return fresh;
  }

  private Module fresh(int classes, boolean bias) {
    try (var on = Devices.get(deviceOf(model)).device().use()) {
      if (head() instanceof Linear linear) {
        return new Linear(linear.inFeatures(), classes, bias, dev.thaw.nn.Init.fanInUniform());
      }
      Conv2d conv = (Conv2d) head();
      return new Conv2d(
          conv.inChannels(), classes, 1, 1, conv.options(), bias, dev.thaw.nn.Init.fanInUniform());
    }
  }
}
