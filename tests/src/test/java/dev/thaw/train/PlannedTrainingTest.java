package dev.thaw.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.thaw.Needs;
import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Module;
import dev.thaw.nn.Sequential;
import dev.thaw.optim.AdamW;
import dev.thaw.optim.Clip;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import dev.thaw.transfer.Freeze;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Eager is the truth: a replayed step gives the losses and weights of the eager one. */
class PlannedTrainingTest {
  static Stream<String> devices() {
    return Devices.available().stream();
  }

  private static Run train(
      String device,
      int channels,
      Function<Generator, Module> make,
      Function<Module, Optimizer> optimize,
      boolean eager)
      throws Exception {
    Backend backend = Devices.get(device);
    long live = backend.pool().liveBytes();
    Run run = new Run();
    Generator generator = new Generator(5);
    try (var on = backend.device().use();
        var seeded = generator.use();
        Module model = make.apply(generator);
        Optimizer optimizer = optimize.apply(model);
        RandomBatches batches = new RandomBatches(8, 8, channels, 4, 22, 5, 3)) {
      TrainingOptions options =
          TrainingOptions.epochs(2).seed(9).clip(new Clip(1.5, 0, 0)).atMost(8);
      Trainer trainer = new Trainer(model, optimizer, batches, options).listen(run);
      (eager ? trainer.eager() : trainer).run();
      run.keep(model);
    }
    assertEquals(live, backend.pool().liveBytes(), "bytes left behind");
    return run;
  }

  private static void agree(
      String device, Function<Generator, Module> make, Function<Module, Optimizer> optimize)
      throws Exception {
    agree(device, 2, make, optimize);
  }

  private static void agree(
      String device,
      int channels,
      Function<Generator, Module> make,
      Function<Module, Optimizer> optimize)
      throws Exception {
    Run eager = train(device, channels, make, optimize, true);
    Run planned = train(device, channels, make, optimize, false);
    assertEquals(List.of(), planned.notes());
    assertEquals(eager.losses().size(), planned.losses().size());
    assertTrue(eager.losses().size() == 8, "steps of both shapes were made");
    for (int i = 0; i < eager.losses().size(); i++) {
      assertEquals(eager.losses().get(i), planned.losses().get(i), 1e-4, "loss of step " + (i + 1));
    }
    for (int i = 0; i < eager.weights().size(); i++) {
      assertArrayEquals(eager.weights().get(i), planned.weights().get(i), 2e-4f, "parameter " + i);
    }
  }

  private static Module zoo(String spec) {
    return Zoo.create(spec, Shape.of(1, 8, 8, 2), 4);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void seedCnn(String device) throws Exception {
    agree(device, g -> zoo("seed-cnn"), m -> new Sgd(m, 0.05, 0.9));
  }

  @ParameterizedTest
  @MethodSource("devices")
  void mlp(String device) throws Exception {
    agree(device, g -> zoo("mlp:depth=4,width=16,activation=tanh"), m -> new AdamW(m, 0.01, 0.1));
  }

  /**
   * A picture with one channel goes into a product as it lies, and so does its buffer into that of
   * the weights' gradient, where weights would stand.
   */
  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("a product's gradient reads each step's own batch")
  void mlpOnGreyPictures(String device) throws Exception {
    agree(device, 1, g -> Zoo.create("mlp", Shape.of(1, 8, 8, 1), 4), m -> new Sgd(m, 0.01, 0.9));
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("a residual net: batch norm, shortcuts, global pooling")
  void resnet(String device) throws Exception {
    agree(device, g -> zoo("resnet20"), m -> new Sgd(m, 0.02, 0.9));
  }

  /** The whole zoo where that takes no minutes. */
  @ParameterizedTest
  @MethodSource("zoo")
  void everyModelOfTheZoo(String name) throws Exception {
    Needs.device("cpu");
    agree("cpu", g -> zoo(name), m -> new Sgd(m, 0.002, 0.9));
  }

  static List<String> zoo() {
    return Zoo.names();
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("a frozen prefix: its norms are constant, its layers keep nothing")
  void frozenPrefix(String device) throws Exception {
    agree(
        device,
        g -> {
          Module model = zoo("resnet20");
          new Freeze(model).upTo("layer2");
          return model;
        },
        m -> new Sgd(m, 0.02, 0.9));
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("dense layers of which the weights learn, or the bias, or both")
  void halfFrozenLayers(String device) throws Exception {
    agree(
        device,
        g -> {
          Module model = zoo("mlp:depth=4,width=16,activation=tanh");
          new Freeze(model).matching("fc1.weight").matching("fc2.bias");
          return model;
        },
        m -> new Sgd(m, 0.05, 0.9));
  }

  @ParameterizedTest
  @MethodSource("devices")
  @DisplayName("dropout draws the same numbers when replayed")
  void dropout(String device) throws Exception {
    agree(
        device,
        g -> new Sequential(zoo("mlp:depth=2,width=16"), new Dropout(0.3)),
        m -> new Sgd(m, 0.05, 0));
  }
}
