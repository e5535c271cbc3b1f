package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.nn.FileOrder;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Adam;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * After the first step: what has a gradient and a rate has moved, or the training says what has
 * not.
 */
@ExtendWith(NothingLeft.class)
final class MovementTest {
  /** Answers each picture by the same two logits. */
  private static final class Constant extends Module {
    private final Parameter logits;

    Constant(float... values) {
      logits = parameter("logits", new Parameter(Shape.of(2), values, FileOrder.IDENTITY));
    }

    @Override
    protected Tensor forward(Tensor x) {
      return x.reshape(x.dim(0), -1).mean(1).mul(0).reshape(x.dim(0), 1).add(logits.value());
    }
  }

  /**
   * Logits [1, -1] for pictures that are all of class 0 have the gradient [-q, q], q = 1 / (1 +
   * e²): a decay of q pulls back as hard as the gradient pushes, and nothing moves.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatStandsStillAlthoughItHasAGradientIsNamed(boolean eager) throws IOException {
    double q = 1 / (1 + Math.exp(2));
    try (var on = Devices.get("plain").device().use();
        Module model = new Constant(1, -1);
        Optimizer optimizer = new Sgd(model, Grouping.decayingAll(Sgd.group(0.01, 0, q, false)));
        BatchSource data = new RandomBatches(8, 8, 1, 1, 8, 4, 3)) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
      TrainingStopped e =
          assertThrows(TrainingStopped.class, (eager ? trainer.eager() : trainer)::run);
      assertEquals(
          "training: logits has a gradient of norm 0.169 and did not move in the first step; is it"
              + " copied, or held by another model?",
          e.getMessage());
    }
  }

  @Test
  void theFirstThatStoodStillIsNamed() throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = Nets.model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.05, 0.9);
        BatchSource data = Nets.batches(8, 4)) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
      optimizer.zeroGrad();
      Movement movement = new Movement(model);
      try (var scope = dev.thaw.memory.Scope.open()) {
        var batch = java.util.Objects.requireNonNull(data.next());
        trainer.loss(batch.x(), batch.y()).backward();
      }
      List<String> still = List.of("conv2.bias", "fc1.weight");
      List<float[]> before = still.stream().map(n -> Nets.parameter(model, n).values()).toList();
      optimizer.step();
      movement.check(optimizer, Clip.NONE);
      for (int i = 0; i < still.size(); i++) {
        Nets.parameter(model, still.get(i)).set(before.get(i));
      }
      TrainingStopped e =
          assertThrows(TrainingStopped.class, () -> movement.check(optimizer, Clip.NONE));
      assertTrue(
          String.valueOf(e.getMessage()).startsWith("training: conv2.bias has a gradient"),
          e.getMessage());
    }
  }

  /** Floats about 64 lie 7.6e-6 apart; half a gradient times the rate is an eighth of that. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anUpdateThatRoundsToNothingIsNoError(boolean eager) throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = new Constant(64, 64);
        Optimizer optimizer = new Sgd(model, 2e-6, 0);
        BatchSource data = new RandomBatches(8, 8, 1, 1, 8, 4, 3)) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
      Trainer.Result result = (eager ? trainer.eager() : trainer).run();
      assertEquals(2, result.steps());
      assertArrayEquals(new float[] {64, 64}, Nets.parameter(model, "logits").values());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {1e-3, 1e-7})
  void clippingToAlmostNothingIsNoError(double limit) throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = Nets.model("resnet20", 2);
        Optimizer optimizer = new Sgd(model, 0.01, 0.9);
        BatchSource data = Nets.batches(8, 4)) {
      TrainingOptions once = TrainingOptions.epochs(1).atMost(1);
      new Trainer(model, optimizer, data, once.clip(new Clip(limit, 0, 0))).run();
      new Trainer(model, optimizer, data, once.clip(new Clip(0, limit, 0))).run();
    }
  }

  @Test
  void everyTrainableParameterMovesInTheFirstStep() throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = Nets.model("resnet20", 2);
        Optimizer optimizer = new Adam(model, 0.01);
        BatchSource data = Nets.batches(8, 4)) {
      var before = Nets.state(model);
      new Trainer(model, optimizer, data, TrainingOptions.epochs(1).atMost(1)).run();
      model
          .parameters()
          .forEach((name, p) -> assertFalse(Arrays.equals(before.get(name), p.values()), name));
    }
  }
}
