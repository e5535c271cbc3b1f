package dev.thaw.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.backend.StepState;
import dev.thaw.data.Alphabet;
import dev.thaw.data.BatchSource;
import dev.thaw.data.DataLoader;
import dev.thaw.data.EmbeddedCharacters;
import dev.thaw.data.Normalisation;
import dev.thaw.data.Part;
import dev.thaw.memory.Purpose;
import dev.thaw.memory.Scope;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.TrainingPlan;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import dev.thaw.tensor.TensorOn;
import dev.thaw.train.CsvLog;
import dev.thaw.train.Listener;
import dev.thaw.train.RandomBatches;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import dev.thaw.transfer.Freeze;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole trainings on a card, or on the stand-in for one: the numbers, the memory, the waiting. */
final class CardTrainingTest {
  private static final int STEPS = 20;
  private static final int BATCH = 8;

  private final CudaBackend card = OnACard.backend();
  private final long live = card.pool().liveBytes();
  @TempDir private Path folder = Path.of("");

  /** How a step reaches the card. */
  enum Way {
    EAGER {
      @Override
      Trainer set(Trainer trainer) {
        return trainer.eager();
      }
    },
    CALL_BY_CALL {
      @Override
      Trainer set(Trainer trainer) {
        return trainer.withoutGraphs();
      }
    },
    AS_A_GRAPH {
      @Override
      Trainer set(Trainer trainer) {
        return trainer;
      }
    };

    abstract Trainer set(Trainer trainer);
  }

  /** Notes the losses, and whether a step was told while the next one ran. */
  private static final class Losses implements Listener {
    final List<Double> all = new ArrayList<>();
    final List<String> notes = new ArrayList<>();
    final Trainer trainer;
    int late;

    Losses(Trainer trainer) {
      this.trainer = trainer;
    }

    @Override
    public boolean looksAtTheModel() {
      return false;
    }

    @Override
    public void step(Step step) {
      all.add(step.loss());
      late += trainer.step() > step.step() ? 1 : 0;
    }

    @Override
    public void note(String line) {
      notes.add(line);
    }
  }

  @AfterEach
  void nothingLeftBehind() {
    assertEquals(live, card.pool().liveBytes(), "bytes left behind");
  }

