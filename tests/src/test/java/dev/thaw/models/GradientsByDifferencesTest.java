package dev.thaw.models;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.DType;
import dev.thaw.memory.Device;
import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.function.Executable;

/**
 * Gradients of whole nets against finite differences, on plain in double: of each parameter along
 * its own gradient, where the slope is largest, and along a random direction.
 */
@ExtendWith(NothingLeft.class)
final class GradientsByDifferencesTest {
  private static final Device PLAIN = Device.of("plain");
  private static final double H = 1e-6;
  private static final int EXAMPLES = 3;
  private static final int CLASSES = 5;

  @Test
  void seedCnn() {
    check(() -> new SeedCnn(6, 5, 2, CLASSES), 6, 5, 2);
  }

  @Test
  void mlp() {
    for (String activation : List.of("tanh", "gelu", "silu", "softplus", "elu")) {
      Mlp.Options options = new Mlp.Options(4, 6, activation, "xavier");
      check(() -> new Mlp(dev.thaw.tensor.Shape.of(1, 2, 3, 1), CLASSES, options), 2, 3, 1);
    }
  }

  @Test
  void cifarResNet() {
    check(() -> new CifarResNet(8, 8, 6, 3, CLASSES), 8, 6, 3);
  }

  @Test
  void resNet() {
    ResNet.Options options = new ResNet.Options(new int[] {1, 1, 1, 1}, false, 2, false);
    check(() -> new ResNet(40, 36, 3, CLASSES, options), 40, 36, 3);
  }

  @Test
  void bottleneckResNetForSmallPictures() {
    ResNet.Options options = new ResNet.Options(new int[] {1, 1, 1, 1}, true, 2, true);
    check(() -> new ResNet(12, 10, 3, CLASSES, options), 12, 10, 3);
  }

  private static void check(Supplier<Module> make, int h, int w, int c) {
    Generator generator = new Generator(7);
    try (var on = PLAIN.use();
        var numbers = generator.use();
        Module model = make.get();
        Scope scope = Scope.open()) {
      model.to(PLAIN, DType.FLOAT64);
      Tensor x = generator.normal(0, 1, EXAMPLES, h, w, c).to(DType.FLOAT64);
      Tensor targets = generator.integers(CLASSES, EXAMPLES);
      Map<String, double[]> gradients = new LinkedHashMap<>();
      try (Scope step = Scope.open()) {
        Functional.crossEntropy(model.call(x), targets).backward();
        model
            .parameters()
            .forEach(
                (name, p) ->
                    gradients.put(name, Objects.requireNonNull(p.value().grad()).toDoubles()));
      }
      List<Executable> checks = new ArrayList<>();
      model
          .parameters()
          .forEach(
              (name, p) -> {
                double[] g = Objects.requireNonNull(gradients.get(name));
                double norm = norm(g);
                double[] random = unit(doubles(generator.normals(0, 1, g.length)));
                double along = slope(model, x, targets, p, unit(g));
                double across = slope(model, x, targets, p, random);
                double expected = dot(g, random);
                checks.add(() -> close(name + " along its gradient", norm, along, norm));
                checks.add(() -> close(name + " along a random line", expected, across, norm));
              });
      assertAll(checks);
    }
  }

  /** (loss(θ + h u) − loss(θ − h u)) / 2h. */
  private static double slope(Module model, Tensor x, Tensor targets, Parameter p, double[] u) {
    double[] start = p.value().toDoubles();
    double up = loss(model, x, targets, p, moved(start, u, H));
    double down = loss(model, x, targets, p, moved(start, u, -H));
    set(p, start);
    return (up - down) / (2 * H);
  }

  private static double loss(Module model, Tensor x, Tensor targets, Parameter p, double[] values) {
    set(p, values);
    try (Scope scope = Scope.open();
        Tensor.Gradients off = Tensor.noGrad()) {
      return Functional.crossEntropy(model.call(x), targets).item();
    }
  }

  private static void set(Parameter p, double[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.length).order(ByteOrder.nativeOrder());
    bytes.asDoubleBuffer().put(values);
    Backend backend = Devices.get(PLAIN);
    backend.upload(p.value().buffer(), bytes);
  }

  private static void close(String what, double expected, double found, double norm) {
    assertTrue(norm > 1e-6, () -> what + ": the gradient " + norm + " says nothing");
    assertTrue(
        Math.abs(found - expected) <= 2e-6 * norm,
        () -> what + ": differences say " + found + ", backward says " + expected);
  }

  private static double[] moved(double[] start, double[] u, double h) {
    double[] moved = new double[start.length];
    for (int i = 0; i < moved.length; i++) {
      moved[i] = start[i] + h * u[i];
    }
    return moved;
  }

  private static double[] unit(double[] v) {
    return moved(new double[v.length], v, 1 / norm(v));
  }

  private static double norm(double[] v) {
    return Math.sqrt(dot(v, v));
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static double[] doubles(float[] v) {
    double[] d = new double[v.length];
    for (int i = 0; i < v.length; i++) {
      d[i] = v[i];
    }
    return d;
  }
}
