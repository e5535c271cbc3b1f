package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Devices;
import dev.thaw.diagnose.LayerHealth;
import dev.thaw.diagnose.Verdict;
import dev.thaw.memory.Device;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A training that is looked after is the same training. */
final class CheckupTest {
  private static RandomBatches batches(long seed) {
    return new RandomBatches(8, 8, 1, 4, 48, 8, seed);
  }

  private static Module model(String spec) {
    try (var seeded = new Generator(2).use()) {
      return Zoo.create(spec, Shape.of(1, 8, 8, 1), 4);
    }
  }

  private static Map<String, float[]> state(Module model) {
    Map<String, float[]> all = new TreeMap<>();
    model.parameters().forEach((name, p) -> all.put(name, p.values()));
    model.buffers().forEach((name, b) -> all.put(name, b.toFloats()));
    return all;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theTrainingGoesOnAsItWouldWithout(boolean planned) throws IOException {
    long live = Devices.get("plain").pool().liveBytes();
    List<Map<String, float[]>> ends = new ArrayList<>();
    for (boolean looked : new boolean[] {false, true}) {
      try (Device.Use on = Devices.get("plain").device().use();
          Module model = model("resnet20");
          Optimizer sgd = new Sgd(model, 0.02, 0.9)) {
        Trainer trainer = new Trainer(model, sgd, batches(3), TrainingOptions.epochs(2).seed(4));
        if (!planned) {
          trainer.eager();
        }
        if (looked) {
          trainer.listen(new Checkup(model, batches(3), 5, line -> {}));
        }
        trainer.run();
        ends.add(state(model));
      }
    }
    // A look takes a step op by op, where a planned one adds a shortcut before it rounds.
    float tolerance = planned ? 1e-5f : 0;
    ends.get(0)
        .forEach(
            (name, values) -> assertArrayEquals(values, ends.get(1).get(name), tolerance, name));
    assertEquals(live, Devices.get("plain").pool().liveBytes(), "bytes left behind");
  }

  @Test
  void aLookEveryFewStepsAndAtTheEnd() throws IOException {
    try (Device.Use on = Devices.get("plain").device().use();
        Module model = model("mlp:depth=4,width=16,init=he");
        Optimizer sgd = new Sgd(model, 0.05, 0.9)) {
      Checkup checkup = new Checkup(model, batches(5), 5, line -> {});
      Trainer trainer = new Trainer(model, sgd, batches(3), TrainingOptions.epochs(2));
      trainer.listen(checkup).run();
      assertEquals(
          List.of(5L, 10L, 12L), checkup.looks().stream().map(Checkup.Look::step).toList());
      double before = 0;
      for (Checkup.Look look : checkup.looks()) {
        LayerHealth first = look.health().layers().get(0);
        assertTrue(first.distance() > before, "further from the start at each look");
        assertTrue(first.update() > -6 && first.update() < -0.5, () -> "" + first.update());
        assertTrue(first.gradientNorm() > 0);
        before = first.distance();
      }
      assertEquals(Verdict.Kind.HEALTHY, checkup.verdicts().get(0).kind());
      assertTrue(
          checkup.cost().matches("3 looks took \\d+\\.\\d\\d s, \\d+\\.\\d % of the training"),
          checkup::cost);
    }
  }

  @Test
  void aVanishingNetIsSaidToBe() throws IOException {
    try (Device.Use on = Devices.get("plain").device().use();
        Module model = model("mlp:depth=12,width=16,activation=sigmoid");
        Optimizer sgd = new Sgd(model, 0.05, 0.9)) {
      List<String> lines = new ArrayList<>();
      Checkup checkup = new Checkup(model, batches(5), 4, lines::add);
      new Trainer(model, sgd, batches(3), TrainingOptions.epochs(1).atMost(4))
          .listen(checkup)
          .run();
      assertEquals(Verdict.Kind.VANISHING, checkup.verdicts().get(0).kind());
      assertTrue(
          lines.get(0).startsWith("step 4: vanishing, gradient norms fade"), lines::toString);
    }
  }

  /** Epochs are told by hand: what counts is what becomes of the curves. */
  @Test
  void overfittingIsPartOfTheVerdict() throws IOException {
    try (Device.Use on = Devices.get("plain").device().use();
        Module model = model("mlp")) {
      Checkup checkup = new Checkup(model, batches(5), 2, line -> {});
      checkup.step(new Listener.Step(2, 10, 1, 1.0, 0.1, 1.0, 8, false));
      double[] validation = {1, 0.8, 0.9, 1.0, 1.1};
      for (int i = 0; i < validation.length; i++) {
        Evaluation.Result found = new Evaluation.Result(validation[i], 0.5, new int[4][4]);
        checkup.epoch(new Listener.Epoch(i + 1, 5, 1.0 / (i + 1), found, 1));
      }
      assertEquals(
          List.of(Verdict.Kind.OVERFITTING),
          checkup.verdicts().stream().map(Verdict::kind).toList());
    }
  }

  @Test
  void lookingAtEveryStepIsRefused() {
    try (Device.Use on = Devices.get("plain").device().use();
        Module model = model("mlp")) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> new Checkup(model, batches(5), 1, l -> {}));
      assertEquals("checkup: every 1 steps, at least 2", e.getMessage());
    }
  }
}
