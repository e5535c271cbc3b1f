package dev.thaw.plan;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An inference plan answers as the model does, with fewer kernels and no trace left behind. */
class InferencePlanTest {
  static List<String> devices() {
    return Devices.available();
  }

  static List<Object[]> models() {
    List<Object[]> all = new ArrayList<>();
    for (String device : devices()) {
      for (String model :
          List.of("seed-cnn", "mlp:depth=5,width=24,activation=gelu", "resnet20", "resnet18")) {
        all.add(new Object[] {device, model});
      }
    }
    // The whole zoo where that takes no minutes.
    if (devices().contains("cpu")) {
      Zoo.names().forEach(model -> all.add(new Object[] {"cpu", model}));
    }
    return all;
  }

  /** A model whose running statistics are not those of a fresh norm. */
  static Module model(String spec, Generator generator) {
    Module model = Zoo.create(spec, Shape.of(1, 16, 16, 3), 5);
    model
        .buffers()
        .forEach(
            (name, buffer) -> {
              int n = (int) buffer.shape().elements();
              Parameter.set(
                  buffer,
                  name.endsWith("var")
                      ? generator.uniforms(0.5, 2, n)
                      : generator.normals(0, 0.3, n));
            });
    return model;
  }

  @ParameterizedTest
  @MethodSource("models")
  void answersAsEager(String device, String spec) {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    Generator generator = new Generator(3);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = model(spec, generator);
        Scope scope = Scope.open()) {
      Tensor x = generator.normal(0, 1, 2, 16, 16, 3);
      model.eval();
      float[] eager;
      try (var none = Tensor.noGrad()) {
        eager = model.call(x).toFloats();
      }
      try (InferencePlan plan = InferencePlan.of(model, x.shape());
          InferencePlan fork = plan.fork()) {
        // Without training, deep nets answer in hundreds.
        float allowed = Math.max(1e-4f, 1e-5f * largest(eager));
        assertArrayEquals(eager, plan.run(x).toFloats(), allowed);
        assertArrayEquals(eager, plan.run(x).toFloats(), allowed, "the second run");
        assertArrayEquals(eager, fork.run(x).toFloats(), allowed, "the fork");
        Map<String, Integer> kernels = plan.kernels();
        assertFalse(kernels.containsKey("NormKernels.batchForward"), "norms folded: " + kernels);
        if (spec.startsWith("resnet")) {
          assertFalse(kernels.containsKey("UnaryKernels.forward"), "ReLU fused: " + kernels);
          assertFalse(kernels.containsKey("BinaryKernels.forward"), "sums fused: " + kernels);
        }
      }
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  static float largest(float[] values) {
    float largest = 0;
    for (float v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void forksServeThreadsAtOnce(String device) throws Exception {
    Backend backend = Devices.get(device);
    Generator generator = new Generator(4);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = model("seed-cnn", generator);
        Scope scope = Scope.open();
        InferencePlan plan = InferencePlan.of(model, Shape.of(1, 16, 16, 3))) {
      List<float[]> pictures = new ArrayList<>();
      List<float[]> serial = new ArrayList<>();
      for (int i = 0; i < 24; i++) {
        float[] picture = generator.normals(0, 1, 16 * 16 * 3);
        pictures.add(picture);
        serial.add(plan.run(Tensor.of(picture, 1, 16, 16, 3)).toFloats());
      }
      ExecutorService threads = Executors.newFixedThreadPool(8);
      try {
        List<Future<float[][]>> answers = new ArrayList<>();
        for (int t = 0; t < 8; t++) {
          answers.add(threads.submit(() -> all(backend, plan, pictures)));
        }
        for (Future<float[][]> answer : answers) {
          for (int i = 0; i < serial.size(); i++) {
            assertArrayEquals(serial.get(i), answer.get()[i], "picture " + i);
          }
        }
      } finally {
        threads.shutdown();
      }
    }
  }

  private static float[][] all(Backend backend, InferencePlan plan, List<float[]> pictures) {
    float[][] logits = new float[pictures.size()][];
    try (var on = backend.device().use();
        InferencePlan own = plan.fork()) {
      for (int i = 0; i < logits.length; i++) {
        try (Scope scope = Scope.open()) {
          logits[i] = own.run(Tensor.of(pictures.get(i), 1, 16, 16, 3)).toFloats();
        }
      }
    }
    return logits;
  }

  /** A module that looks at its values in Java. */
  private static final class Peeking extends Module {
    Peeking() {
      slot("fc", new dev.thaw.nn.Linear(4, 4));
    }

    @Override
    protected Tensor forward(Tensor x) {
      Tensor y = slots().get(0).call(x);
      return y.sum().item() > 0 ? y : y.neg();
    }
  }

  /** A module that multiplies by its input, where others have weights. */
  private static final class Quadratic extends Module {
    Quadratic() {
      slot("fc", new dev.thaw.nn.Linear(4, 4));
    }

    @Override
    protected Tensor forward(Tensor x) {
      try (Tensor y = slots().get(0).call(x)) {
        return y.matmul(x);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void theInputIsNoWeight(String device) {
    Generator generator = new Generator(6);
    try (var on = Devices.get(device).device().use();
        var seeded = generator.use();
        Module model = new Quadratic();
        Scope scope = Scope.open();
        InferencePlan plan = InferencePlan.of(model, Shape.of(4, 4))) {
      for (int run = 0; run < 3; run++) {
        Tensor x = generator.normal(0, 1, 4, 4);
        assertArrayEquals(model.call(x).toFloats(), plan.run(x).toFloats(), 1e-5f, "run " + run);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = "plain")
  void readingValuesIsNamedAsTheObstacle(String device) {
    try (var on = Devices.get(device).device().use();
        Module model = new Peeking()) {
      var e =
          assertThrows(
              IllegalStateException.class, () -> InferencePlan.of(model, Shape.of(1, 4)).close());
      assertTrue(String.valueOf(e.getMessage()).contains("not plannable at"), e.getMessage());
    }
  }
}
