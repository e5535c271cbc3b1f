package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.transfer.Freeze;
import dev.thaw.transfer.HeadSwap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Freezing, thawing and swapping heads between two steps, replayed from a recording and op by op.
 */
final class ChangesInTrainingTest {
  static List<Object[]> runs() {
    List<Object[]> all = new ArrayList<>();
    for (String device : Devices.available()) {
      all.add(new Object[] {device, true});
      all.add(new Object[] {device, false});
    }
    return all;
  }

  /** After each of six steps: does what is due, and notes what the model then holds. */
  private static final class Changes implements Listener {
    private final Module model;
    private final Map<Integer, Consumer<Module>> due;
    final List<Map<String, float[]>> states = new ArrayList<>();

    Changes(Module model, Map<Integer, Consumer<Module>> due) {
      this.model = model;
      this.due = due;
    }

    @Override
    public void step(Step step) {
      due.getOrDefault((int) step.step(), m -> {}).accept(model);
      states.add(Nets.state(model));
    }

    /** Whether a tensor moved in that step, counted from 1. */
    boolean moved(int step, String name) {
      return !Arrays.equals(states.get(step - 2).get(name), states.get(step - 1).get(name));
    }
  }

  private static Changes train(
      boolean eager, Module model, Optimizer optimizer, Map<Integer, Consumer<Module>> due)
      throws IOException {
    Changes changes = new Changes(model, due);
    try (BatchSource data = Nets.batches(12, 4)) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(2));
      (eager ? trainer.eager() : trainer).listen(changes).run();
    }
    assertEquals(6, changes.states.size());
    return changes;
  }

  @ParameterizedTest
  @MethodSource("runs")
  void whatIsFrozenAndThawedFollowsFromTheNextStepOn(String device, boolean eager)
      throws IOException {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    try (var on = backend.device().use();
        Module model = Nets.model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9)) {
      new Freeze(model).matching("fc1");
      Changes changes =
          train(
              eager,
              model,
              optimizer,
              Map.of(
                  2, m -> m.module("conv1").freeze(),
                  4, m -> m.module("fc1").unfreeze(),
                  5, m -> m.module("conv1").unfreeze()));
      for (int step = 2; step <= 6; step++) {
        assertEquals(step <= 2 || step == 6, changes.moved(step, "conv1.weight"), "conv1, " + step);
        assertEquals(step > 4, changes.moved(step, "fc1.weight"), "fc1, " + step);
        assertTrue(changes.moved(step, "conv2.weight"), "conv2, " + step);
      }
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  @ParameterizedTest
  @MethodSource("runs")
  void aHeadSwappedInTheMiddleIsTrainedFromTheNextStep(String device, boolean eager)
      throws IOException {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    try (var on = backend.device().use();
        Module model = Nets.model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9)) {
      Changes changes =
          train(eager, model, optimizer, Map.of(3, m -> new HeadSwap(m).replaceHead(Nets.CLASSES)));
      for (int step = 4; step <= 6; step++) {
        assertTrue(changes.moved(step, "fc2.weight"), "the new head, step " + step);
        assertTrue(changes.moved(step, "conv1.weight"), "the base, step " + step);
      }
      assertEquals(8, optimizer.moments().size(), "the old head's state is dropped");
      // In the order of registration: the head's two parameters are the last.
      assertArrayEquals(new int[] {6, 6, 6, 6, 6, 6, 3, 3}, optimizer.stepCounts());
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
  }

  /** Step 3 is the last of the first epoch, at whose end frozen bytes are compared. */
  @ParameterizedTest
  @MethodSource("runs")
  void whatWasThawedForAWhileMayHaveMoved(String device, boolean eager) throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = Nets.model("resnet20", 2);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9)) {
      new Freeze(model).upTo("layer1");
      Changes changes =
          train(
              eager,
              model,
              optimizer,
              Map.of(1, Module::unfreeze, 2, m -> new Freeze(m).upTo("layer1")));
      assertTrue(changes.moved(2, "layer1.0.conv1.weight"));
      for (int step = 3; step <= 6; step++) {
        assertFalse(changes.moved(step, "layer1.0.conv1.weight"), "step " + step);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("runs")
  void whatIsFrozenOnTheWayIsHeldToItsBytesFromThenOn(String device, boolean eager) {
    try (var on = Devices.get(device).device().use();
        Module model = Nets.model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9)) {
      Parameter frozen = Nets.parameter(model, "conv2.weight");
      Consumer<Module> plant =
          m -> {
            float[] values = frozen.values();
            values[7] = Math.nextUp(values[7]);
            frozen.set(values);
          };
      IllegalStateException e =
          assertThrows(
              IllegalStateException.class,
              () ->
                  train(
                      eager,
                      model,
                      optimizer,
                      Map.of(4, m -> m.module("conv2").freeze(), 5, plant)));
      assertTrue(
          String.valueOf(e.getMessage()).startsWith("freeze contract: conv2.weight is frozen"),
          e.getMessage());
    }
  }
}
