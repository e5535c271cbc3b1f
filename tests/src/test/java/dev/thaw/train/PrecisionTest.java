package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.Batch;
import dev.thaw.diagnose.GradientHealth;
import dev.thaw.memory.DType;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.InferencePlan;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.tensor.TensorOn;
import dev.thaw.transfer.Freeze;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Models in bfloat16 on the devices that compute so; masters, gradients and losses in float32. */
final class PrecisionTest {
  @TempDir private Path folder;

  static Stream<String> devices() {
    return Devices.available().stream().filter(kind -> Devices.get(kind).computes(DType.BFLOAT16));
  }

  private static Module zoo(String spec, int side, int channels) {
    try (var seeded = new Generator(5).use()) {
      return Zoo.create(spec, Shape.of(1, side, side, channels), 4);
    }
  }

  private static Run train(Module model, RandomBatches batches, int steps, Consumer<Trainer> set)
      throws Exception {
    Run run = new Run();
    try (model;
        batches;
        Optimizer optimizer = new Sgd(model, 0.01, 0.9)) {
      TrainingOptions options = TrainingOptions.epochs(4).seed(9).atMost(steps);
      Trainer trainer = new Trainer(model, optimizer, batches, options).listen(run);
      set.accept(trainer);
      trainer.run();
      for (Parameter p : model.parameters().values()) {
        assertEquals(DType.FLOAT32, p.value().dtype());
      }
      run.keep(model);
    }
    return run;
  }

  private static Run train(String device, String spec, int steps, Consumer<Trainer> set)
      throws Exception {
    return train(device, spec, 8, steps, set);
  }

