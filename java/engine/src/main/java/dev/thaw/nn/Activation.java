package dev.thaw.nn;

import dev.thaw.memory.Check;
import dev.thaw.tensor.Functional;
import dev.thaw.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/** An elementwise function as a module, chosen by its name. */
public final class Activation extends Module {
  private static final Map<String, UnaryOperator<Tensor>> BY_NAME = new LinkedHashMap<>();

  static {
    BY_NAME.put("relu", Functional::relu);
    BY_NAME.put("leaky-relu", x -> Functional.leakyRelu(x, 0.01));
    BY_NAME.put("elu", x -> Functional.elu(x, 1));
    BY_NAME.put("gelu", Functional::gelu);
    BY_NAME.put("gelu-tanh", Functional::geluTanh);
    BY_NAME.put("silu", Functional::silu);
    BY_NAME.put("sigmoid", Functional::sigmoid);
    BY_NAME.put("tanh", Functional::tanh);
    BY_NAME.put("softplus", Functional::softplus);
    BY_NAME.put("linear", x -> x);
  }

  private final String name;
  private final UnaryOperator<Tensor> function;

  private Activation(String name, UnaryOperator<Tensor> function) {
    this.name = name;
    this.function = function;
  }

  /** max(0, x). */
  public static Activation relu() {
    return named("relu");
  }

  /**
   * The function of that name: relu, leaky-relu (slope 0.01), elu, gelu, gelu-tanh, silu, sigmoid,
   * tanh, softplus, or linear, which is none.
   *
   * @throws IllegalArgumentException for another name; lists them
   */
  public static Activation named(String name) {
    UnaryOperator<Tensor> function = BY_NAME.get(name);
    Check.that(
        function != null, "activation: '%s' is unknown, say one of %s", name, BY_NAME.keySet());
    return new Activation(name, java.util.Objects.requireNonNull(function));
  }

  /** The function's name. */
  public String name() {
    return name;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return function.apply(x);
  }
}
