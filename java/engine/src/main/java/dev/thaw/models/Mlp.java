package dev.thaw.models;

import dev.thaw.memory.Check;
import dev.thaw.nn.Activation;
import dev.thaw.nn.Flatten;
import dev.thaw.nn.Init;
import dev.thaw.nn.Linear;
import dev.thaw.nn.Module;
import dev.thaw.nn.Slot;
import dev.thaw.tensor.Shape;
import dev.thaw.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Linear layers with an activation between: any depth, width, activation and start. */
public final class Mlp extends Module {
  /**
   * What it is made of.
   *
   * @param depth linear layers, the last one gives the logits
   * @param width units of each hidden layer
   * @param activation a name that {@link Activation#named} knows
   * @param init a name that {@link Init#named} knows
   */
  public record Options(int depth, int width, String activation, String init) {
    /** Two layers, 128 hidden units, ReLU, PyTorch's start. */
    public static final Options DEFAULT = new Options(2, 128, "relu", "default");

    /** Checks the ranges. */
    public Options {
      Check.that(depth > 0 && width > 0, "mlp: depth %d, width %d", depth, width);
    }
  }

  private final Slot[] chain;

  /** For examples of {@code shape}, [1, ..], read as rows. */
  public Mlp(Shape shape, int classes, Options options) {
    int features = shape.elements(1, shape.rank());
    List<Slot> slots = new ArrayList<>();
    slots.add(slot("flatten", new Flatten()));
    for (int i = 1; i <= options.depth(); i++) {
      int out = i == options.depth() ? classes : options.width();
      Init init = Init.named(options.init());
      slots.add(slot("fc" + i, new Linear(features, out, true, init)));
      if (i < options.depth()) {
        slots.add(slot("act" + i, Activation.named(options.activation())));
      }
      features = out;
    }
    chain = slots.toArray(new Slot[0]);
    example(shape);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return through(x, chain);
  }
}
