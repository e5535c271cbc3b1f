package dev.thaw.train;

import dev.thaw.memory.Scope;
import dev.thaw.nn.Module;
import dev.thaw.nn.Observer;
import dev.thaw.plan.Precision;
import dev.thaw.tensor.Tensor;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Finds the first layer that makes a value that is not finite, by running the batch once more. */
final class NonFinite {
  private NonFinite() {}

  /** A phrase naming the first such layer, or saying that the input itself is not finite. */
  static String first(Module model, Tensor x, Precision precision) {
    if (bad(x)) {
      return "the batch itself is not finite";
    }
    AtomicReference<@Nullable String> found = new AtomicReference<>();
    Observer look =
        new Observer() {
          @Override
          public Tensor activation(String name, Tensor y) {
            if (found.get() == null && bad(y)) {
              found.set(name.isEmpty() ? "the model's output" : name);
            }
            return y;
          }
        };
    try (Scope scope = Scope.open();
        var none = Tensor.noGrad();
        var watch = model.observe("*", look)) {
      precision.call(model, x);
    }
    String name = found.get();
    return name == null
        ? "every layer's output is finite, the loss is not"
        : "the first value that is not finite comes from " + name;
  }

  private static boolean bad(Tensor x) {
    for (float v : x.toFloats()) {
      if (!Float.isFinite(v)) {
        return true;
      }
    }
    return false;
  }
}
