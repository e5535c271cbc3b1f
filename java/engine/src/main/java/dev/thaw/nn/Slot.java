package dev.thaw.nn;

import dev.thaw.tensor.Tensor;

/** A named place for a child module; what stands in it can be replaced. */
public final class Slot {
  private final String name;
  private Module module;

  Slot(String name, Module module) {
    this.name = name;
    this.module = module;
    module.placed(name);
  }

  /** The child's name inside its parent. */
  public String name() {
    return name;
  }

  /** What stands here now. */
  public Module module() {
    return module;
  }

  /** Runs what stands here. */
  public Tensor call(Tensor x) {
    return module.call(x);
  }

  void put(Module other) {
    module = other;
    module.placed(name);
  }
}
