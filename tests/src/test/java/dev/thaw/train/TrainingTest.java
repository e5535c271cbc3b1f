package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.BatchSource;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.nn.Sequential;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.transfer.Freeze;
import dev.thaw.transfer.FreezeContract;
import dev.thaw.transfer.HeadSwap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a training promises, whatever is trained. */
class TrainingTest {
  @TempDir private Path folder = Path.of("");
  private long live;

  static List<String> devices() {
    return Devices.available();
  }

  @BeforeEach
  void note() {
    live = liveBytes();
  }

  @AfterEach
  void nothingLeftBehind() {
    assertEquals(live, liveBytes(), "bytes left behind");
  }

  private static long liveBytes() {
    return devices().stream().mapToLong(d -> Devices.get(d).pool().liveBytes()).sum();
  }

  private static RandomBatches batches() {
    return new RandomBatches(8, 8, 1, 4, 24, 4, 3);
  }

  private static Module model(String spec, long seed) {
    try (var seeded = new Generator(seed).use()) {
      return Zoo.create(spec, Shape.of(1, 8, 8, 1), 4);
    }
  }

  private static Map<String, float[]> weights(Module model) {
    Map<String, float[]> all = new TreeMap<>();
    model.parameters().forEach((name, p) -> all.put(name, p.values()));
    model.buffers().forEach((name, b) -> all.put(name, b.toFloats()));
    return all;
  }

  private static void assertSame(Map<String, float[]> a, Map<String, float[]> b) {
    assertEquals(a.keySet(), b.keySet());
    a.forEach((name, values) -> assertArrayEquals(values, b.get(name), name));
  }

  private static Listener stopAfter(Trainer trainer, long step) {
    return new Listener() {
      @Override
      public void step(Step s) {
        if (s.step() == step) {
          trainer.stop();
        }
      }
    };
  }

  // ---- 2N steps = N, save, load, N more ----

