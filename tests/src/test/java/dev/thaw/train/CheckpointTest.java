package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.NothingLeft;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Conv2d;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Flatten;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Optimizer;
import dev.thaw.tensor.Conv2dOptions;
import dev.thaw.tensor.Generator;
import dev.thaw.transfer.Freeze;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What a checkpoint brings back beside the weights that are trained. */
@ExtendWith(NothingLeft.class)
final class CheckpointTest {
  @TempDir private Path folder = Path.of("");

  private static Trainer trainer(Module model, Optimizer optimizer, BatchSource data) {
    return new Trainer(model, optimizer, data, TrainingOptions.epochs(2).seed(4));
  }

  /** Six steps, and three with three more by a model that nobody froze: the same bits. */
  private Map<String, float[]> resumedIsWhole(Supplier<Module> frozen, Supplier<Module> fresh)
      throws IOException {
    Path file = folder.resolve("c");
    Map<String, float[]> whole;
    try (var on = Devices.get("plain").device().use();
        Module model = frozen.get();
        Optimizer optimizer = new AdamW(model, 0.01, 0.1);
        BatchSource data = Nets.batches(12, 4)) {
      trainer(model, optimizer, data).run();
      whole = Nets.state(model);
    }
    try (var on = Devices.get("plain").device().use();
        Module model = frozen.get();
        Optimizer optimizer = new AdamW(model, 0.01, 0.1);
        BatchSource data = Nets.batches(12, 4)) {
      Trainer first = trainer(model, optimizer, data).checkpoint(file, 3);
      first.listen(
          new Listener() {
            @Override
            public void step(Step step) {
              if (step.step() == 3) {
                first.stop();
              }
            }
          });
      assertTrue(first.run().interrupted());
    }
    try (var on = Devices.get("plain").device().use();
        Module model = fresh.get();
        Optimizer optimizer = new AdamW(model, 0.01, 0.1);
        BatchSource data = Nets.batches(12, 4)) {
      Trainer second = trainer(model, optimizer, data).resume(file);
      assertEquals(3, second.step());
      second.run();
      Nets.assertSame(whole, Nets.state(model));
    }
    return whole;
  }

  @Test
  void statisticsThatMovedUnderAFrozenBaseAreInACheckpointOfTheHead() throws IOException {
    Map<String, float[]> end =
        resumedIsWhole(
            () -> {
              Module model = Nets.model("resnet20", 2);
              model.freeze();
              model.module("linear").unfreeze();
              new Freeze(model, BnPolicy.TRAIN_ALL).upTo("layer3");
              return model;
            },
            () -> Nets.model("resnet20", 9));
    try (var on = Devices.get("plain").device().use();
        Module start = Nets.model("resnet20", 2)) {
      Map<String, float[]> before = Nets.state(start);
      assertTrue(
          Arrays.equals(before.get("layer1.0.conv1.weight"), end.get("layer1.0.conv1.weight")));
      assertFalse(
          Arrays.equals(
              before.get("layer1.0.bn1.running_mean"), end.get("layer1.0.bn1.running_mean")),
          "statistics were to move");
    }
  }

  private static Module withDropout(long seed) {
    try (var seeded = new Generator(seed).use()) {
      return new Sequential(
          new Conv2d(1, 4, 3, Conv2dOptions.DEFAULT.padding(1)),
          new Dropout(0.5),
          new Conv2d(4, 4, 3, Conv2dOptions.DEFAULT.padding(1)),
          new Flatten(),
          new Dropout(0.5),
          new Linear(4 * 8 * 8, Nets.CLASSES));
    }
  }

  @Test
  void dropoutThatWasFrozenStaysSo() throws IOException {
    resumedIsWhole(
        () -> {
          Module model = withDropout(2);
          new Freeze(model).upTo("2");
          return model;
        },
        () -> withDropout(9));
  }
}
