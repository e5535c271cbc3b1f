package dev.thaw.lessons;

import static dev.thaw.lessons.Lesson.expect;
import static dev.thaw.lessons.Lesson.say;

import dev.thaw.data.Alphabet;
import dev.thaw.data.DataLoader;
import dev.thaw.data.Dataset;
import dev.thaw.data.EmbeddedCharacters;
import dev.thaw.data.Normalisation;
import dev.thaw.data.Part;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.models.SeedCnn;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.optim.Optimizer;
import dev.thaw.optim.Sgd;
import dev.thaw.tensor.Generator;
import dev.thaw.train.Evaluation;
import dev.thaw.train.Trainer;
import dev.thaw.train.TrainingOptions;
import dev.thaw.transfer.FreezeContract;
import dev.thaw.transfer.HeadSwap;
import dev.thaw.transfer.Layers;
import dev.thaw.transfer.Strategy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Lesson 3: pre-train on letters, save; load, swap the head, freeze, fine-tune on a few digits. */
final class SwapAndFreeze {
  private static final int LETTERS = 2000;
  private static final int DIGITS = 100;

  private SwapAndFreeze() {}

  static void run(Path folder) throws IOException {
    Path file = Files.createTempFile("letters", ".safetensors");
    try (var seeded = new Generator(3).use()) {
      say("Pre-training on %d letters ...", LETTERS);
      pretrain(file);
      say("The head is found by running one example; everything before it stays.");
      Map<String, Double> accuracy = new LinkedHashMap<>();
      accuracy.put("from scratch", fromScratch());
      accuracy.put("head only", finetune(file, Strategy.HEAD));
      accuracy.put("whole net", finetune(file, Strategy.FULL));
      accuracy.forEach((how, a) -> say("  %-13s %.1f %% of new digits right", how, 100 * a));
      expect("from scratch", 0.43, accuracy.getOrDefault("from scratch", 0.0), 0.08);
      expect("head only", 0.65, accuracy.getOrDefault("head only", 0.0), 0.08);
      expect("whole net", 0.63, accuracy.getOrDefault("whole net", 0.0), 0.08);
      Lesson.save(folder, "03-strategies.svg", bars(accuracy));
    } finally {
      Files.delete(file);
    }
  }

  private static void pretrain(Path file) throws IOException {
    Dataset letters = EmbeddedCharacters.draw(Alphabet.LETTERS, Part.TRAIN, LETTERS, 1);
    Normalisation scale = Normalisation.measure(letters);
    try (Module model = new SeedCnn(28, 28, 1, letters.classes().size())) {
      train(model, letters, scale, 0.02, 3);
      ModelFile.save(file, model, card(letters, scale));
      say("saved with its classes, preprocessing and architecture: %s", file.getFileName());
    }
  }

  private static double fromScratch() throws IOException {
    Dataset digits = digits(Part.TRAIN, DIGITS);
    Normalisation scale = Normalisation.measure(digits);
    try (Module model = new SeedCnn(28, 28, 1, 10)) {
      train(model, digits, scale, 0.02, 10);
      return evaluate(model, scale);
    }
  }

  private static double finetune(Path file, Strategy strategy) throws IOException {
    ModelFile.Loaded loaded = ModelFile.load(file);
    Dataset digits = digits(Part.TRAIN, DIGITS);
    // Preprocessing belongs to the weights: the file's, not the new data's.
    Normalisation scale = scale(loaded.card());
    try (Module model = loaded.module()) {
      HeadSwap swap = new HeadSwap(model);
      swap.replaceHead(10);
      say("%s", strategy.apply(model, swap.path(), BnPolicy.EVAL));
      if (strategy == Strategy.HEAD) {
        say("%s", Layers.table(model));
      }
      FreezeContract contract = new FreezeContract(model);
      train(model, digits, scale, strategy == Strategy.HEAD ? 0.02 : 0.005, 10);
      contract.check();
      say("  %d frozen tensors are what they were, to the byte", contract.size());
      return evaluate(model, scale);
    }
  }

  private static void train(
      Module model, Dataset data, Normalisation scale, double rate, int epochs) throws IOException {
    try (Optimizer optimizer = new Sgd(model, rate, 0.9);
        DataLoader loader = new DataLoader(data, scale, DataLoader.Options.training(20, 5))) {
      new Trainer(model, optimizer, loader, TrainingOptions.epochs(epochs).seed(5)).run();
    }
  }

  private static double evaluate(Module model, Normalisation scale) throws IOException {
    try (DataLoader loader =
        new DataLoader(digits(Part.TEST, 1000), scale, DataLoader.Options.evaluation(100))) {
      return Evaluation.of(model, loader).accuracy();
    }
  }

  private static Dataset digits(Part part, int count) {
    return EmbeddedCharacters.draw(Alphabet.DIGITS, part, count, 1);
  }

  private static ModelCard card(Dataset data, Normalisation scale) {
    return new ModelCard(
        "seed-cnn",
        dev.thaw.tensor.Shape.of(1, 28, 28, 1),
        data.classes(),
        List.of((double) scale.mean()[0]),
        List.of((double) scale.std()[0]),
        List.of(Map.of("data", data.name(), "examples", data.size())));
  }

  private static Normalisation scale(ModelCard card) {
    return Normalisation.of(
        new float[] {card.mean().get(0).floatValue()},
        new float[] {card.std().get(0).floatValue()});
  }

  private static String bars(Map<String, Double> accuracy) {
    StringBuilder svg =
        new StringBuilder(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"520\" height=\"170\" style=\"background:#fff\""
                + " font-family=\"sans-serif\" font-size=\"14\">\n");
    int y = 20;
    for (Map.Entry<String, Double> e : accuracy.entrySet()) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"10\" y=\"%d\">%s</text><rect x=\"120\" y=\"%d\" width=\"%.0f\" height=\"28\""
                  + " fill=\"#00798c\"/><text x=\"%.0f\" y=\"%d\">%.1f %%</text>%n",
              y + 19,
              e.getKey(),
              y,
              300 * e.getValue(),
              128 + 300 * e.getValue(),
              y + 19,
              100 * e.getValue()));
      y += 48;
    }
    return svg.append("</svg>\n").toString();
  }
}
