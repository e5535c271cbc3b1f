package dev.thaw.transfer;

import dev.thaw.memory.Check;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Dropout;
import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import dev.thaw.transfer.Layers.Layer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Freezing of a model's parts. A frozen layer's batch norms go to the policy asked for, {@link
 * BnPolicy#EVAL} unless said otherwise; thawing leaves the policy as it is. Dropout inside a frozen
 * base drops nothing, so its features are the same at every step.
 */
public final class Freeze {
  private final Module model;
  private final BnPolicy policy;

  /** Freezing of {@code model}; norms of frozen layers use running statistics, constant. */
  public Freeze(Module model) {
    this(model, BnPolicy.EVAL);
  }

  /** Freezing of {@code model}; norms of frozen layers follow {@code policy}. */
  public Freeze(Module model, BnPolicy policy) {
    this.model = model;
    this.policy = policy;
  }

  /**
   * Freezes the parameters whose names match, with {@code *} for anything: {@code conv*}; a layer's
   * name means all of it.
   *
   * @throws IllegalArgumentException when nothing matches; names the layers
   */
  public Freeze matching(String pattern) {
    Pattern names = Pattern.compile(Pattern.quote(pattern).replace("*", "\\E.*\\Q") + "(\\..*)?");
    int matched = 0;
    for (Map.Entry<String, Parameter> e : model.parameters().entrySet()) {
      if (names.matcher(e.getKey()).matches()) {
        e.getValue().freeze(true);
        matched++;
      }
    }
    Check.that(matched > 0, "freeze: nothing matches '%s'; layers are %s", pattern, names());
    return settle();
  }

  /**
   * Freezes every layer up to and including {@code name}, a layer or a block of them.
   *
   * @throws IllegalArgumentException when there is no such part; names the layers
   */
  public Freeze upTo(String name) {
    List<Layer> layers = Layers.of(model);
    int last = -1;
    for (int i = 0; i < layers.size(); i++) {
      String layer = layers.get(i).name();
      if (layer.equals(name) || layer.startsWith(name + ".")) {
        last = i;
      }
    }
    Check.that(last >= 0, "freeze: no layer '%s'; layers are %s", name, names());
    return first(last + 1);
  }

  /**
   * Freezes the first {@code count} layers.
   *
   * @throws IllegalArgumentException when there are fewer
   */
  public Freeze first(int count) {
    List<Layer> layers = Layers.of(model);
    Check.that(
        count >= 0 && count <= layers.size(),
        "freeze: %d layers asked for, the model has %d",
        count,
        layers.size());
    layers.subList(0, count).forEach(l -> freeze(l.module()));
    return settle();
  }

  /**
   * Freezes all but the last {@code count} layers, which are thawed.
   *
   * @throws IllegalArgumentException when there are fewer
   */
  public Freeze allButLast(int count) {
    List<Layer> layers = Layers.of(model);
    Check.that(
        count >= 0 && count <= layers.size(),
        "freeze: %d trained layers asked for, the model has %d",
        count,
        layers.size());
    layers.subList(layers.size() - count, layers.size()).forEach(l -> l.module().unfreeze());
    return first(layers.size() - count);
  }

  /** Thaws everything; norms keep their policy. */
  public Freeze nothing() {
    model.unfreeze();
    return this;
  }

  private static void freeze(Module layer) {
    layer.parameters().values().forEach(p -> p.freeze(true));
  }

  /** A norm whose parameters are frozen follows the policy; {@code train()} will not undo it. */
  Freeze settle() {
    for (Module module : model.modules().values()) {
      if (module instanceof BatchNorm norm && norm.weight().isFrozen() && norm.bias().isFrozen()) {
        norm.policy(policy);
      }
    }
    settleDropout();
    return this;
  }

  /** Dropout between frozen layers with nothing trained before it drops nothing. */
  private void settleDropout() {
    List<Dropout> passed = new ArrayList<>();
    boolean trained = false;
    for (Module module : model.modules().values()) {
      if (module instanceof Dropout dropout) {
        dropout.freeze(false);
        passed.add(dropout);
      } else if (module.slots().isEmpty() && !module.parameters().isEmpty()) {
        trained |= module.parameters().values().stream().anyMatch(p -> !p.isFrozen());
        if (!trained) {
          passed.forEach(dropout -> dropout.freeze(true));
          passed.clear();
        }
      }
    }
  }

  private List<String> names() {
    return Layers.of(model).stream().map(Layer::name).toList();
  }
}
