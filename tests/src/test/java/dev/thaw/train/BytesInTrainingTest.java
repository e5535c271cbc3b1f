package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.Alphabet;
import dev.thaw.data.Augment;
import dev.thaw.data.Batch;
import dev.thaw.data.BatchSource;
import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.EmbeddedCharacters;
import dev.thaw.data.Normalisation;
import dev.thaw.data.Part;
import dev.thaw.memory.DType;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A training is the same to the bit whether its pictures crossed as bytes or as floats. */
final class BytesInTrainingTest {
  private static final int BATCH = 4;
  private static final int STEPS = 7;

  static Stream<String> devices() {
    return Devices.available().stream();
  }

  /** A loader whose pictures come as it is told, whatever suits the device. */
  private record Told(DataLoader loader, boolean bytes, List<Boolean> seen) implements BatchSource {
    @Override
    public int batches() {
      return loader.batches();
    }

    @Override
    public int examples() {
      return loader.examples();
    }

    @Override
    public void seek(int epoch, int batch) {
      loader.seek(epoch, batch);
    }

    @Override
    public void allowBytes(boolean allowed) {
      loader.allowBytes(bytes);
    }

    @Override
    public @Nullable Batch next() throws IOException {
      Batch batch = loader.next();
      if (batch != null) {
        seen.add(batch.normalisation() != null);
      }
      return batch;
    }

    @Override
    public void close() {
      loader.close();
    }
  }

  /** What a run left behind. */
  private record Run(List<Double> losses, Map<String, float[]> state, Evaluation.Result result) {}

  private static Told batches(boolean bytes) throws IOException {
    // Two whole batches and a shorter one in an epoch.
    Dataset drawn = EmbeddedCharacters.draw(Alphabet.DIGITS, Part.TRAIN, 2 * BATCH + 3, 0);
    DataLoader.Options options = DataLoader.Options.training(BATCH, 3);
    return new Told(
        new DataLoader(
            drawn, Normalisation.measure(drawn), options.withAugment(Augment.parse("flip,crop=2"))),
        bytes,
        new ArrayList<>());
  }

  private static Run train(
      String device, String spec, Precision precision, boolean eager, boolean bytes)
      throws IOException {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    List<Double> losses = new ArrayList<>();
    Shape shape = Shape.of(1, EmbeddedCharacters.SIZE, EmbeddedCharacters.SIZE, 1);
    Run run;
    try (var on = backend.device().use();
        var seeded = new Generator(5).use();
        Module model = Zoo.create(spec, shape, 10);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9);
        Told data = batches(bytes)) {
      Trainer trainer =
          new Trainer(model, optimizer, data, TrainingOptions.epochs(9).seed(9).atMost(STEPS))
              .precision(precision)
              .listen(
                  new Listener() {
                    @Override
                    public void step(Step step) {
                      losses.add(step.loss());
                    }
                  });
      (eager ? trainer.eager() : trainer).run();
      Evaluation.Result result = Evaluation.of(model, data, precision);
      assertEquals(STEPS, losses.size());
      assertTrue(data.seen.size() >= STEPS + 3);
      assertEquals(List.of(bytes), data.seen.stream().distinct().toList());
      run = new Run(losses, Nets.state(model), result);
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
    return run;
  }

  private static void same(String device, String spec, Precision precision, boolean eager)
      throws IOException {
    Run floats = train(device, spec, precision, eager, false);
    Run bytes = train(device, spec, precision, eager, true);
    assertEquals(floats.losses, bytes.losses);
    Nets.assertSame(floats.state, bytes.state);
    assertEquals(floats.result.loss(), bytes.result.loss());
    assertEquals(floats.result.accuracy(), bytes.result.accuracy());
  }

  @ParameterizedTest
  @MethodSource("devices")
  void replayed(String device) throws IOException {
    same(device, "seed-cnn", Precision.FP32, false);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void opByOp(String device) throws IOException {
    same(device, "seed-cnn", Precision.FP32, true);
  }

  /** A recorded step makes bfloat16 of the bytes at once; op by op, it goes by way of float32. */
  @ParameterizedTest
  @MethodSource("inBfloat16")
  void inBfloat16(String device) throws IOException {
    same(device, "seed-cnn", Precision.BF16, false);
  }

  static Stream<String> inBfloat16() {
    return devices().filter(device -> Devices.get(device).computes(DType.BFLOAT16));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void withNormsAndShortcuts(String device) throws IOException {
    same(device, "resnet20", Precision.FP32, false);
  }

  /** Unless told otherwise, pictures are bytes exactly where they cross a bus. */
  @ParameterizedTest
  @MethodSource("devices")
  void devicesBehindABusAreSentBytes(String device) throws IOException {
    Backend backend = Devices.get(device);
    Shape shape = Shape.of(1, EmbeddedCharacters.SIZE, EmbeddedCharacters.SIZE, 1);
    try (var on = backend.device().use();
        var seeded = new Generator(5).use();
        Module model = Zoo.create("mlp:depth=2,width=8", shape, 10);
        Told told = batches(false)) {
      Evaluation.of(model, told.loader);
      told.loader.seek(0, 0);
      Batch batch = Objects.requireNonNull(told.loader.next());
      assertEquals(backend.isBehindBus(), batch.normalisation() != null);
      assertEquals(device.startsWith("cuda"), backend.isBehindBus());
    }
  }
}
