package dev.thaw.app;

import dev.thaw.memory.Device;
import dev.thaw.models.Zoo;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import dev.thaw.transfer.Layers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** The zoo: every model is made once, so that what is printed is what one would get. */
@Command(
    name = "models",
    description = "The models that --model knows, with their parameters for a standard input.")
final class Models extends Subcommand {
  @Parameters(
      arity = "0..1",
      paramLabel = "MODEL",
      description = "A name or a spec such as mlp:depth=30,width=64: shows its layers.")
  private @Nullable String chosen;

  @Override
  Map<String, Object> run() {
    try (Device.Use on = backend().device().use()) {
      return chosen == null ? fields("models", all()) : layers(chosen);
    }
  }

  private List<Map<String, Object>> all() {
    List<Map<String, Object>> models = new ArrayList<>();
    print("%-15s %12s  %-18s %s", "model", "parameters", "standard input", "classes");
    for (String name : Zoo.names()) {
      Shape example = Zoo.standardExample(name);
      int classes = Zoo.standardClasses(name);
      try (Module model = Zoo.create(name, example, classes)) {
        String count = String.format(Locale.ROOT, "%,d", model.parameterCount());
        print("%-15s %12s  %-18s %d", name, count, example, classes);
        models.add(describe(name, model, example, classes));
      }
    }
    print("mlp takes settings: mlp:depth=30,width=64,activation=sigmoid,init=xavier");
    return models;
  }

  private Map<String, Object> layers(String spec) {
    String name = spec.contains(":") ? spec.substring(0, spec.indexOf(':')) : spec;
    Shape example = Zoo.standardExample(name);
    int classes = Zoo.standardClasses(name);
    try (Module model = Zoo.create(spec, example, classes)) {
      print("%s for %s, %d classes", spec, example, classes);
      print(Layers.table(model).stripTrailing());
      Map<String, Object> json = describe(spec, model, example, classes);
      List<Map<String, Object>> layers = new ArrayList<>();
      for (Layers.Layer layer : Layers.of(model)) {
        layers.add(fields("name", layer.name(), "parameters", layer.size()));
      }
      json.put("layers", layers);
      return json;
    }
  }

  private static Map<String, Object> describe(
      String name, Module model, Shape example, int classes) {
    return fields(
        "name",
        name,
        "parameters",
        model.parameterCount(),
        "input",
        Arrays.stream(example.dims()).boxed().toList(),
        "classes",
        classes);
  }
}
