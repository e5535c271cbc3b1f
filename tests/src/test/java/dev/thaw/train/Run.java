package dev.thaw.train;

import dev.thaw.nn.Module;
import dev.thaw.nn.Parameter;
import java.util.ArrayList;
import java.util.List;

/** What a training left behind; its losses and notes are written down as a listener hears them. */
record Run(List<Double> losses, List<float[]> weights, List<String> notes) implements Listener {
  Run() {
    this(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
  }

  @Override
  public void step(Step step) {
    losses.add(step.loss());
  }

  @Override
  public void note(String line) {
    notes.add(line);
  }

  /** Keeps the weights that the model has now. */
  void keep(Module model) {
    for (Parameter p : model.parameters().values()) {
      weights.add(p.values());
    }
  }
}
