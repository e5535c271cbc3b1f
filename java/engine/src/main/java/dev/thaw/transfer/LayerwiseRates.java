package dev.thaw.transfer;

import dev.thaw.memory.Check;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.optim.Grouping;
import dev.thaw.optim.ParameterGroup;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rates that fall from the head towards the input: the stage below the head moves by its base rate,
 * the one before by {@code decay} times that, and so on (Howard and Ruder, arXiv 1801.06146: lower
 * layers are more general, so they should move less).
 *
 * <p>A stage is a residual block, or a layer outside of one together with the norm that follows it.
 */
public final class LayerwiseRates implements Grouping {
  private final Grouping base;
  private final double decay;
  private final Map<String, Integer> stageOf = new LinkedHashMap<>();
  private final List<String> stages = new ArrayList<>();

  /**
   * Rates for {@code model} as it is now.
   *
   * @param head full name of the head, whose rate is its own
   * @param decay from stage to stage, in (0, 1]
   * @param base rates without decay
   */
  public LayerwiseRates(Module model, String head, double decay, Grouping base) {
    Check.that(decay > 0 && decay <= 1, "layer decay: %s is not in (0, 1]", decay);
    this.base = base;
    this.decay = decay;
    for (Layers.Layer layer : Layers.of(model)) {
      if (!layer.name().equals(head)) {
        stageOf.put(layer.name(), stage(layer));
      }
    }
  }

  private int stage(Layers.Layer layer) {
    String block = block(layer.name());
    boolean norm =
        layer.module().parameters().values().stream().allMatch(p -> p.shape().rank() == 1);
    int last = stages.size() - 1;
    if (last >= 0 && (norm || stages.get(last).equals(block))) {
      return last;
    }
    stages.add(block);
    return last + 1;
  }

  /** {@code layer2.0} of {@code layer2.0.downsample.0}; a layer outside a block is its own. */
  private static String block(String name) {
    String[] parts = name.split("\\.", -1);
    StringBuilder block = new StringBuilder();
    for (String part : parts) {
      block.append(block.isEmpty() ? "" : ".").append(part);
      if (part.matches("\\d+")) {
        return block.toString();
      }
    }
    return name;
  }

  @Override
  public ParameterGroup of(String name, Parameter parameter) {
    ParameterGroup group = base.of(name, parameter);
    Integer stage = stageOf.get(name.substring(0, Math.max(0, name.lastIndexOf('.'))));
    if (stage == null) {
      return group;
    }
    int below = stages.size() - 1 - stage;
    return group.at(
        group.name() + " x " + decay + "^" + below, group.rate() * Math.pow(decay, below));
  }
}
