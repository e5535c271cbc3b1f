package dev.thaw.transfer;

import dev.thaw.memory.Check;
import dev.thaw.nn.BatchNorm;
import dev.thaw.nn.BnPolicy;
import dev.thaw.nn.Module;
import dev.thaw.transfer.Layers.Layer;
import java.util.List;
import java.util.Locale;

/** How much of a pre-trained model moves. */
public enum Strategy {
  /** Everything is trained. */
  FULL,
  /** The last of four equal shares of the layers is trained, the head at least. */
  PARTIAL,
  /** The head alone is trained: what stands before it computes the same features for ever. */
  HEAD;

  /**
   * Freezes and thaws {@code model} accordingly.
   *
   * @param head full name of the head
   * @param policy what batch norms of frozen layers do
   * @return one line that says where the boundary is
   */
  public String apply(Module model, String head, BnPolicy policy) {
    List<Layer> layers = Layers.of(model);
    model.unfreeze();
    int boundary =
        switch (this) {
          case FULL -> 0;
          case PARTIAL -> lastShare(layers);
          case HEAD -> layers.size();
        };
    Freeze freeze = new Freeze(model, policy).first(boundary);
    model.module(head).unfreeze();
    freeze.settle();
    return switch (this) {
      case FULL -> "full: every layer is trained";
      case PARTIAL ->
          String.format(
              Locale.ROOT,
              "partial: frozen up to %s, trained from %s on",
              boundary == 0 ? "nothing" : layers.get(boundary - 1).name(),
              layers.get(boundary).name());
      case HEAD -> "head: only " + head + " is trained";
    };
  }

  /** Where the last of four equal shares begins; a norm stays with the layer before it. */
  private static int lastShare(List<Layer> layers) {
    int first = Math.min(layers.size() - 1, layers.size() * 3 / 4);
    while (first < layers.size() - 1 && layers.get(first).module() instanceof BatchNorm) {
      first++;
    }
    return first;
  }

  /**
   * The strategy of that name: full, partial, head.
   *
   * @throws IllegalArgumentException for another name
   */
  public static Strategy named(String name) {
    for (Strategy strategy : values()) {
      if (strategy.name().toLowerCase(Locale.ROOT).equals(name)) {
        return strategy;
      }
    }
    Check.that(false, "strategy: '%s' is unknown, say full, partial or head", name);
    return FULL;
  }
}
