package dev.thaw.optim;

import dev.thaw.nn.Parameter;

/** Which settings a parameter moves by; asked anew whenever a parameter joins. */
@FunctionalInterface
public interface Grouping {
  /** The group of the parameter of that full name; equal groups are one group. */
  ParameterGroup of(String name, Parameter parameter);

  /** One group; biases and the scales of norms (rank 1) are not decayed. */
  static Grouping of(ParameterGroup group) {
    ParameterGroup plain = group.weightDecay() == 0 ? group : group.withoutDecay();
    return (name, parameter) -> parameter.shape().rank() > 1 ? group : plain;
  }

  /** One group; everything is decayed. */
  static Grouping decayingAll(ParameterGroup group) {
    return (name, parameter) -> group;
  }

  /** Parameters under {@code path} by {@code head}, all others by {@code rest}. */
  static Grouping of(String path, Grouping head, Grouping rest) {
    return (name, parameter) ->
        (name.equals(path) || name.startsWith(path + ".") ? head : rest).of(name, parameter);
  }
}