  private Map<String, float[]> whole(String device, boolean eager) throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = resumable();
        Optimizer optimizer = new AdamW(model, 0.01, 0.1);
        BatchSource data = batches()) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(3).seed(4));
      (eager ? trainer.eager() : trainer).validate(batches()).run();
      return weights(model);
    }
  }

  /** Dropout, batch norm and a frozen layer: everything a checkpoint has to bring back. */
  private static Module resumable() {
    Module model = new Sequential(model("resnet20", 6), new Dropout(0.2));
    new Freeze(model).matching("0.conv1").matching("0.bn1");
    return model;
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("N steps, save, load, N more are 2N steps, to the bit")
  void resumedEqualsUninterrupted(String device) throws IOException {
    for (boolean eager : new boolean[] {true, false}) {
      Map<String, float[]> whole = whole(device, eager);
      Path file = folder.resolve(device + eager + ".checkpoint");
      try (var on = Devices.get(device).device().use();
          Module model = resumable();
          Optimizer optimizer = new AdamW(model, 0.01, 0.1);
          BatchSource data = batches()) {
        Trainer first = new Trainer(model, optimizer, data, TrainingOptions.epochs(3).seed(4));
        if (eager) {
          first.eager();
        }
        first.validate(batches()).checkpoint(file, 0).listen(stopAfter(first, 9));
        assertTrue(first.run().interrupted());
      }
      try (var on = Devices.get(device).device().use();
          Module model = new Sequential(model("resnet20", 99), new Dropout(0.2));
          Optimizer optimizer = new AdamW(model, 0.01, 0.1);
          BatchSource data = batches()) {
        Trainer second = new Trainer(model, optimizer, data, TrainingOptions.epochs(3).seed(4));
        if (eager) {
          second.eager();
        }
        second.validate(batches()).resume(file);
        assertEquals(9, second.step());
        second.run();
        assertSame(whole, weights(model));
        assertTrue(
            java.util.Objects.requireNonNull(model.parameters().get("0.conv1.weight")).isFrozen());
      }
    }
  }

  @Test
  @DisplayName("a checkpoint of another training is refused by what differs")
  void otherTrainingIsRefused() throws IOException {
    Path file = folder.resolve("a.checkpoint");
    try (var on = Devices.get("plain").device().use();
        Module model = model("mlp:width=8", 1);
        Optimizer sgd = new Sgd(model, 0.1, 0.9);
        Optimizer adam = new AdamW(model, 0.1, 0);
        BatchSource data = batches()) {
      Trainer trainer = new Trainer(model, sgd, data, TrainingOptions.epochs(1));
      trainer.checkpoint(file, 2).run();
      Trainer other = new Trainer(model, adam, data, TrainingOptions.epochs(1));
      IOException e = assertThrows(IOException.class, () -> other.resume(file));
      assertTrue(String.valueOf(e.getMessage()).contains("optimizer ADAMW"), e.getMessage());
      Trainer longer = new Trainer(model, sgd, data, TrainingOptions.epochs(7));
      e = assertThrows(IOException.class, () -> longer.resume(file));
      assertTrue(String.valueOf(e.getMessage()).contains("total of steps"), e.getMessage());
    }
  }

  // ---- the freeze contract ----

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("one changed byte of a frozen tensor stops the run and names it")
  void plantedChangeStopsTheRun(String device) throws IOException {
    Backend backend = Devices.get(device);
    try (var on = backend.device().use();
        Module model = model("seed-cnn", 2);
        BatchSource data = batches()) {
      new Freeze(model).first(2);
      try (Optimizer optimizer = new Sgd(model, 0.05, 0.9)) {
        Parameter frozen = java.util.Objects.requireNonNull(model.parameters().get("conv2.weight"));
        Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(2));
        trainer.listen(
            new Listener() {
              @Override
              public void step(Step s) {
                if (s.step() == 3) {
                  float[] values = frozen.values();
                  values[7] = Math.nextUp(values[7]);
                  frozen.set(values);
                }
              }
            });
        var e = assertThrows(IllegalStateException.class, trainer::run);
        assertTrue(
            String.valueOf(e.getMessage()).startsWith("freeze contract: conv2.weight"),
            e.getMessage());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("frozen parameters and statistics keep their bytes through a training")
  void frozenBytesStay(String device) throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = model("resnet20", 2);
        BatchSource data = batches()) {
      new Freeze(model).upTo("layer2");
      FreezeContract contract = new FreezeContract(model);
      assertTrue(contract.size() > 40, "tensors under the contract: " + contract.size());
      Map<String, float[]> before = weights(model);
      try (Optimizer optimizer = new AdamW(model, 0.05, 0.5)) {
        new Trainer(model, optimizer, data, TrainingOptions.epochs(2)).run();
      }
      contract.check();
      Map<String, float[]> after = weights(model);
      before.forEach(
          (name, values) -> {
            boolean same = java.util.Arrays.equals(values, after.get(name));
            boolean isFrozen =
                name.startsWith("conv1")
                    || name.startsWith("bn1")
                    || name.startsWith("layer1")
                    || name.startsWith("layer2");
            assertEquals(isFrozen, same, name);
          });
    }
  }

  // ---- the two programs of a well-known tutorial ----

  @Test
  @DisplayName("everything frozen after the swap, the flag set in vain, is refused")
  void nothingToTrainIsRefused() throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = model("resnet20", 2);
        BatchSource data = batches()) {
      new HeadSwap(model).replaceHead(4);
      model.freeze();
      model.train(true);
      try (Optimizer optimizer = new Sgd(model, 0.1, 0.9)) {
        Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
        var e = assertThrows(IllegalStateException.class, trainer::run);
        assertEquals(
            "nothing would be trained: all 59 parameters are frozen; thaw the head, or freeze fewer",
            e.getMessage());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("a head swapped after the optimizer was built is trained from the next step")
  void swappedHeadIsTrained(String device) throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.05, 0.9);
        BatchSource data = new RandomBatches(8, 8, 1, 3, 12, 4, 3)) {
      assertEquals(8, optimizer.trainable().size());
      new HeadSwap(model).replaceHead(3);
      float[] before =
          java.util.Objects.requireNonNull(model.parameters().get("fc2.weight")).values();
      new Trainer(model, optimizer, data, TrainingOptions.epochs(1)).run();
      float[] after =
          java.util.Objects.requireNonNull(model.parameters().get("fc2.weight")).values();
      assertFalse(java.util.Arrays.equals(before, after), "the new head moved");
      assertEquals(8, optimizer.trainable().size());
      assertEquals(8, optimizer.moments().size(), "the old head's state is dropped");
    }
  }

  // ---- steps that cannot be made ----

  /** Batches with one value that is not finite in the last picture. */
  private static BatchSource poisoned(float value, int fromBatch) {
    return batches()
        .spoiltBy(
            batch -> {
              if (batch.number() >= fromBatch) {
                batch.pictures().putFloat(0, value);
              }
            });
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @DisplayName("a loss that is not finite ends the run and says where it comes from")
  void lossNotFinite(boolean eager) throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.05, 0.9);
        BatchSource data = poisoned(Float.NaN, 2)) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
      var e = assertThrows(TrainingStopped.class, (eager ? trainer.eager() : trainer)::run);
      String message = String.valueOf(e.getMessage());
      assertTrue(message.contains("the loss is NaN at step 3"), message);
      assertTrue(message.contains("the batch itself is not finite"), message);
    }
  }

  @Test
  @DisplayName("the first layer with a value that is not finite is named")
  void firstLayerIsNamed() throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.05, 0.9);
        BatchSource data = batches()) {
      Parameter weight = java.util.Objects.requireNonNull(model.parameters().get("fc1.weight"));
      float[] values = weight.values();
      values[3] = Float.POSITIVE_INFINITY;
      weight.set(values);
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(1));
      var e = assertThrows(TrainingStopped.class, trainer::run);
      assertTrue(String.valueOf(e.getMessage()).contains("comes from fc1"), e.getMessage());
    }
  }

  // ---- early stopping ----

  @Test
  @DisplayName("early stopping puts the best weights and statistics back")
  void earlyStoppingRestoresTheBest() throws IOException {
    try (var on = Devices.get("plain").device().use();
        Module model = model("resnet20", 2);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9);
        BatchSource data = batches();
        BatchSource validation = batches()) {
      List<Map<String, float[]>> epochs = new ArrayList<>();
      List<Double> losses = new ArrayList<>();
      // Two good epochs, then a rate at which the validation loss rises.
      TrainingOptions options =
          TrainingOptions.epochs(8)
              .patience(2)
              .schedule((step, total) -> step < 12 ? 1 : 10 + step * 5);
      Trainer trainer =
          new Trainer(model, optimizer, data, options)
              .validate(validation)
              .listen(
                  new Listener() {
                    @Override
                    public void epoch(Epoch e) {
                      epochs.add(weights(model));
                      losses.add(java.util.Objects.requireNonNull(e.validation()).loss());
                    }
                  });
      trainer.run();
      int best = 0;
      for (int i = 1; i < losses.size(); i++) {
        best = losses.get(i) < losses.get(best) ? i : best;
      }
      assertTrue(losses.size() < 8, "it ended early: " + losses);
      assertEquals(losses.size() - 3, best, "patience counts evaluations: " + losses);
      assertSame(epochs.get(best), weights(model));
    }
  }

  // ---- the same bits, alone or beside another ----

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("two trainings at once give the bits that each gives alone")
  void twoTrainingsAtOnce(String device) throws Exception {
    Map<String, float[]> alone = whole(device, false);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      List<Future<Map<String, float[]>>> both = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        both.add(threads.submit(() -> whole(device, false)));
      }
      for (Future<Map<String, float[]>> one : both) {
        assertSame(alone, one.get());
      }
    } finally {
      threads.shutdown();
    }
  }

  // ---- accumulation ----

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("gradients of two half batches make the step of the whole one")
  void accumulation(String device) throws IOException {
    List<Map<String, float[]>> runs = new ArrayList<>();
    for (int parts = 1; parts <= 2; parts++) {
      try (var on = Devices.get(device).device().use();
          Module model = model("seed-cnn", 2);
          Optimizer optimizer = new Sgd(model, 0.05, 0.9);
          BatchSource data = new RandomBatches(8, 8, 1, 4, 24, 8 / parts, 3)) {
        new Trainer(model, optimizer, data, TrainingOptions.epochs(1).accumulate(parts)).run();
        runs.add(weights(model));
      }
    }
    runs.get(0)
        .forEach((name, values) -> assertArrayEquals(values, runs.get(1).get(name), 1e-5f, name));
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("a net learns, and evaluation counts every example")
  void learns(String device) throws IOException {
    try (var on = Devices.get(device).device().use();
        Module model = model("seed-cnn", 2);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9);
        BatchSource data = new RandomBatches(8, 8, 1, 4, 64, 8, 3);
        BatchSource validation = new RandomBatches(8, 8, 1, 4, 30, 8, 3)) {
      Trainer.Result result =
          new Trainer(model, optimizer, data, TrainingOptions.epochs(6)).validate(validation).run();
      Evaluation.Result v = java.util.Objects.requireNonNull(result.validation());
      assertEquals(30, v.examples());
      assertTrue(v.accuracy() > 0.9, "accuracy " + v.accuracy());
      assertEquals(48, result.steps());
    }
  }
}
