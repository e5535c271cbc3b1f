package dev.thaw.models;

import dev.thaw.memory.Check;
import dev.thaw.nn.Module;
import dev.thaw.tensor.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Models by name or specification: {@code resnet20}, {@code
 * mlp:depth=30,width=64,activation=sigmoid}.
 */
public final class Zoo {
  private Zoo() {}

  /** The names that {@link #create} knows. */
  public static List<String> names() {
    List<String> names = new ArrayList<>(List.of("seed-cnn", "mlp"));
    names.addAll(List.of("resnet20", "resnet32", "resnet44", "resnet56"));
    names.addAll(List.of("resnet18", "resnet18-small", "resnet50"));
    return names;
  }

  /**
   * Shape of an example for which a model of that name is usually quoted: that of MNIST, CIFAR-10
   * or ImageNet.
   *
   * @throws IllegalArgumentException when the name is unknown
   */
  public static Shape standardExample(String name) {
    return switch (name) {
      case "seed-cnn", "mlp" -> Shape.of(1, 28, 28, 1);
      case "resnet18", "resnet50" -> Shape.of(1, 224, 224, 3);
      default -> {
        checkKnown(name);
        yield Shape.of(1, 32, 32, 3);
      }
    };
  }

  /** Number of classes that go with {@link #standardExample}. */
  public static int standardClasses(String name) {
    return standardExample(name).dim(1) == 224 ? 1000 : 10;
  }

  private static void checkKnown(String name) {
    Check.that(
        names().contains(name),
        "model: '%s' is unknown, there are %s",
        name,
        String.join(", ", names()));
  }

  /**
   * A fresh model.
   *
   * @param spec a name, with {@code :key=value,..} for mlp
   * @param example shape of one example, [1, h, w, c]
   * @param classes number of logits
   * @throws IllegalArgumentException when the name or a setting is unknown; lists what there is
   */
  public static Module create(String spec, Shape example, int classes) {
    int colon = spec.indexOf(':');
    String name = colon < 0 ? spec : spec.substring(0, colon);
    checkKnown(name);
    Map<String, String> settings = settings(colon < 0 ? "" : spec.substring(colon + 1));
    Check.that(
        settings.isEmpty() || name.equals("mlp"),
        "model: %s takes no settings, got %s",
        name,
        spec);
    Check.that(
        example.rank() == 4 || name.equals("mlp"),
        "model: %s reads pictures [1, h, w, c], got %s",
        name,
        example);
    if (name.equals("mlp")) {
      return new Mlp(example, classes, mlp(settings));
    }
    int h = example.dim(1);
    int w = example.dim(2);
    int c = example.dim(3);
    return switch (name) {
      case "seed-cnn" -> new SeedCnn(h, w, c, classes);
      case "resnet20", "resnet32", "resnet44", "resnet56" ->
          new CifarResNet(Integer.parseInt(name.substring(6)), h, w, c, classes);
      case "resnet18" ->
          new ResNet(
              h, w, c, classes, new ResNet.Options(new int[] {2, 2, 2, 2}, false, 64, false));
      case "resnet18-small" ->
          new ResNet(h, w, c, classes, new ResNet.Options(new int[] {2, 2, 2, 2}, false, 64, true));
      case "resnet50" ->
          new ResNet(h, w, c, classes, new ResNet.Options(new int[] {3, 4, 6, 3}, true, 64, false));
      default -> throw new IllegalArgumentException("model: " + name + " has no recipe");
    };
  }

  private static Map<String, String> settings(String text) {
    Map<String, String> settings = new LinkedHashMap<>();
    if (!text.isEmpty()) {
      for (String part : text.split(",", -1)) {
        int equals = part.indexOf('=');
        Check.that(equals > 0, "model: '%s' is no setting, say depth=30,width=64", part);
        settings.put(part.substring(0, equals).trim(), part.substring(equals + 1).trim());
      }
    }
    return settings;
  }

  private static Mlp.Options mlp(Map<String, String> settings) {
    Mlp.Options d = Mlp.Options.DEFAULT;
    for (String key : settings.keySet()) {
      Check.that(
          List.of("depth", "width", "activation", "init").contains(key),
          "model: mlp has no setting '%s', there are depth, width, activation, init",
          key);
    }
    return new Mlp.Options(
        number(settings, "depth", d.depth()),
        number(settings, "width", d.width()),
        settings.getOrDefault("activation", d.activation()),
        settings.getOrDefault("init", d.init()));
  }

  private static int number(Map<String, String> settings, String key, int otherwise) {
    String text = settings.get(key);
    if (text == null) {
      return otherwise;
    }
    Check.that(text.matches("\\d{1,6}"), "model: %s=%s is no whole number", key, text);
    return Integer.parseInt(text);
  }
}
