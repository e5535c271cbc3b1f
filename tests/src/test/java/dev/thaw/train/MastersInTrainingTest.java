package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.io.NdArray;
import dev.thaw.memory.Buffer;
import dev.thaw.memory.DType;
import dev.thaw.models.StateDict;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Somebody changes float32 masters between two planned steps in bfloat16, and tells nobody: the
 * next step computes with copies of what they are then. Held, bit for bit, to a training that
 * records every step anew and so has no copies to be old.
 */
@ExtendWith(NothingLeft.class)
final class MastersInTrainingTest {
  private static final int STEPS = 7;

  @TempDir private Path folder = Path.of("");

  static Stream<String> devices() {
    return Devices.available().stream().filter(kind -> Devices.get(kind).computes(DType.BFLOAT16));
  }

  /** Pictures in batches of 4, of which the fifth is short: that step runs op by op. */
  private static BatchSource pictures() {
    return Nets.batches(18, 4);
  }

  private static Run train(
      Module model,
      BatchSource pictures,
      boolean anew,
      Consumer<Module> change,
      Consumer<Trainer> set)
      throws IOException {
    Run run = new Run();
    Parameter first = model.parameters().values().iterator().next();
    try (model;
        pictures;
        Optimizer optimizer = new Sgd(model, 0.02, 0.9)) {
      Trainer trainer =
          new Trainer(model, optimizer, pictures, TrainingOptions.epochs(2).atMost(STEPS));
      trainer
          .precision(Precision.BF16)
          .listen(run)
          .listen(
              new Listener() {
                @Override
                public void step(Step step) {
                  if (step.step() == 2) {
                    change.accept(model);
                  }
                  if (anew) {
                    first.set(first.values());
                  }
                }
              });
      set.accept(trainer);
      trainer.run();
      run.keep(model);
    }
    return run;
  }

  private static Run train(boolean anew, Consumer<Module> change) throws IOException {
    return train(Nets.model("seed-cnn", 2), pictures(), anew, change, trainer -> {});
  }

  private static void assertSame(Run expected, Run found) {
    assertEquals(expected.losses(), found.losses());
    assertEquals(expected.weights().size(), found.weights().size());
    for (int i = 0; i < expected.weights().size(); i++) {
      assertArrayEquals(expected.weights().get(i), found.weights().get(i), "parameter " + i);
    }
  }

  private static void holds(Consumer<Module> change) throws IOException {
    Run found = train(false, change);
    assertSame(train(true, change), found);
    assertEquals(STEPS, found.losses().size());
    assertNotEquals(train(false, model -> {}).losses().get(2), found.losses().get(2), "it changed");
  }

  @ParameterizedTest
  @MethodSource("devices")
  void byAKernelOnTheirBuffer(String device) throws IOException {
    try (var on = Devices.get(device).device().use()) {
      holds(
          model -> {
            Buffer weight = Nets.parameter(model, "conv2.weight").value().buffer();
            Devices.get(device).index().fill(weight, 0.01);
          });
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void byACopyFromTheHost(String device) throws IOException {
    try (var on = Devices.get(device).device().use()) {
      holds(
          model -> {
            Parameter weight = Nets.parameter(model, "fc1.weight");
            float[] values = weight.values();
            for (int i = 0; i < values.length; i++) {
              values[i] *= 0.5f;
            }
            Parameter.set(weight.value(), values);
          });
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void byAFileOfWeights(String device) throws IOException {
    try (var on = Devices.get(device).device().use()) {
      Map<String, NdArray> other;
      try (Module model = Nets.model("seed-cnn", 3)) {
        other = StateDict.of(model);
      }
      holds(model -> StateDict.load(model, other));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void byNobodyWhereAStepWasSkipped(String device) throws IOException {
    try (var on = Devices.get(device).device().use()) {
      Run run = skipping(false);
      assertSame(skipping(true), run);
      assertEquals(1, run.notes().size(), run.notes()::toString);
    }
  }

  private static Run skipping(boolean anew) throws IOException {
    BatchSource pictures = SkippedStepsTest.batches(STEPS, step -> step == 3);
    return train(new SkippedStepsTest.Rooted(), pictures, anew, model -> {}, trainer -> {});
  }

  @ParameterizedTest
  @MethodSource("devices")
  void byACheckpoint(String device) throws IOException {
    Path file = folder.resolve(device + ".checkpoint");
    try (var on = Devices.get(device).device().use()) {
      Run whole =
          train(
              Nets.model("seed-cnn", 2),
              pictures(),
              false,
              model -> {},
              trainer -> trainer.checkpoint(file, 4));
      Run rest =
          train(
              Nets.model("seed-cnn", 3),
              pictures(),
              false,
              model -> {},
              trainer -> resume(trainer, file));
      assertEquals(whole.losses().subList(4, STEPS), rest.losses());
      whole.losses().subList(0, 4).clear();
      assertSame(whole, rest);
    }
  }

  private static void resume(Trainer trainer, Path file) {
    try {
      trainer.resume(file);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
