package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.nn.FileOrder;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.nn.Slot;
import dev.thaw.optim.Adam;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Schedule;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Steps whose loss is finite and whose gradient is not: they move nothing, and are not endless. */
@ExtendWith(NothingLeft.class)
final class SkippedStepsTest {
  private static final double RATE = 0.01;

  @TempDir private Path folder = Path.of("");

  /**
   * A net whose logits are scaled by 1 + √(w · mean x²): a black picture costs nothing forward, and
   * the root's slope at 0 is infinite.
   */
  static final class Rooted extends Module {
    private final Slot net = slot("net", Nets.model("mlp:depth=2,width=8", 2));
    private final Parameter w =
        parameter("w", new Parameter(Shape.of(1), new float[] {1}, FileOrder.IDENTITY));

    @Override
    protected Tensor forward(Tensor x) {
      Tensor light = x.reshape(x.dim(0), -1).square().mean(1).reshape(x.dim(0), 1);
      return net.call(x).mul(light.mul(w.value()).sqrt().add(1));
    }
  }

  /** One epoch of batches of 4; those that {@code black} names, counted from 1, show nothing. */
  static BatchSource batches(int steps, IntPredicate black) {
    return Nets.batches(4 * steps, 4)
        .spoiltBy(
            batch -> {
              for (int i = 0; black.test(batch.number() + 1) && i < batch.shape().elements(); i++) {
                batch.pictures().putFloat(4 * i, 0);
              }
            });
  }

  /** What a training said and did, step by step. */
  private static final class Seen implements Listener {
    private final Module model;
    final List<Step> steps = new ArrayList<>();
    final List<Map<String, float[]>> states = new ArrayList<>();
    final List<String> notes = new ArrayList<>();

    Seen(Module model) {
      this.model = model;
    }

    @Override
    public void step(Step step) {
      steps.add(step);
      states.add(Nets.state(model));
    }

    @Override
    public void note(String line) {
      notes.add(line);
    }
  }

  private static Trainer trainer(
      Module model, Optimizer optimizer, BatchSource data, boolean eager) {
    Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
    return eager ? trainer.eager() : trainer;
  }

  @ParameterizedTest
  @MethodSource("dev.thaw.train.ChangesInTrainingTest#runs")
  void aSkippedStepMovesOnInScheduleAndDataAndNowhereElse(String device, boolean eager)
      throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = new Rooted();
        Optimizer optimizer = new Adam(model, RATE);
        BatchSource data = batches(6, step -> step == 3)) {
      Seen seen = new Seen(model);
      Trainer.Result result = trainer(model, optimizer, data, eager).listen(seen).run();
      assertEquals(6, result.steps());
      assertEquals(1, result.skipped());
      assertEquals(1, seen.notes.size(), seen.notes::toString);
      assertTrue(
          seen.notes.get(0).matches("step 3 skipped: \\d+ gradient elements are not finite"),
          seen.notes::toString);
      Schedule cosine = Schedule.cosine();
      for (int i = 0; i < 6; i++) {
        Listener.Step step = seen.steps.get(i);
        assertEquals(RATE * cosine.factor(i, 6), step.rate(), 1e-12, "rate of step " + (i + 1));
        assertEquals(i == 2, step.skipped(), "step " + (i + 1));
        if (i > 0) {
          boolean still =
              Arrays.equals(
                  seen.states.get(i - 1).get("net.fc1.weight"),
                  seen.states.get(i).get("net.fc1.weight"));
          assertEquals(i == 2, still, "step " + (i + 1));
        }
      }
      Nets.assertSame(seen.states.get(1), seen.states.get(2));
      int[] five = new int[optimizer.trainable().size()];
      Arrays.fill(five, 5);
      assertArrayEquals(five, optimizer.stepCounts());
    }
  }

  @ParameterizedTest
  @MethodSource("dev.thaw.train.ChangesInTrainingTest#runs")
  void tenInARowEndTheTrainingAndTheLastGoodCheckpointStays(String device, boolean eager)
      throws IOException {
    Path file = folder.resolve("c");
    try (var on = Devices.get(device).device().use();
        Module model = new Rooted();
        Optimizer optimizer = new Adam(model, RATE);
        BatchSource data = batches(20, step -> step > 3)) {
      Seen seen = new Seen(model);
      Trainer trainer = trainer(model, optimizer, data, eager).listen(seen).checkpoint(file, 1);
      assertEquals(
          "training: 10 steps in a row were skipped for gradients that are not finite, the last"
              + " was step 13; lower the rate or look at the data",
          assertThrows(TrainingStopped.class, trainer::run).getMessage());
      Nets.assertSame(seen.states.get(2), Nets.state(model));
      try (Module again = new Rooted();
          Optimizer other = new Adam(again, RATE)) {
        Trainer resumed = trainer(again, other, data, eager).resume(file);
        assertEquals(12, resumed.step());
        Nets.assertSame(seen.states.get(2), Nets.state(again));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dev.thaw.train.ChangesInTrainingTest#runs")
  void nineInARowDoNot(String device, boolean eager) throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = new Rooted();
        Optimizer optimizer = new Adam(model, RATE);
        BatchSource data = batches(20, step -> step % 10 != 1)) {
      Trainer.Result result = trainer(model, optimizer, data, eager).run();
      assertEquals(20, result.steps());
      assertEquals(18, result.skipped());
    }
  }
}
