package dev.thaw.app;

import dev.thaw.data.Normalisation;
import dev.thaw.io.NdArray;
import dev.thaw.io.Safetensors;
import dev.thaw.memory.BadFileException;
import dev.thaw.memory.Device;
import dev.thaw.models.ModelCard;
import dev.thaw.models.ModelFile;
import dev.thaw.models.StateDict;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.optim.Grouping;
import dev.thaw.tensor.Generator;
import dev.thaw.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Trains a model from the start. */
@Command(name = "pretrain", description = "Train a model from the start and save it.")
final class Pretrain extends TrainingCommand {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "NAME",
      description = "A name that `thaw models` lists, or mlp:depth=30,width=64,activation=sigmoid.")
  private String architecture;

  @Option(
      names = "--size",
      paramLabel = "HxWxC",
      description = "Fit pictures to this size, such as 64x64x3; by default their own.")
  private @Nullable String size;

  @Option(
      names = "--init",
      paramLabel = "FILE",
      description = "Start from the tensors of this safetensors file, by name.")
  private @Nullable Path init;

  @Override
  Map<String, Object> run() throws IOException {
    running.check();
    learning.check(backend());
    String rule = optimizing.rule("sgd");
    double rate =
        optimizing.rate() == null ? OptimizerOptions.defaultRate(rule) : optimizing.rate();
    Map<String, Object> origin = fields("kind", "pretrain", "rate", rate);
    if (init != null) {
      origin.put("init", ModelFile.sha256(init));
    }
    try (Device.Use on = backend().device().use()) {
      DataParts parts =
          data.open(learning.validation(), running.patience() > 0, List.of(), picture());
      Normalisation normalisation = learning.normalisation(parts.train(), null);
      ModelCard card =
          new ModelCard(
              architecture,
              exampleOf(parts.train().shape()),
              parts.train().classes(),
              LearningOptions.decimals(normalisation.mean()),
              LearningOptions.decimals(normalisation.std()),
              List.of());
      try (Device.Use numbers = new Generator(data.seed()).use();
          Module model = Zoo.create(architecture, card.example(), card.classes().size())) {
        if (init != null) {
          load(model, init);
        }
        Grouping grouping = Grouping.of(optimizing.group(rule, rate));
        Start start = new Start(model, init == null, card, rule, grouping, origin);
        return train(start, parts, normalisation);
      }
    }
  }

  private @Nullable Shape picture() {
    return size == null ? null : pictureSize(size);
  }

  private static void load(Module model, Path file) throws IOException {
    Map<String, NdArray> state = new LinkedHashMap<>();
    try (Safetensors tensors = Safetensors.open(file)) {
      for (Safetensors.Entry entry : tensors.entries()) {
        state.put(entry.name(), entry.read());
      }
    }
    StateDict.Report report = StateDict.load(model, state);
    if (!report.isComplete()) {
      throw new BadFileException(
          file, -1, "every tensor of --model", report.toString(), "name the model it belongs to");
    }
  }
}
