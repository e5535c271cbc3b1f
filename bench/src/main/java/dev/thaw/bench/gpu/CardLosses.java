package dev.thaw.bench.gpu;

import dev.thaw.backend.Backend;
import dev.thaw.backend.Devices;
import dev.thaw.data.Alphabet;
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
import dev.thaw.train.Listener;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/** The same training in every precision: what rounding does to the losses. */
final class CardLosses {
  /** What is trained. */
  static final List<String> MODELS = List.of("seed-cnn", "resnet20");

  private static final int CLASSES = 10;

  private final Extent extent;
  private final Dataset digits;

  private CardLosses(Extent extent) {
    this.extent = extent;
    digits =
        EmbeddedCharacters.draw(
            Alphabet.DIGITS, Part.TRAIN, extent.lossSteps() * extent.lossBatch(), 0);
  }

  /**
   * Mean loss of all steps and of the last quarter of them, and the standard deviation of the first
   * between seeds, by model and precision.
   *
   * @param told is told each as soon as it is there
   */
  static void measure(Extent extent, BiConsumer<String, Map<String, Object>> told)
      throws IOException {
    CardLosses losses = new CardLosses(extent);
    Backend backend = Devices.current();
    for (String model : MODELS) {
      for (Precision precision : Precision.values()) {
        if ((precision == Precision.BF16 && !backend.computes(DType.BFLOAT16))
            || (precision == Precision.TF32 && !backend.hasTf32())) {
          continue;
        }
        List<Double> means = new ArrayList<>();
        List<Double> ends = new ArrayList<>();
        for (int seed = 1; seed <= extent.lossSeeds(); seed++) {
          List<Double> all = losses.train(model, precision, seed);
          means.add(mean(all));
          ends.add(mean(all.subList(all.size() * 3 / 4, all.size())));
        }
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("mean", mean(means));
        figures.put("last_quarter", mean(ends));
        figures.put("between_seeds", deviation(means));
        figures.put("steps", extent.lossSteps() * extent.lossSeeds());
        told.accept(model + " " + precision, figures);
      }
    }
  }

  private static double mean(List<Double> values) {
    return values.stream().mapToDouble(x -> x).average().orElse(Double.NaN);
  }

  private static double deviation(List<Double> values) {
    double mean = mean(values);
    return Math.sqrt(values.stream().mapToDouble(x -> (x - mean) * (x - mean)).average().orElse(0));
  }

  private List<Double> train(String name, Precision precision, int seed) throws IOException {
    List<Double> losses = new ArrayList<>();
    Listener listener =
        new Listener() {
          @Override
          public void step(Step step) {
            losses.add(step.loss());
          }
        };
    int side = EmbeddedCharacters.SIZE;
    DataLoader.Options loading = DataLoader.Options.training(extent.lossBatch(), seed);
    try (var seeded = new Generator(seed).use();
        Module model = Zoo.create(name, Shape.of(1, side, side, 1), CLASSES);
        Optimizer optimizer = new Sgd(model, 0.02, 0.9);
        BatchSource data = new DataLoader(digits, Normalisation.measure(digits), loading)) {
      new Trainer(model, optimizer, data, TrainingOptions.epochs(1))
          .precision(precision)
          .listen(listener)
          .run();
    }
    return losses;
  }
}
