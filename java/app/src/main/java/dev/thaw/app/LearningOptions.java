package dev.thaw.app;

import dev.thaw.backend.Backend;
import dev.thaw.data.Augment;
import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.Normalisation;
import dev.thaw.memory.Check;
import dev.thaw.models.ModelCard;
import dev.thaw.plan.Precision;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What is done to the examples that are learned from. */
final class LearningOptions {
  @Option(
      names = "--val",
      paramLabel = "D",
      description = "Examples to watch after each epoch, instead of a share held out.")
  private @Nullable String validation;

  @Option(
      names = "--mean",
      paramLabel = "X",
      split = ",",
      description =
          "Subtracted, a number a channel on the 0..1 scale; by default measured, or the"
              + " file's.")
  private double @Nullable [] mean;

  @Option(
      names = "--std",
      paramLabel = "X",
      split = ",",
      description = "Divided by, a number a channel.")
  private double @Nullable [] std;

  @Option(
      names = "--augment",
      paramLabel = "LIST",
      defaultValue = "none",
      description = "Such as flip,rotate=10,crop=4,scale=0.1,colour=0.2 (default: none).")
  private String augment;

  @Option(
      names = "--shuffle",
      paramLabel = "yes|no",
      defaultValue = "yes",
      description = "Whether each epoch has an order of its own (default: yes).")
  private String shuffle;

  @Option(
      names = "--graph",
      paramLabel = "auto|off",
      defaultValue = "auto",
      description =
          "On cuda, whether a step of constant shapes is queued as one CUDA graph (default: auto).")
  private String graph;

  @Mixin private PrecisionOption computing;

  @Nullable String validation() {
    return validation;
  }

  /**
   * What was said, else what the model was trained with, else what {@code train} measures.
   *
   * @param card of the model to start from, or null
   */
  Normalisation normalisation(Dataset train, @Nullable ModelCard card) throws IOException {
    Check.that(
        (mean == null) == (std == null), "--mean and --std go together, one of them is missing");
    if (mean != null && std != null) {
      return Normalisation.of(floats(mean), floats(std));
    }
    return card == null ? Normalisation.measure(train) : of(card);
  }

  /** The preprocessing that a model's file states. */
  static Normalisation of(ModelCard card) {
    return Normalisation.of(floats(card.mean()), floats(card.std()));
  }

  private static float[] floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static float[] floats(List<Double> values) {
    return floats(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /** The shortest decimals that read back as the same floats. */
  static List<Double> decimals(float[] values) {
    Double[] list = new Double[values.length];
    for (int i = 0; i < list.length; i++) {
      list[i] = Double.valueOf(Float.toString(values[i]));
    }
    return List.of(list);
  }

  Precision precision() {
    return computing.precision();
  }

  /**
   * Before data are read, which may take long.
   *
   * @throws IllegalArgumentException when a word is wrong, or {@code backend} cannot do it
   */
  void check(Backend backend) {
    precision().check(backend);
    graphs();
    shuffles();
    Augment.parse(augment);
  }

  boolean graphs() {
    Check.that(
        graph.equals("auto") || graph.equals("off"),
        "--graph: '%s' is neither auto nor off",
        graph);
    return graph.equals("auto");
  }

  private boolean shuffles() {
    Check.that(
        shuffle.equals("yes") || shuffle.equals("no"),
        "--shuffle: '%s' is neither yes nor no",
        shuffle);
    return shuffle.equals("yes");
  }

  DataLoader.Options loading(int batch, long seed) {
    return DataLoader.Options.training(batch, seed)
        .withShuffle(shuffles())
        .withAugment(Augment.parse(augment));
  }
}
