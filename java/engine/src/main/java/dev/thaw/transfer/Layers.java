package dev.thaw.transfer;

import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The layers of a model: its modules with parameters of their own, in the order of registration.
 */
public final class Layers {
  /**
   * One layer.
   *
   * @param name full name, {@code layer4.1.conv2}
   * @param module the module
   */
  public record Layer(String name, Module module) {
    /** Number of elements of its parameters. */
    public long size() {
      return module.parameterCount();
    }

    /** {@code trained}, {@code frozen}, or {@code partly}. */
    public String state() {
      long frozen = module.parameters().values().stream().filter(Parameter::isFrozen).count();
      return frozen == 0 ? "trained" : frozen == module.parameters().size() ? "frozen" : "partly";
    }
  }

  private Layers() {}

  /** The layers of {@code model}. */
  public static List<Layer> of(Module model) {
    List<Layer> layers = new ArrayList<>();
    for (Map.Entry<String, Module> e : model.modules().entrySet()) {
      Module module = e.getValue();
      if (module.slots().isEmpty() && !module.parameters().isEmpty()) {
        layers.add(new Layer(e.getKey(), module));
      }
    }
    return layers;
  }

  /** The table that every training prints before its first step: layer, state, parameters. */
  public static String table(Module model) {
    List<Layer> layers = of(model);
    int width = 5;
    for (Layer layer : layers) {
      width = Math.max(width, layer.name().length());
    }
    StringBuilder table = new StringBuilder();
    String row = "%-" + width + "s  %-7s  %,12d%n";
    table.append(
        String.format(
            Locale.ROOT, "%-" + width + "s  %-7s  %12s%n", "layer", "state", "parameters"));
    long trained = 0;
    long all = 0;
    for (Layer layer : layers) {
      table.append(String.format(Locale.ROOT, row, layer.name(), layer.state(), layer.size()));
    }
    for (Parameter p : model.parameters().values().stream().distinct().toList()) {
      all += p.shape().elements();
      trained += p.isFrozen() ? 0 : p.shape().elements();
    }
    table.append(String.format(Locale.ROOT, "%,d of %,d parameters are trained%n", trained, all));
    return table.toString();
  }
}
