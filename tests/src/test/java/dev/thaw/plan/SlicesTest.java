package dev.thaw.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import dev.thaw.transfer.Freeze;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A batch that goes through a plan in slices gives what it gives as a whole, in less memory. */
class SlicesTest {
  /** So little that pictures of 16 x 16 exceed it. */
  private static final long CACHE = 20 << 10;

  /** Models that move more than their weights even then. */
  private static final List<String> SLICED = List.of("seed-cnn", "resnet20");

  static List<String> devices() {
    return Devices.available();
  }

  static List<Object[]> models() {
    return InferencePlanTest.models();
  }

  private static int calls(Map<String, Integer> kernels) {
    return kernels.values().stream().mapToInt(i -> i).sum();
  }

  @ParameterizedTest
  @MethodSource("models")
  void inference(String device, String spec) {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    Generator generator = new Generator(3);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = InferencePlanTest.model(spec, generator);
        Scope scope = Scope.open()) {
      Tensor x = generator.normal(0, 1, 6, 16, 16, 3);
      try (InferencePlan whole = InferencePlan.of(model, x.shape(), Precision.FP32, 0);
          InferencePlan sliced = InferencePlan.of(model, x.shape(), Precision.FP32, CACHE);
          InferencePlan fork = sliced.fork()) {
        float[] expected = whole.run(x).toFloats();
        float allowed = Math.max(1e-4f, 1e-5f * InferencePlanTest.largest(expected));
        assertArrayEquals(expected, sliced.run(x).toFloats(), allowed);
        assertArrayEquals(expected, sliced.run(x).toFloats(), allowed, "the second run");
        assertArrayEquals(expected, fork.run(x).toFloats(), allowed, "the fork");
        assertTrue(sliced.arenaBytes() <= whole.arenaBytes(), "memory");
        if (SLICED.contains(spec)) {
          assertTrue(
              calls(sliced.kernels()) > calls(whole.kernels()), "sliced: " + sliced.kernels());
          assertTrue(sliced.arenaBytes() < whole.arenaBytes(), "less memory");
        }
      }
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  /** Parameters after three steps on a frozen prefix, and calls and bytes of a step. */
  private record Trained(List<float[]> parameters, int calls, long bytes) {}

  private static Trained train(Backend backend, long cacheBytes) {
    Generator generator = new Generator(4);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = Zoo.create("resnet20", Shape.of(1, 16, 16, 3), 5);
        Scope scope = Scope.open()) {
      new Freeze(model).upTo("layer2");
      Tensor x = generator.normal(0, 1, 6, 16, 16, 3);
      Tensor labels = Tensor.of(new int[] {0, 4, 2, 1, 1, 3}, 6);
      model.train();
      try (Optimizer optimizer = new Sgd(model, 0.05, 0.9)) {
        optimizer.zeroGrad();
        TrainingPlan.Outcome outcome =
            TrainingPlan.record(
                backend,
                model,
                () -> {
                  Functional.crossEntropy(model.call(x), labels).backward();
                  optimizer.step();
                },
                cacheBytes);
        optimizer.zeroGrad();
        List<float[]> parameters = new ArrayList<>();
        try (TrainingPlan plan = java.util.Objects.requireNonNull(outcome.plan())) {
          for (int i = 0; i < 3; i++) {
            optimizer.prepare();
            plan.run();
          }
          model.parameters().values().forEach(p -> parameters.add(p.values()));
          return new Trained(parameters, calls(plan.kernels()), plan.arenaBytes());
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void aFrozenPrefix(String device) {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    Trained whole = train(backend, 0);
    Trained sliced = train(backend, CACHE);
    assertTrue(sliced.calls > whole.calls, "sliced");
    assertTrue(sliced.bytes <= whole.bytes, "memory");
    for (int i = 0; i < whole.parameters.size(); i++) {
      assertArrayEquals(whole.parameters.get(i), sliced.parameters.get(i), 2e-4f, "parameter " + i);
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }
}
