package dev.thaw.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What is left of a residual net's elementwise kernels in a planned training step. */
class TrainingFusionTest {
  static Stream<Arguments> nets() {
    return Devices.available().stream()
        .flatMap(
            device ->
                Stream.of(
                    Arguments.of(device, "resnet20", 9),
                    Arguments.of(device, "resnet18", 8),
                    Arguments.of(device, "resnet50", 16)));
  }

  /**
   * Norms take in shortcuts and ReLUs, forward and backward. The sum where a block's two gradients
   * meet is a kernel of its own, unless the device's convolutions add it.
   */
  @ParameterizedTest
  @MethodSource("nets")
  void normsTakeInShortcutsAndRectifiers(String device, String spec, int blocks) {
    Backend backend = Devices.get(device);
    Generator generator = new Generator(3);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = Zoo.create(spec, Shape.of(1, 16, 16, 3), 4);
        Optimizer optimizer = new Sgd(model, 1e-3, 0.9);
        Scope scope = Scope.open()) {
      Tensor x = generator.normal(0, 1, 2, 16, 16, 3);
      Tensor y = Tensor.of(new int[] {1, 3}, 2);
      model.train();
      optimizer.zeroGrad();
      TrainingPlan.Outcome outcome =
          TrainingPlan.record(
              backend,
              model,
              () -> {
                Functional.crossEntropy(model.call(x), y).backward();
                optimizer.step();
              });
      TrainingPlan plan = outcome.plan();
      assertNotNull(plan, outcome.obstacle());
      try (plan) {
        Map<String, Integer> kernels = plan.kernels();
        assertEquals(0, kernels.getOrDefault("UnaryKernels.forward", 0), "ReLUs: " + kernels);
        int sums = kernels.getOrDefault("BinaryKernels.forward", 0);
        int left = backend.conv().addsGradients() ? 0 : blocks;
        assertEquals(left, sums, "one where a block's two gradients meet: " + kernels);
        assertEquals(0, kernels.getOrDefault("UnaryKernels.backward", 0), "masks: " + kernels);
        // Two of resnet20's shortcuts take every second pixel and add channels of zeros, and back.
        int copies = spec.startsWith("resnet20") ? 8 : 0;
        assertEquals(copies, kernels.getOrDefault("IndexKernels.copy", 0), "copies: " + kernels);
      }
    }
  }

  /** Else each replay would copy all gradients to where the optimizer reads them. */
  @Test
  void gradientsHaveTheirPlacesBeforeAStepIsRecorded() {
    try (Module model = Zoo.create("mlp", Shape.of(1, 4, 4, 1), 2);
        Optimizer optimizer = new Sgd(model, 1e-3, 0.9);
        Scope scope = Scope.open()) {
      Tensor x = Tensor.ones(2, 4, 4, 1);
      Tensor y = Tensor.of(new int[] {1, 0}, 2);
      Runnable step =
          () -> {
            Functional.crossEntropy(model.call(x), y).backward();
            optimizer.step();
          };
      Backend backend = Devices.current();
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class, () -> TrainingPlan.record(backend, model, step));
      assertEquals(
          "optimizer: a step is being recorded whose gradients have no fixed place yet, so that"
              + " every replay would copy them there; call zeroGrad() before it is recorded",
          e.getMessage());
      optimizer.zeroGrad();
      try (TrainingPlan plan = TrainingPlan.record(backend, model, step).plan()) {
        assertNotNull(plan);
        plan.run();
      }
    }
  }

  static Stream<Arguments> devices() {
    // Shortcuts without weights, and with.
    return Devices.available().stream()
        .flatMap(
            device ->
                Stream.of(Arguments.of(device, "resnet20"), Arguments.of(device, "resnet18")));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void gradientsAreThoseOfTheEagerStep(String device, String spec) {
    Backend backend = Devices.get(device);
    Generator generator = new Generator(4);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = Zoo.create(spec, Shape.of(1, 32, 32, 3), 4);
        Optimizer optimizer = new Sgd(model, 1e-3, 0.9);
        Scope scope = Scope.open()) {
      Tensor x = generator.normal(0, 1, 4, 32, 32, 3);
      Tensor y = Tensor.of(new int[] {1, 3, 0, 2}, 4);
      model.train();
      Runnable step = () -> Functional.crossEntropy(model.call(x), y).backward();
      optimizer.zeroGrad();
      step.run();
      Map<String, double[]> eager = gradients(model);
      optimizer.zeroGrad();
      TrainingPlan.Outcome outcome = TrainingPlan.record(backend, model, step);
      try (TrainingPlan plan = Objects.requireNonNull(outcome.plan(), outcome::obstacle)) {
        // A search writes where it must not, if at all, in the first run.
        for (int run = 0; run < 2; run++) {
          plan.run();
          gradients(model).forEach((name, found) -> assertClose(name, eager.get(name), found));
        }
      }
    }
  }

  private static Map<String, double[]> gradients(Module model) {
    Map<String, double[]> all = new TreeMap<>();
    model
        .parameters()
        .forEach(
            (name, p) -> all.put(name, Objects.requireNonNull(p.value().grad(), name).toDoubles()));
    return all;
  }

  /**
   * Relative to the largest: sums are taken in another order, and norms divide by small spreads.
   */
  private static void assertClose(String name, double @Nullable [] expected, double[] found) {
    double largest = Arrays.stream(Objects.requireNonNull(expected)).map(Math::abs).max().orElse(0);
    assertArrayEquals(expected, found, 1e-4 * largest + 1e-7, name);
  }
}