  private static Run train(String device, String spec, int side, int steps, Consumer<Trainer> set)
      throws Exception {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    try (var on = backend.device().use()) {
      // The last batch of an epoch is short, so that not every step is the recorded one.
      int examples = side == 8 ? 36 : 164;
      RandomBatches batches = new RandomBatches(side, side, 2, 4, examples, 8, 4);
      Run run = train(zoo(spec, side, 2), batches, steps, set);
      assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
      return run;
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void lossesOfSeedCnnAreWithinOnePercentOfFloat32(String device) throws Exception {
    Run exact = train(device, "seed-cnn", 16, 20, t -> {});
    Run found = train(device, "seed-cnn", 16, 20, t -> t.precision(Precision.BF16));
    assertEquals(20, found.losses().size());
    double end = exact.losses().get(19);
    assertTrue(end < 0.9 * exact.losses().get(0), "it learns: " + exact.losses());
    for (int i = 0; i < 20; i++) {
      double allowed = 0.01 * exact.losses().get(i);
      assertEquals(
          exact.losses().get(i), found.losses().get(i), allowed, "loss of step " + (i + 1));
    }
    assertFalse(exact.losses().equals(found.losses()), "bfloat16 was computed in");
  }

  private static void agree(String device, String spec, Consumer<Trainer> set) throws Exception {
    Run eager = train(device, spec, 6, t -> set.accept(t.precision(Precision.BF16).eager()));
    Run planned = train(device, spec, 6, t -> set.accept(t.precision(Precision.BF16)));
    assertEquals(List.of(), planned.notes());
    for (int i = 0; i < eager.losses().size(); i++) {
      double loss = eager.losses().get(i);
      assertEquals(loss, planned.losses().get(i), 0.02 * loss, "loss of step " + (i + 1));
    }
    assertEquals(6, planned.losses().size());
    for (int i = 0; i < eager.weights().size(); i++) {
      assertArrayEquals(eager.weights().get(i), planned.weights().get(i), 0.01f, "parameter " + i);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void plannedStepsAgreeWithEagerOnes(String device) throws Exception {
    agree(device, "seed-cnn", t -> {});
    agree(device, "resnet20", t -> {});
  }

  @ParameterizedTest
  @MethodSource("devices")
  void aFrozenPrefixIsRoundedAndFoldedOnce(String device) throws Exception {
    agree(device, "resnet20", t -> new Freeze(t.model()).upTo("layer2"));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void gradientsAreFloat32AndActivationsHalf(String device) throws Exception {
    Backend backend = Devices.get(device);
    try (var on = backend.device().use();
        Module model = zoo("seed-cnn", 16, 3);
        RandomBatches batches = new RandomBatches(16, 16, 3, 4, 8, 8, 3)) {
      Batch batch = Objects.requireNonNull(batches.next());
      long exact = saved(Precision.FP32, model, batch);
      long half = saved(Precision.BF16, model, batch);
      // The copies of weights and the places of winners are beside the activations' half.
      long copies = model.parameterCount() * 2;
      assertTrue(half - copies < 0.62 * exact, half + " bytes, " + exact + " in float32");
    }
  }

  private static long saved(Precision precision, Module model, Batch batch) {
    try (Scope scope = Scope.open()) {
      Tensor loss = Functional.crossEntropy(precision.call(model, batch.x()), batch.y());
      assertEquals(DType.FLOAT32, loss.dtype());
      long bytes = TensorOn.tapeBytes(loss, Purpose.ACTIVATIONS);
      loss.backward();
      for (Parameter p : model.parameters().values()) {
        Tensor gradient = Objects.requireNonNull(p.value().grad());
        assertEquals(DType.FLOAT32, gradient.dtype());
        p.value().slot().release();
      }
      return bytes;
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void plansForInferenceRoundWeightsOnce(String device) {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    for (String spec : List.of("seed-cnn", "resnet20")) {
      try (var on = backend.device().use();
          Module model = zoo(spec, 8, 3);
          Scope scope = Scope.open()) {
        model.eval();
        Tensor x = new Generator(2).normal(0, 1, 2, 8, 8, 3);
        float[] eager;
        float[] exact;
        try (var none = Tensor.noGrad()) {
          eager = Precision.BF16.call(model, x).toFloats();
          exact = model.call(x).toFloats();
        }
        try (InferencePlan plan = InferencePlan.of(model, x.shape(), Precision.BF16);
            InferencePlan wide = InferencePlan.of(model, x.shape())) {
          Tensor y = plan.run(x);
          assertEquals(DType.FLOAT32, y.dtype());
          float size = largest(exact);
          assertArrayEquals(exact, y.toFloats(), 0.03f * size, spec);
          assertArrayEquals(eager, y.toFloats(), 0.03f * size, spec);
          assertFalse(java.util.Arrays.equals(exact, y.toFloats()), "computed in bfloat16");
          Map<String, Integer> kernels = plan.kernels();
          assertEquals(2, kernels.get("IndexKernels.cast"), "in and out: " + kernels);
          assertFalse(kernels.containsKey("NormKernels.batchForward"), "folded: " + kernels);
          assertFalse(kernels.containsKey("UnaryKernels.forward"), "fused: " + kernels);
          assertTrue(
              plan.arenaBytes() < 0.7 * wide.arenaBytes(),
              plan.arenaBytes() + " bytes, " + wide.arenaBytes() + " in float32");
        }
      }
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float v : values) {
      largest = Math.max(largest, Math.abs(v));
    }
    return largest;
  }

  @ParameterizedTest
  @MethodSource("devices")
  void evaluationAndHealthWorkInBfloat16(String device) throws Exception {
    try (var on = Devices.get(device).device().use();
        Module model = zoo("resnet20", 8, 2);
        RandomBatches batches = new RandomBatches(8, 8, 2, 4, 20, 8, 3)) {
      Evaluation.Result exact = Evaluation.of(model, batches);
      Evaluation.Result found = Evaluation.of(model, batches, Precision.BF16);
      assertEquals(20, found.examples());
      assertEquals(exact.loss(), found.loss(), 0.05 * exact.loss());
      batches.seek(0, 0);
      GradientHealth health = new GradientHealth(model).precision(Precision.BF16);
      double loss = health.sample(Objects.requireNonNull(batches.next()));
      assertTrue(Double.isFinite(loss) && health.isFinite());
      assertTrue(health.report().layers().stream().allMatch(layer -> layer.gradientNorm() > 0));
    }
  }

  @Test
  void resumingInAnotherPrecisionIsRefused() throws Exception {
    Path file = folder.resolve("checkpoint");
    train("plain", "mlp", 3, t -> t.precision(Precision.BF16).checkpoint(file, 2));
    train("plain", "mlp", 3, t -> resume(t.precision(Precision.BF16), file));
    String refused =
        String.valueOf(
            assertThrows(
                    IllegalStateException.class,
                    () -> train("plain", "mlp", 3, t -> resume(t, file)))
                .getMessage());
    assertTrue(refused.contains("precision fp32") && refused.contains("bf16"), refused);
  }

  private static void resume(Trainer trainer, Path file) {
    try {
      trainer.resume(file);
    } catch (java.io.IOException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  @Test
  void aDeviceThatCannotIsRefusedWithThoseThatCan() {
    String refused =
        String.valueOf(
            assertThrows(
                    IllegalArgumentException.class,
                    () -> Precision.TF32.check(Devices.get("plain")))
                .getMessage());
    assertTrue(
        refused.matches(
            "precision tf32: plain \\(Java.*\\) cannot compute so; .*NVIDIA cards of compute"
                + " capability 8\\.0 and newer can"),
        refused);
    assertEquals(1, refused.lines().count());
  }

  @Test
  void namesAreThoseOfTheOption() {
    assertEquals(Precision.BF16, Precision.named("bf16"));
    assertEquals(
        "precision: 'fp16' is unknown, say one of [fp32, tf32, bf16]",
        assertThrows(IllegalArgumentException.class, () -> Precision.named("fp16")).getMessage());
  }
}