  private static BatchSource characters() throws IOException {
    var drawn = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TRAIN, 5 * BATCH, 0);
    return new DataLoader(
        drawn, Normalisation.measure(drawn), DataLoader.Options.training(BATCH, 3));
  }

  private static RandomBatches small() {
    return new RandomBatches(8, 8, 1, 4, 24, 4, 3);
  }

  private static Module model(String spec, int side, int classes) {
    try (var seeded = new Generator(5).use()) {
      return Zoo.create(spec, Shape.of(1, side, side, 1), classes);
    }
  }

  private static Losses characters(Backend on, Way way) throws IOException {
    try (var use = on.device().use();
        Module model = model("seed-cnn", EmbeddedCharacters.SIZE, 10);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9);
        BatchSource data = characters()) {
      TrainingOptions options =
          TrainingOptions.epochs(STEPS).seed(9).clip(new Clip(5, 0, 0)).atMost(STEPS);
      Trainer trainer = way.set(new Trainer(model, optimizer, data, options));
      Losses losses = new Losses(trainer);
      trainer.listen(losses).run();
      assertEquals(STEPS, losses.all.size());
      assertEquals(List.of(), losses.notes);
      return losses;
    }
  }

  private static void assertSameLosses(List<Double> expected, List<Double> found, String of) {
    for (int i = 0; i < STEPS; i++) {
      double allowed = 1e-4 * expected.get(i);
      assertEquals(expected.get(i), found.get(i), allowed, "step " + (i + 1) + " of " + of);
    }
  }

  @ParameterizedTest
  @EnumSource
  void lossesAreTheCpus(Way way) throws IOException {
    Losses found = characters(card, way);
    // All but the last step of each epoch, and of them the first, are told one late.
    assertEquals(way == Way.AS_A_GRAPH, found.late > STEPS / 2, "a graph was replayed");
    assertSameLosses(characters(Needs.device("cpu"), Way.EAGER).all, found.all, "cpu");
    double last = found.all.get(STEPS - 1);
    assertTrue(last < 0.9 * found.all.get(0), "it learns: " + found.all);
  }

  @Test
  void lossesAreTheDefinitions() throws IOException {
    Losses plain = characters(Devices.get("plain"), Way.EAGER);
    assertSameLosses(plain.all, characters(card, Way.AS_A_GRAPH).all, "plain");
  }

  // ---- a frozen base ----

  private static Map<String, float[]> values(Module model) {
    Map<String, float[]> all = new TreeMap<>();
    model.parameters().forEach((name, p) -> all.put(name, p.values()));
    model.buffers().forEach((name, b) -> all.put(name, b.toFloats()));
    return all;
  }

  private static void step(Module model, Optimizer optimizer, Tensor x, Tensor y) {
    Functional.crossEntropy(model.call(x), y).backward();
    optimizer.step();
  }

  @Test
  void aFrozenBaseTakesNoMemoryBesideItsWeights() {
    try (var on = card.device().use();
        Module model = model("resnet20", 8, 4)) {
      new Freeze(model).allButLast(1);
      model.train();
      long gradients = card.pool().liveBytes(Purpose.GRADIENTS);
      long state = card.pool().liveBytes(Purpose.OPTIMIZER);
      try (Optimizer optimizer = new AdamW(model, 0.01, 0.1);
          Scope scope = Scope.open()) {
        assertEquals(List.of("linear.weight", "linear.bias"), optimizer.trainable());
        // 64 x 4 weights and 4 biases, each on 64 bytes.
        long head = 64 * 4 * 4 + 64;
        assertEquals(head, card.pool().liveBytes(Purpose.GRADIENTS) - gradients);
        // Its two moments, what every optimizer has, and a little for each parameter trained.
        long held = card.pool().liveBytes(Purpose.OPTIMIZER) - state - 8L * StepState.SLOTS;
        assertTrue(held >= 2 * head && held < 2 * head + 256, "optimizer state: " + held);
        Tensor x = Generator.current().normal(0, 1, 4, 8, 8, 1);
        Tensor y = Tensor.of(new long[] {0, 3, 1, 2});
        Tensor logits = model.call(x);
        // What the head's product reads: 4 rows of 64 features.
        assertEquals(4 * 64 * 4, TensorOn.tapeBytes(logits, Purpose.ACTIVATIONS));
        optimizer.zeroGrad();
        TrainingPlan.Outcome outcome =
            TrainingPlan.record(card, model, () -> step(model, optimizer, x, y));
        try (TrainingPlan plan = Objects.requireNonNull(outcome.plan(), outcome::obstacle)) {
          Map<String, Integer> kernels = plan.kernels();
          assertFalse(kernels.containsKey("NormKernels.batchForward"), "norms folded: " + kernels);
          assertFalse(kernels.containsKey("ConvKernels.backwardData"), "no way back: " + kernels);
          assertFalse(kernels.containsKey("ConvKernels.backwardWeights"), kernels.toString());
          plan.run();
          plan.run();
          assertTrue(plan.isCaptured());
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aFrozenBaseKeepsItsBytes(Way way) throws IOException {
    try (var on = card.device().use();
        Module model = model("resnet20", 8, 4);
        BatchSource data = small()) {
      new Freeze(model).allButLast(1);
      Map<String, float[]> before = values(model);
      try (Optimizer optimizer = new AdamW(model, 0.01, 0.1)) {
        way.set(new Trainer(model, optimizer, data, TrainingOptions.epochs(2))).run();
      }
      Map<String, float[]> after = values(model);
      before.forEach(
          (name, bytes) ->
              assertEquals(
                  !name.startsWith("linear."),
                  java.util.Arrays.equals(bytes, after.get(name)),
                  name));
    }
  }

  // ---- going on, and hearing of it ----

  private record Left(Map<String, float[]> values, List<String> log) {}

  /** Trains to step {@code stop}; beside the log somebody listens who does {@code look} or not. */
  private Left train(Path checkpoint, boolean resume, int stop, boolean look) throws IOException {
    Path log = folder.resolve("log.csv");
    try (var on = card.device().use();
        Module model = model("seed-cnn", 8, 4);
        Optimizer optimizer = new AdamW(model, 0.01, 0.1);
        CsvLog csv = new CsvLog(log, resume ? stop : 0);
        BatchSource data = small()) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(3).seed(4));
      trainer.checkpoint(checkpoint, 0).listen(csv);
      if (resume) {
        trainer.resume(checkpoint);
        assertEquals(stop, trainer.step());
      } else if (stop > 0) {
        trainer.listen(
            new Listener() {
              @Override
              public void step(Step step) {
                if (step.step() == stop) {
                  trainer.stop();
                }
              }
            });
      }
      if (look) {
        trainer.listen(new Listener() {});
      }
      Losses losses = new Losses(trainer);
      trainer.listen(losses).run();
      assertEquals(!look && (stop == 0 || resume), losses.late > 0, "told late");
      return new Left(values(model), Files.readAllLines(log));
    }
  }

  private static void assertSame(Left expected, Left found) {
    expected.values.forEach((name, v) -> assertArrayEquals(v, found.values.get(name), name));
    assertEquals(expected.log, found.log);
  }

  @Test
  void aTrainingThatGoesOnIsOneThatNeverStopped() throws IOException {
    Left whole = train(folder.resolve("none"), false, 0, false);
    Path checkpoint = folder.resolve("at10");
    train(checkpoint, false, 10, true);
    assertSame(whole, train(checkpoint, true, 10, false));
  }

  @Test
  void whatIsToldLateIsWhatWouldHaveBeenToldAtOnce() throws IOException {
    Left late = train(folder.resolve("none"), false, 0, false);
    assertEquals(1 + 18, late.log.size());
    assertSame(late, train(folder.resolve("none"), false, 0, true));
  }

  // ---- memory ----

  @ParameterizedTest
  @EnumSource
  void memoryStaysFlat(Way way) throws IOException {
    List<Long> lives = new ArrayList<>();
    List<Long> free = new ArrayList<>();
    try (var on = card.device().use();
        Module model = model("seed-cnn", 8, 4);
        Optimizer optimizer = new Sgd(model, 0.01, 0.9);
        BatchSource data = small()) {
      Trainer trainer = new Trainer(model, optimizer, data, TrainingOptions.epochs(50).atMost(50));
      way.set(trainer)
          .listen(
              new Listener() {
                @Override
                public boolean looksAtTheModel() {
                  return false;
                }

                @Override
                public void step(Step step) {
                  lives.add(card.pool().liveBytes());
                  free.add(card.card().memory()[0]);
                }
              })
          .run();
    }
    // The first steps find the size of everything: the second is captured, the workspace grows.
    assertEquals(1, lives.subList(3, 50).stream().distinct().count(), "live bytes: " + lives);
    assertEquals(1, free.subList(3, 50).stream().distinct().count(), "of the driver: " + free);
  }
}
